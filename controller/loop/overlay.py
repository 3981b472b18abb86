"""What is wanted with what was laid over limits, what of it holds for whom, and when none may be touched. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from controller.decide.follow_limits import follow_use
from controller.decide.world import World
from controller.loop.loaded import Loaded
from controller.model.adjustment import Adjustment, change
from controller.model.decision import Decision
from controller.model.desired import DesiredService
from controller.model.limited import lay_over_all
from controller.model.observed import Replica, ServiceView
from controller.model.resources import NO_LIMIT, AdjustPolicy, Claims
from controller.resources.limitwords import GIVEN_BACK


def lay_over_limits(loaded: Loaded, kept: Mapping[str, Adjustment]) -> Loaded:
    """What is wanted with the limits that follow use."""
    desired = lay_over_all(loaded.desired, kept)
    return loaded if desired is loaded.desired else replace(loaded, desired=desired)


def given_back(kept: Mapping[str, Adjustment]) -> Mapping[str, Adjustment]:
    """All of them with the Compose file's limits in force again."""
    return {name: change(one, NO_LIMIT, GIVEN_BACK) for name, one in kept.items()}


def claims_of(replica: Replica, want: DesiredService, world: World) -> Claims | None:
    """What the files said of it, within the bounds of today. None: that is not known any more."""
    direct = want.direct.revision if want.direct is not None else None
    if replica.revision in (want.revision, direct):
        return want.claims
    made = world.known.get((want.name, replica.revision))
    return None if made is None else replace(made.claims, bounds=want.claims.bounds)


def find_claims(want: DesiredService, view: ServiceView | None, world: World) -> Claims | None:
    """What the files say of what runs of it; None: it is of several releases, or of one that is not known any more."""
    found = [claims_of(replica, want, world) for replica in view.replicas] if view is not None else []
    first = found[0] if found else want.claims
    return first if all(one == first for one in found) else None


def only_limits(decision: Decision, world: World) -> Decision:
    """The same with no other steps than those that bring limits to what they are to be, also of who is to go.

    Nothing is remembered of the others: they are not done.
    """
    name = decision.service
    decision = decision._replace(history=world.histories.get(name, decision.history))
    view = world.views.get(name)
    if view is None or view.trouble is not None or is_frozen(world, name):
        return decision._replace(steps=())
    found = (follow_use(replica, world.desired.services[name], world.known) for replica in view.replicas)
    return decision._replace(steps=tuple(step for step in found if step is not None))


def mark_of(claims: Claims, policy: AdjustPolicy) -> str:
    """What the manifest says of a service's limits, in a form that can be compared."""
    return repr((claims.limit, claims.bounds, policy))


def is_frozen(world: World, name: str) -> bool:
    """Nobody may touch it, or it is not to run."""
    history = world.histories.get(name)
    return world.hold is not None or (history is not None and (history.paused or bool(history.stopped)))


def has_settled(world: World, want: DesiredService) -> bool:
    """What the manifest asks for runs, and nothing else: no way leads back."""
    history, view = world.histories.get(want.name), world.views.get(want.name)
    if history is None or history.attempt is not None or view is None or not view.replicas:
        return False
    return all(replica.revision == want.revision for replica in view.replicas)
