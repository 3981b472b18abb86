"""Whether what a stack has on its way may make room on the machine: until then it is worth while to wait for that."""

from __future__ import annotations

from controller.decide.world import World
from controller.model.desired import Leaving
from controller.model.names import Instant
from controller.model.observed import Replica

PATIENCE = 5.0
"""Seconds without progress after which nobody waits any more for the machine to have room: who keeps the stack does."""


def may_make_room(world: World, now: Instant) -> bool:
    """Some replica is on its way up, or is watched in an update; or one of a service that is to stop still runs."""
    return any(_comes_or_goes(world, name, now) for name in world.views)


def _comes_or_goes(world: World, name: str, now: Instant) -> bool:
    want = world.desired.services.get(name)
    leaves = want is not None and want.leaving not in (None, Leaving.ORPHANED)
    begins = want.start_timeout if want is not None else 0.0
    watch = want.update.monitor if want is not None and _updates(world, name) else 0.0
    return any(
        one.running and (leaves or _is_young(one, now, watch if one.ready else max(begins, watch)))
        for one in world.views[name].replicas
    )


def _updates(world: World, name: str) -> bool:
    decision = world.decisions.get(name)
    return decision is not None and decision.history.updating


def _is_young(replica: Replica, now: Instant, watch: float) -> bool:
    """It came so lately that it is still watched, or waited for: who never becomes ready makes no room by that."""
    since = replica.ready_since or replica.started_at
    return since is not None and now - since < watch + PATIENCE
