"""What became of a generation, as far as a look shows it: whether it has an end, and which releases settled. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from controller.decide.case import ALIVE
from controller.decide.phase import QUARANTINED
from controller.decide.world import World
from controller.loop.setbacks import (
    find_setbacks,
    find_waits,
    has_pin,
    is_at_rest,
    is_beaten,
    is_settled,
    wait_in_vain,
)
from controller.model.decision import History
from controller.model.desired import DesiredService
from controller.model.generation import Ending, Generation
from controller.model.names import ImageId, Release, Revision, make_release, split_release
from controller.model.observed import ServiceView
from controller.model.phases import Phase

ROLLED_BACK = "RolledBack"
"""The reason of a service that is back on what ran before."""

_NEW = History()
_UNSEEN = ServiceView()


class Verdict(NamedTuple):
    """How a generation ended; `failed` says why, by service, where it did not converge."""

    ending: Ending
    failed: Mapping[str, str] = {}


def rests(world: World) -> bool:
    """Whether nothing moves, be all well or not. Who waits for what failed moves no more than that."""
    if world.busy:
        return False
    moving = {name for name, decision in world.decisions.items() if not is_at_rest(decision)}
    if not moving:
        return True
    beaten = [name for name, decision in world.decisions.items() if is_beaten(decision)]
    return moving <= wait_in_vain(find_waits(world.decisions), beaten).keys()


def judge(world: World, present: Generation) -> Verdict | None:
    """Of a world that rests; None: nothing can be said yet. What once converged fails no more but by its bake."""
    beaten = {name: d for name, d in world.decisions.items() if d.reason in QUARANTINED}
    if beaten:
        returned = all(decision.reason == ROLLED_BACK for decision in beaten.values())
        told = {name: decision.message for name, decision in beaten.items()}
        return Verdict(Ending.ROLLED_BACK if returned else Ending.FAILED, told)
    if find_setbacks(world):
        return None  # only that nobody asks for it at this moment
    if all(_is_whole(world, name) for name in world.desired.services):
        return Verdict(Ending.FAILED, present.unrestarted) if present.unrestarted else Verdict(Ending.CONVERGED)
    failed = {name: d.message for name, d in world.decisions.items() if d.phase is Phase.FAILED}
    return Verdict(Ending.FAILED, failed) if failed and present.ending is not Ending.CONVERGED else None


def _is_whole(world: World, name: str) -> bool:
    """Settled; of what was not decided, because somebody acted on others only, by what is seen of it."""
    decision = world.decisions.get(name)
    if decision is not None:
        return is_settled(decision)
    want, view = world.desired.services[name], world.views.get(name, _UNSEEN)
    history = world.histories.get(name, _NEW)
    running = [replica for replica in view.replicas if replica.phase in ALIVE]
    if want.leaving is not None or history.stopped:
        return not running
    if history.completed == want.revision:
        return True
    revision = asked_revision(want, history)
    return len(running) == want.replicas and all(replica.revision == revision for replica in running)


def asked_revision(want: DesiredService, history: History) -> Revision:
    """The one that it is to have: the manifest's, or that which a person went back to."""
    if has_pin(want, history) and history.pinned is not None:
        return split_release(history.pinned)[0]
    return want.revision


def settled_releases(world: World, known: Mapping[str, Release]) -> Iterator[tuple[str, Release]]:
    """What is settled now, by service, with the image that its replicas have; of several the one that was `known`."""
    for name, want in world.desired.services.items():
        decision = world.decisions.get(name)
        if want.leaving is not None or (decision is not None and decision.phase is Phase.STOPPED):
            continue
        if _is_whole(world, name):
            history = world.histories.get(name, _NEW)
            if not history.stopped:
                yield name, _release_of(world, name, asked_revision(want, history), known.get(name))


def _release_of(world: World, name: str, revision: Revision, known: Release | None) -> Release:
    view = world.views.get(name, _UNSEEN)
    images = [r.image_id for r in view.replicas if r.revision == revision and r.image_id is not None]
    before = split_release(known) if known is not None else None
    if before is not None and before[0] == revision and (not images or before[1] in images):
        return known or make_release(revision)
    return make_release(revision, most_common(images))


def most_common(images: list[ImageId]) -> ImageId | None:
    """The one that most have; of equals the least, so that two looks say the same."""
    counted = Counter(images)
    return min(counted, key=lambda image: (-counted[image], image), default=None)


def moved_images(world: World, generation: Generation) -> tuple[str, ...]:
    """Services whose image's tag has moved since, and that are replaced for it: no manifest tells of that."""
    return tuple(sorted(name for name, release in generation.releases.items() if _has_moved(world, name, release)))


def _has_moved(world: World, name: str, release: Release) -> bool:
    revision, image = split_release(release)
    history, decision = world.histories.get(name, _NEW), world.decisions.get(name)
    if image is None or decision is None or release in history.failed:
        return False  # what failed is gone back from: that is how its generation ends
    if history.attempt is not None:
        towards, other = split_release(history.attempt.release)
        return towards == revision and other not in (None, image)
    if not is_settled(decision):
        return False
    replicas = [r for r in world.views.get(name, _UNSEEN).replicas if r.revision == revision and r.image_id is not None]
    return bool(replicas) and all(replica.image_id != image for replica in replicas)
