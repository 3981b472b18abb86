"""Whatever an engine holds: clean-up takes nothing of anybody else's, no volume, and nothing that a way back needs."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from controller.engines.simulated import SimulatedEngine
from controller.engines.simulated_clock import HandClock
from controller.engines.simulated_shelf import Shelf
from controller.loop.needs import find_had, find_own, find_shared
from controller.loop.undo import Standing, Undo, find_return
from controller.model.cleanup import ContainerSeen, ImageSeen, Inventory, Item, Rubbish
from controller.model.decision import History
from controller.model.errors import Conflict, ControllerError
from controller.model.images import normalise_image
from controller.model.names import ImageId, ReplicaId, split_release
from controller.model.observed import ReplicaPhase, ServiceView
from controller.model.resources import CleanupPolicy
from controller.resources.cleanup import find_rubbish
from tests.builders import NOW
from tests.property.held import AT_REST, OLDER_THAN, RETURNABLE, Holdings, Told
from tests.property.holdings import draw

pytestmark = pytest.mark.unit

WORLDS, BATCH = 10_000, 500
POLICY = CleanupPolicy(older_than=OLDER_THAN, build_cache=True, keep_storage=20)


def judge(held: Holdings, inventory: Inventory) -> tuple[Item, ...]:
    """As `loop.cleanup` puts it together."""
    kept = find_own(held.shop.records, held.loaded)
    kept |= find_shared(held.blog.records, NOW, POLICY.older_than)
    return find_rubbish(inventory, find_had(held.shop.records, NOW), kept, POLICY, NOW)


# --- the oracle: by what is known to be true, and by no rule of ours


def may_go(held: Holdings, item: Item, shelf: Shelf) -> str:
    """Why not; "": it may. `shelf`: all that there was when it went."""
    if held.owner.get(item.id, "shop") != "shop":
        return "it is somebody else's"
    match item.kind:
        case Rubbish.CONTAINER:
            return _why_container_stays(held, next(one for one in shelf.containers if one.id == item.id), shelf)
        case Rubbish.IMAGE:
            gone = [ImageId(item.id), *(one.id for one in item.along)]
            return "; ".join(filter(None, (_why_image_stays(held, image, gone, shelf) for image in gone)))
        case Rubbish.NETWORK:
            users = [c.name for c in shelf.containers if {item.id, item.name} & c.networks]
            return f"{users} are on it" if users else "it is wanted" if item.name in held.wanted_networks else ""
        case _:
            return ""


def _why_container_stays(held: Holdings, one: ContainerSeen, shelf: Shelf) -> str:
    if one.id in held.shop.replicas or one.phase not in AT_REST:
        return f"it is {one.phase}, or known to be ours"
    if any(other.holder in (one.id, one.name) for other in shelf.containers):
        return "another one is in its network"
    if not one.one_off and one.stands_for not in {other.name for other in shelf.containers}:
        return "it is a replica"
    return "" if NOW - (one.ended_at or one.created_at) >= OLDER_THAN or not one.one_off else "it is young"


def _why_image_stays(held: Holdings, image: ImageId, gone: Collection[ImageId], shelf: Shelf) -> str:
    seen = next(one for one in shelf.images if one.id == image)
    if held.owner[image] != "shop":
        return f"{image} is somebody else's"
    if any(name.startswith("mine:") for name in seen.names):
        return f"{image} has a name of somebody's"
    if user := _user_of(seen, shelf):
        return f"{image} is used by {user}"
    if any(("shop", name) in held.made_for[image] for name in held.dormant):
        return f"{image} was a service's that may be started again in its profile"
    if any(one.parent == image and one.id not in gone for one in shelf.images):
        return f"something else was built on {image}"
    if image in needed(held.shop) | needed(held.blog) | gone_back_to(held) | wanted(held, shelf):
        return f"{image} is wanted, or a way back needs it"
    return f"{image} was used lately" if held.until[image] > NOW - OLDER_THAN else ""


def _user_of(image: ImageSeen, shelf: Shelf) -> str:
    """What runs it, or has it as a volume; whatever project it is of."""
    names = set(image.names)
    return next((one.name for one in shelf.containers if one.image_id == image.id or names & one.mounted), "")


def wanted(held: Holdings, shelf: Shelf) -> set[ImageId]:
    names = {normalise_image(one.image) for told in (held.shop, held.blog) for one in present(told)}
    return {image.id for image in shelf.images if not names.isdisjoint(image.names)}


def gone_back_to(held: Holdings) -> set[ImageId]:
    found = set()
    for undo in undos(held):
        with suppress(ControllerError):
            back = find_return(undo)
            found |= {split_release(back.generation.releases[name])[1] for name in back.pins}
    return {image for image in found if image is not None}


def needed(told: Told) -> set[ImageId]:
    releases = [release for one in told.generations[-RETURNABLE:] for release in one.releases.values()]
    for history in told.histories.values():
        attempt = history.attempt.release if history.attempt is not None else None
        releases += [release for release in (history.good, history.pinned, attempt) if release is not None]
    return {image for release in releases if (image := split_release(release)[1]) is not None}


def present(told: Told) -> Iterator[object]:
    last = told.generations[-1]
    return (service for (name, revision), service in told.revisions.items() if last.revisions.get(name) == revision)


def ways_back(held: Holdings, lost: Collection[ImageId]) -> list[str]:
    """What `rollout undo` would say, and with `--to N` for each generation that can be gone back to."""
    told, services = held.shop, held.loaded.desired.services
    standings = {name: Standing(service, told.histories[name], ServiceView()) for name, service in services.items()}
    undo = Undo("shop", told.generations, standings, told.revisions, tuple(services), lost=lost)
    return [
        *map(_try, undos(held, lost)),
        *(_try(replace(undo, to=one.number)) for one in told.generations[-RETURNABLE:]),
    ]


def undos(held: Holdings, lost: Collection[ImageId] = ()) -> list[Undo]:
    """Without a number, where the stack is as it last settled: of the whole, and of each service."""
    told, services = held.shop, held.loaded.desired.services
    last = {name: release for one in told.generations for name, release in one.releases.items()}
    standings = {name: Standing(service, History(good=last.get(name))) for name, service in services.items()}
    undo = Undo("shop", told.generations, standings, told.revisions, tuple(services), lost=lost)
    return [undo, *(replace(undo, whole=False, chosen=(name,)) for name in services)]


def _try(undo: Undo) -> str:
    try:
        found = find_return(undo)
    except ControllerError as error:
        return error.message
    return str((found.pins, found.notes))


# --- worlds


def meddle(held: Holdings, shelf: Shelf, items: Collection[Item]) -> Shelf:
    """Between the look and the hand somebody else begins to use a thing that is about to go."""
    chance = random.Random(-held.seed)
    if not items or chance.random() < 0.7:
        return shelf
    item = chance.choice(tuple(items))
    match item.kind:
        case Rubbish.CONTAINER:
            runs = lambda one: replace(one, phase=ReplicaPhase.RUNNING) if one.id == item.id else one  # noqa: E731
            return replace(shelf, containers=tuple(map(runs, shelf.containers)))
        case Rubbish.IMAGE if chance.random() < 0.5:
            picked = chance.choice((item.id, *(one.id for one in item.along)))
            named = lambda one: replace(one, names=(*one.names, "mine:9")) if one.id == picked else one  # noqa: E731
            return replace(shelf, images=tuple(map(named, shelf.images)))
        case Rubbish.IMAGE:
            user = ContainerSeen(ReplicaId("late"), "late", ImageId(item.id))
        case Rubbish.NETWORK:
            user = ContainerSeen(ReplicaId("late"), "late", None, AT_REST[0], networks=frozenset({item.id}))
        case _:
            return shelf
    held.owner["late"] = "user"
    return replace(shelf, containers=(*shelf.containers, user))


def clean(held: Holdings) -> tuple[Counter[str], Shelf, Shelf]:
    """One whole clean-up; how many of each kind went, and what there was before and is after it."""
    engine = SimulatedEngine(clock=HandClock(NOW))
    shelf = held.shelf
    engine.shelve(lambda _: shelf)
    items = [item for item in judge(held, engine.inventory("shop", (), build_cache=True)) if item.removable]
    before = meddle(held, shelf, items)
    engine.shelve(lambda _: before)
    went: Counter[str] = Counter()
    for item in items:
        there = current(engine)
        try:
            engine.clear(item, POLICY)
        except Conflict:
            went["left"] += 1
        else:
            went[item.kind] += 1
            left = {one.id for one in current(engine).images}
            along = tuple(one for one in item.along if one.id not in left)
            assert (why := may_go(held, replace(item, along=along), there)) == "", (held.seed, item, why)
    return went, before, current(engine)


def current(engine: SimulatedEngine) -> Shelf:
    found: list[Shelf] = []

    def keep(shelf: Shelf) -> Shelf:
        found.append(shelf)
        return shelf

    engine.shelve(keep)
    return found[0]


def check(held: Holdings) -> Counter[str]:
    went, before, after = clean(held)
    assert after.volumes == before.volumes, held.seed
    foreign = [one for kind in ("containers", "images", "networks") for one in getattr(before, kind)]
    strange = {one.id for one in foreign if held.owner[one.id] != "shop"}
    left = {one.id for kind in ("containers", "images", "networks") for one in getattr(after, kind)}
    assert strange <= left, (held.seed, strange - left)
    lost = {one.id for one in before.images} - {one.id for one in after.images}
    assert not lost & (needed(held.shop) | gone_back_to(held)), held.seed
    assert ways_back(held, ()) == ways_back(held, lost), held.seed
    return went


_FAST = (0, 1500, 2500)
"""Worlds in which all the planted bugs show."""


@pytest.mark.fault("W14")
@pytest.mark.parametrize(
    "first",
    [pytest.param(first, marks=() if first in _FAST else pytest.mark.slow) for first in range(0, WORLDS, BATCH)],
)
def test_nobody_elses_no_volume_and_no_image_of_a_way_back_goes(first: int) -> None:
    went: Counter[str] = Counter()
    for seed in range(first, first + BATCH):
        went += check(draw(seed))
    assert min(went[kind] for kind in (*(k for k in Rubbish if k is not Rubbish.LOG), "left")) > BATCH / 100, went


def test_what_is_of_no_use_to_anybody_goes() -> None:
    """The other half: where nobody meddles, all that may go, was seen on a replica and is named by no kept revision."""
    stayed = []
    for seed in range(500):
        held = draw(seed)
        shelf = held.shelf
        engine = SimulatedEngine(clock=HandClock(NOW))
        engine.shelve(lambda _, shelf=shelf: shelf)
        for item in judge(held, engine.inventory("shop", (), build_cache=True)):
            if item.removable:
                engine.clear(item, POLICY)
        after = current(engine)
        known = {sighting.image for sighting in held.shop.sightings}
        named = {one.image for told in (held.shop, held.blog) for one in told.revisions.values()}
        ours = {sighting.name for sighting in held.shop.sightings} - named
        rest = [one for one in after.images if one.id in known and ours.issuperset(one.names)]
        stayed += [(seed, one.id) for one in rest if _why_image_stays(held, one.id, (), after) == ""]
    assert stayed == []
