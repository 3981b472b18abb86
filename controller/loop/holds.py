"""Why a stack is left as it is for now, if it is: the first reason that holds. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from controller.decide.adoption import judge_adoption, judge_removal
from controller.decide.case import still_waits
from controller.decide.world import World
from controller.decide.writer import QUIET, judge_writer
from controller.loop.conditions import tell_cause
from controller.loop.loaded import Loaded
from controller.loop.memory import StackMemory
from controller.model.decision import Hold
from controller.model.names import Instant, ReplicaId
from controller.model.observed import Observed

RELEASED = Hold("Released", "given back to `docker compose`; `controller adopt` takes it over again")


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a hold follows from, beside the world. `ours`: replicas that we stopped lately; `before`: services then."""

    loaded: Loaded
    memory: StackMemory
    observed: Observed | None
    ours: Collection[ReplicaId] = ()
    before: tuple[str, ...] = ()


def find_hold(world: World, around: Circumstances, now: Instant) -> Hold | None:
    """A person's release comes first, what may lose data next, somebody else at work last."""
    if around.memory.released:
        return RELEASED
    return (
        around.loaded.hold
        or adoption_hold(world, around)
        or _removal_hold(world, around)
        or judge_writer(world.views, world.decisions, around.ours, now, world.busy, world.desired.services)
        or _lasting(world.hold, now)
    )


def _lasting(hold: Hold | None, now: Instant) -> Hold | None:
    """A sign may be gone before its writer is: `docker compose down` removes what it has stopped."""
    return hold if hold is not None and hold.until is not None and still_waits(hold.until, QUIET, now) else None


def adoption_hold(world: World, around: Circumstances) -> Hold | None:
    """Until the first convergence, or until a person said `adopt` to this very state."""
    if around.memory.adopted or around.memory.adoption_granted == around.loaded.desired.digest:
        return None
    return judge_adoption(world, tell_cause(around.observed, around.loaded))


def _removal_hold(world: World, around: Circumstances) -> Hold | None:
    if around.memory.removal_granted == around.loaded.desired.digest:
        return None
    return judge_removal(dict.fromkeys(around.before or _with_replicas(world)), world)


def _with_replicas(world: World) -> tuple[str, ...]:
    """After a start nothing is known of the generation before, but by what there is of it."""
    return tuple(name for name, view in world.views.items() if name in world.desired.services and view.replicas)
