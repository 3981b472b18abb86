"""A random engine: what a stack had, what others have beside it, and the truth about it, which nobody is told."""

from __future__ import annotations

import json
import random
from dataclasses import replace

from controller.loop.imagebook import Seen, Sighting
from controller.loop.returnable import find_returnable
from controller.model.cleanup import ContainerSeen, ImageSeen
from controller.model.decision import Attempt, History
from controller.model.desired import DesiredService, Template
from controller.model.generation import Ending, Generation
from controller.model.names import ImageId, Instant, Release, ReplicaId, Revision, make_release, split_release
from controller.model.observed import ReplicaPhase
from tests.builders import NOW
from tests.property.held import DAY, MOVING, PULLED, RETURNABLE, VERSIONS, Holdings, Told
from tests.property.other_hands import OTHER_HANDS, connect, leftover


def draw(seed: int) -> Holdings:
    """The world of that number."""
    held = Holdings(seed, random.Random(seed))
    for number in range(2):
        base = ImageSeen(ImageId(f"sha256:base{number}"), (f"base:{number}",), bytes=500, created_at=NOW - 90 * DAY)
        held.add(base if number else replace(base, names=()), "user", NOW - 60 * DAY)
    _live(held, "shop", held.shop)
    _live(held, "blog", held.blog)
    held.services = tuple(held.shop.generations[-1].revisions)
    held.dormant = tuple(name for name in held.services if held.chance.random() < 0.2)
    for _ in range(held.chance.randrange(4)):
        held.chance.choice(OTHER_HANDS)(held)
    for number in range(held.chance.randrange(4)):
        leftover(held, number)
    connect(held)
    return held


# --- the life of a stack of ours


def _live(held: Holdings, stack: str, told: Told) -> None:
    """Its generations, with the images that its services had, until now."""
    chance = held.chance
    count = chance.choice((chance.randint(1, 14), 24))
    ages = sorted((chance.random() * 60 * DAY for _ in range(count)), reverse=True)
    for service in ("web", "db")[: chance.randint(1, 2)]:
        name = "shared" if service == "web" and chance.random() < 0.3 else service
        _serve(held, stack, told, name, chance.choice((MOVING, VERSIONS, PULLED)), ages)
    images = {service: {g.number: g.releases.get(service) for g in told.generations} for service in told.histories}
    assert images


def _serve(held: Holdings, stack: str, told: Told, service: str, style: str, ages: list[float]) -> None:
    chance, image, name, began = held.chance, None, "", 0
    pace = chance.choice((0.7, 0.1))
    for number, age in enumerate(ages, 1):
        if image is None or chance.random() < pace:
            if image is not None:
                _end(held, told, service, image, name, NOW - age)
            image, name = _make(held, stack, service, style, number, NOW - age)
            began = number
        revision = Revision(f"r{began if style != MOVING else 1}")
        told.revisions[service, revision] = _service(stack, service, revision, name)
        _note(told, number, age, service, make_release(revision, image) if chance.random() < 0.9 else None, revision)
    assert image is not None
    _go_on(held, stack, told, service, image, name)
    kept = {g.revisions.get(service) for g in told.generations[-RETURNABLE:]}
    kept |= {split_release(release)[0] for name, release in find_returnable(told.generations) if name == service}
    for key in [key for key in told.revisions if key[0] == service and key[1] not in kept]:
        del told.revisions[key]


def _service(stack: str, service: str, revision: Revision, image: str) -> DesiredService:
    network = json.dumps({"Name": f"{stack}_default"})
    return DesiredService(service, 1, revision, Template(service, "h", "f", networks=(network,)), image)


def _note(told: Told, number: int, age: float, service: str, release: Release | None, revision: Revision) -> None:
    if len(told.generations) < number:
        told.generations.append(Generation(number, f"d{number}", NOW - age, ending=Ending.CONVERGED))
    one = told.generations[number - 1]
    settled = {service: release} if release is not None else {}
    told.generations[number - 1] = replace(
        one, revisions={**one.revisions, service: revision}, releases={**one.releases, **settled}
    )


def _make(held: Holdings, stack: str, service: str, style: str, number: int, at: Instant) -> tuple[ImageId, str]:
    """A new image, built in steps or pulled, and the name by which it is used."""
    chance = held.chance
    key = f"{service}{number}" if service == "shared" and chance.random() < 0.5 else f"{stack}-{service}{number}"
    image = ImageId(f"sha256:{key}")
    held.made_for[image].add((stack, service))
    name = f"{stack}-{service}:latest" if style == MOVING else f"{key}:1"
    if image in held.images:
        return image, held.images[image].names[0] if held.images[image].names else name
    parent, size = _steps(held, stack, image, at) if style != PULLED else (None, 700)
    if style == MOVING:
        for other in held.images.values():
            held.images[other.id] = replace(other, names=tuple(one for one in other.names if one != name))
    built = style == MOVING or (style == VERSIONS and stack == "blog")
    held.add(
        ImageSeen(
            image,
            (name,),
            (f"{key}@sha256:0",) if style == PULLED else (),
            parent,
            project=stack if built else "",
            service=service if built else "",
            bytes=size + chance.randrange(50),
            shared=chance.choice((None, size)),
            created_at=at,
        ),
        stack,
        NOW,
    )
    return image, name


def _steps(held: Holdings, stack: str, image: ImageId, at: Instant) -> tuple[ImageId | None, int]:
    """What a builder leaves in between, on a base of somebody's or on what it made before."""
    chance = held.chance
    if chance.random() < 0.3:
        return None, 600  # a builder that leaves nothing
    mine = [one for one in held.images.values() if held.owner[one.id] == stack and not one.named_before]
    base = (
        chance.choice(mine)
        if mine and chance.random() < 0.4
        else held.images[ImageId(f"sha256:base{chance.randrange(2)}")]
    )
    parent, size = base.id, base.bytes
    for number in range(chance.randrange(3)):
        size += chance.randrange(100)
        step = ImageSeen(ImageId(f"{image}-step{number}"), parent=parent, named_before=False, bytes=size, created_at=at)
        parent = held.add(step, stack, at)
    return parent, size


def _end(held: Holdings, told: Told, service: str, image: ImageId, name: str, at: Instant) -> None:
    """Something else came in its place. Nobody may have seen that it was there at all."""
    held.until[image] = at if held.until[image] == NOW else max(at, held.until[image])
    if held.chance.random() < 0.9:
        told.sightings[Sighting(service, image, name)] = Seen(at, False)
        if held.chance.random() < 0.2:
            _have_by_another_name(held, told, service, image, at)


def _have_by_another_name(held: Holdings, told: Told, service: str, image: ImageId, at: Instant) -> None:
    """The same service had it by two tags, of one repository or of two."""
    seen = held.images[image]
    other = held.chance.choice((f"{image.removeprefix('sha256:')}:old", f"reg.io/{image.removeprefix('sha256:')}:1"))
    held.images[image] = replace(seen, names=(*seen.names, other))
    told.sightings[Sighting(service, image, other)] = Seen(at, False)


def _go_on(held: Holdings, stack: str, told: Told, service: str, image: ImageId, name: str) -> None:
    """What it has now; it may be stopped, and its containers gone."""
    chance = held.chance
    held.until[image] = NOW
    told.sightings[Sighting(service, image, name)] = Seen(NOW - DAY, True)
    releases = [g.releases[service] for g in told.generations if service in g.releases]
    pick = lambda: chance.choice(releases) if releases and chance.random() < 0.5 else None  # noqa: E731
    attempt = Attempt(release) if (release := pick()) is not None else None
    told.histories[service] = History(good=pick(), pinned=pick(), attempt=attempt)
    for number in range(chance.randrange(3)):
        phase = chance.choice((ReplicaPhase.RUNNING, ReplicaPhase.RUNNING, ReplicaPhase.EXITED, ReplicaPhase.CREATED))
        ended = NOW - 20 * DAY if phase is ReplicaPhase.EXITED else None
        one = ContainerSeen(
            ReplicaId(f"{stack}-{service}-{number}"), f"{stack}-{service}-{number}", image, phase, stack, service,
            networks=frozenset({f"{stack}_default"}), created_at=NOW - 30 * DAY, ended_at=ended, bytes=1,
        )  # fmt: skip
        held.containers.append(one)
        held.owner[one.id] = stack
        if chance.random() < 0.8:
            told.replicas.add(one.id)
