"""A random engine: what a stack had, what others have beside it, and the truth about it, which nobody is told."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

from controller.engines.simulated_shelf import Shelf
from controller.loop.imagebook import Seen, Sighting
from controller.loop.loaded import Loaded
from controller.loop.needs import Records
from controller.loop.returnable import find_returnable
from controller.model.cleanup import CacheRecord, ContainerSeen, ImageSeen, LogSeen, NetworkSeen
from controller.model.decision import Attempt, History
from controller.model.desired import DesiredService, DesiredStack, Template
from controller.model.generation import Ending, Generation
from controller.model.names import ImageId, Instant, Release, ReplicaId, Revision, make_release, split_release
from controller.model.observed import ReplicaPhase
from controller.model.project import ComposeProject, RenderedProject
from tests.builders import NOW

DAY = 86400.0
OLDER_THAN = 7 * DAY
RETURNABLE = 10
"""As promised in docs/cli.md, and not as the code has it."""

MOVING, VERSIONS, PULLED = "moving", "versions", "pulled"
AT_REST = (ReplicaPhase.EXITED, ReplicaPhase.CREATED, ReplicaPhase.DEAD)
PHASES = (*AT_REST, ReplicaPhase.EXITED, ReplicaPhase.RUNNING, ReplicaPhase.PAUSED, ReplicaPhase.RESTARTING)


@dataclass
class Told:
    """What is kept of one stack of ours."""

    generations: list[Generation] = field(default_factory=list)
    histories: dict[str, History] = field(default_factory=dict)
    revisions: dict[tuple[str, Revision], DesiredService] = field(default_factory=dict)
    sightings: dict[Sighting, Seen] = field(default_factory=dict)
    replicas: set[ReplicaId] = field(default_factory=set)

    @property
    def records(self) -> Records:
        return Records(
            tuple(self.generations), self.histories, tuple(self.revisions.values()), {}, frozenset(self.replicas),
            self.sightings,
        )  # fmt: skip


@dataclass
class Holdings:
    """All there is. `owner`: who made a thing; `until`: when an image was last in use by whoever made it."""

    seed: int
    chance: random.Random
    containers: list[ContainerSeen] = field(default_factory=list)
    images: dict[ImageId, ImageSeen] = field(default_factory=dict)
    networks: list[NetworkSeen] = field(default_factory=list)
    owner: dict[str, str] = field(default_factory=dict)
    until: dict[ImageId, Instant] = field(default_factory=dict)
    shop: Told = field(default_factory=Told)
    blog: Told = field(default_factory=Told)
    wanted_networks: set[str] = field(default_factory=set)
    services: tuple[str, ...] = ()
    dormant: tuple[str, ...] = ()
    """Services that the files have, but not in the profile that is started."""
    made_for: dict[ImageId, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    """Stacks and services that had an image, whoever saw it."""

    @property
    def shelf(self) -> Shelf:
        chance = self.chance
        volumes = ("shop_data", "blog_data", "other_data", "a" * 64)
        cache = tuple(
            CacheRecord(
                f"r{n}", chance.randrange(50), NOW - chance.random() * 30 * DAY, chance.random() < 0.2, n % 3 == 0
            )
            for n in range(chance.randrange(6))
        )
        logs = tuple(LogSeen(one.id, one.name, one.service, 2**30, False) for one in self.containers[:1])
        return Shelf(
            tuple(self.containers), tuple(self.images.values()), tuple(self.networks), volumes, cache, logs
        )  # fmt: skip

    @property
    def loaded(self) -> Loaded:
        last = self.shop.generations[-1]
        started = [name for name in self.services if name not in self.dormant]
        services = {name: self.shop.revisions[name, last.revisions[name]] for name in started}
        project = ComposeProject("shop", (), Path("/shop"), environment={})
        return Loaded(
            "compose.yaml", project, RenderedProject("shop", {}), DesiredStack("shop", services, "d", last.number),
            declared=frozenset(self.services),
        )  # fmt: skip

    def pick(self) -> ImageSeen:
        return self.images[self.chance.choice(tuple(self.images))]

    def add(self, image: ImageSeen, owner: str, until: Instant) -> ImageId:
        self.images[image.id], self.owner[image.id], self.until[image.id] = image, owner, until
        return image.id


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
        held.chance.choice((_tag, _build_on, _commit, _mount, _strange_image, _strange_container, _strange_container))(
            held
        )
    for number in range(held.chance.randrange(4)):
        _leftover(held, number)
    _connect(held)
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


# --- other hands


def _tag(held: Holdings) -> None:
    image = held.pick()
    held.images[image.id] = replace(image, names=(*image.names, "mine:1"), named_before=True)
    held.until[image.id] = NOW


def _build_on(held: Holdings) -> None:
    """Somebody's image on one of these: it inherits the label, and the builder may not say what it was built on."""
    image = held.pick()
    says = held.chance.random() < 0.7
    made = replace(
        image,
        id=ImageId(f"{image.id}-child"),
        names=("mine:2",) if held.chance.random() < 0.5 else (),
        digests=(),
        parent=image.id if says else None,
        named_before=True,
        bytes=image.bytes + 5,
        created_at=NOW - 30 * DAY,
    )
    held.add(made, "user", NOW - 30 * DAY)


def _commit(held: Holdings) -> None:
    """Of a container of Compose's: its labels say nothing then. Whether it says what it was made of depends."""
    image, says = held.pick(), held.chance.random() < 0.5
    made = replace(
        image,
        id=ImageId(f"{image.id}-commit"),
        names=("mine:3",) if held.chance.random() < 0.5 else (),
        digests=(),
        parent=image.id if says else None,
        project="",
        service="",
        created_at=NOW - 30 * DAY,
    )
    held.add(made, "user", NOW - 30 * DAY)


def _mount(held: Holdings) -> None:
    """Somebody has an image as a volume."""
    image = held.pick()
    if image.names:
        number = len(held.containers)
        one = _container(held, f"mounts{number}", "other", one_off=False, image=ImageId("sha256:strange"))
        held.containers.append(replace(one, mounted=frozenset({held.chance.choice(image.names)})))
        held.owner[one.id] = "other"


def _strange_image(held: Holdings) -> None:
    made = ImageSeen(ImageId("sha256:strange"), project="other", service="web", bytes=9, created_at=NOW - 40 * DAY)
    held.add(made, "other", NOW - 30 * DAY)


def _strange_container(held: Holdings) -> None:
    chance, number = held.chance, len(held.containers)
    project = chance.choice(("", "other", "blog"))
    one = _container(held, f"strange{number}", project, one_off=chance.random() < 0.5, image=held.pick().id)
    held.containers.append(one)
    held.owner[one.id] = project or "user"


def _container(held: Holdings, name: str, project: str, *, one_off: bool, image: ImageId) -> ContainerSeen:
    chance = held.chance
    phase = chance.choice(PHASES)
    ended = NOW - chance.choice((1, 6, 8, 30)) * DAY if phase in (ReplicaPhase.EXITED, ReplicaPhase.DEAD) else None
    holder = chance.choice(held.containers).id if held.containers and chance.random() < 0.1 else ""
    networks = frozenset(chance.sample(("shop_default", "shop_old", "net-shop_old", "other_default"), 1))
    return ContainerSeen(
        ReplicaId(name), name, image, phase, project, "web", one_off, networks=networks, holder=holder, exit_code=0,
        bytes=chance.randrange(99), created_at=(ended or NOW) - chance.choice((0.0, 1, 8)) * DAY, ended_at=ended,
    )  # fmt: skip


def _leftover(held: Holdings, number: int) -> None:
    """Of our stack: a one-off, or one that somebody was interrupted at making."""
    chance = held.chance
    if chance.random() < 0.7:
        one = _container(held, f"shop-run-{number}", "shop", one_off=True, image=held.pick().id)
    else:
        final = chance.choice(["nobody", *(c.name for c in held.containers if not (c.one_off or c.stands_for))])
        one = replace(
            _container(held, f"0123456789ab_{number}", "shop", one_off=False, image=held.pick().id),
            stands_for=final,
            phase=ReplicaPhase.CREATED,
            ended_at=None,
        )
    held.containers.append(one)
    held.owner[one.id] = "shop"


def _connect(held: Holdings) -> None:
    for name, project in (("shop_default", "shop"), ("shop_old", "shop"), ("other_default", "other"), ("lone", "")):
        if held.chance.random() < 0.8:
            made = NetworkSeen(f"net-{name}", name, project, NOW - held.chance.choice((1, 30)) * DAY)
            held.networks.append(made)
            held.owner[made.id] = project or "user"
    held.wanted_networks = {"shop_default"}


_OTHER_HANDS = (_tag, _build_on, _commit, _mount, _strange_image, _strange_container, _strange_container)
