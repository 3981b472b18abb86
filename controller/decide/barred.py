"""What may not be started, since the scan of its definition found what the manifest does not let pass. Pure.

What runs is not touched: nobody is safer for an outage, and a person is told.
"""

from __future__ import annotations

from collections.abc import Iterable

from controller.decide.case import ALIVE, Case, Parts, ids
from controller.decide.heal import is_left_behind
from controller.decide.moves import Moves
from controller.model.decision import Aim, Course
from controller.model.desired import DesiredStack
from controller.model.observed import ServiceView
from controller.model.routes import RouteState
from controller.model.steps import Build, Create, Pull, Remove, Restart, Route, Start, Step, Stop, Withdraw

INSECURE = "Insecure"
"""Reason of who may not be started for a finding."""
_MAKES = (Build, Pull, Create)


def find_bar(aimed: Aim, desired: DesiredStack) -> str:
    """Why what it is to be may not be started; "": it may. What it goes back to by itself was let pass once."""
    want = aimed.want
    if not (desired.barred or desired.refused):
        return ""  # nearly always
    asked = want.revision == desired.services[want.name].revision
    if asked and (why := desired.barred.get(want.name)):
        return why
    return desired.refused.get((want.name, want.revision), "") if aimed.course in (None, Course.PINNED) else ""


def find_tie(aimed: Aim, seen: ServiceView, sharers: Iterable[tuple[Aim, ServiceView]], desired: DesiredStack) -> str:
    """Why it makes no way for another one of it: who runs in its namespace may not follow, and would be cut off."""
    if aimed.course not in (None, Course.PINNED):
        return ""  # without it nobody would serve
    own = ids(seen.replicas)
    for other, view in sharers:
        joined = any(one.phase in ALIVE and one.namespace_of in own for one in view.replicas)
        if joined and (why := find_bar(other, desired)):
            return f"stays, since {other.want.name} lives in its namespace and could not follow: {why}"
    return ""


def find_successor(case: Case, parts: Parts, moves: Moves) -> Create | None:
    """What would come in the place of who makes way by these moves: that is looked at before anybody does.

    Of what may not be started that is known already, and what it goes back to by itself was let pass once.
    """
    want = case.want
    if case.barred or case.aim.course not in (None, Course.PINNED) or not moves.steps:
        return None
    if len(parts.fresh) >= want.replicas:
        return None
    stale = ids(parts.stale)
    if not any(_makes_way(step) and step.replica in stale for step in moves.steps if not isinstance(step, _MAKES)):
        return None
    return Create(want.name, 0, want.revision, want.template, "looked at", image_id=want.image_id)


def bar_insecure(case: Case, moves: Moves) -> Moves:
    """These moves without what would bring it up; with nothing left, why is what is told."""
    if not case.barred or not moves.steps:
        return moves  # nearly always
    left = tuple(step for step in moves.steps if not _brings_up(step, case))
    if len(left) == len(moves.steps):
        return moves
    begun = {step.replica for step in left if isinstance(step, Start | Restart)}
    grants = {replica: grant for replica, grant in moves.grants.items() if replica in begun}
    moves = moves._replace(steps=left, grants=grants, asks_slot=False)
    return moves if left else moves._replace(reason=INSECURE, message=case.barred, shut=True)


def tell_barred(case: Case) -> Moves | None:
    """Why nobody who serves makes way; None: somebody may."""
    why = case.barred or case.tied
    return Moves(reason=INSECURE, message=why, shut=True) if why else None


def _makes_way(step: Step) -> bool:
    """It ends, or what leads up to its end."""
    if isinstance(step, Route):
        return step.to is RouteState.DRAINING
    return isinstance(step, Stop | Remove | Withdraw)


def _brings_up(step: Step, case: Case) -> bool:
    """What was made by an earlier definition is kept in shape: that one was let pass. Nor is anybody cut off who runs,
    and only follows whose namespace it shares."""
    if isinstance(step, Restart | Start):
        seen = next((one for one in case.seen.replicas if one.id == step.replica), None)
        if seen is None:
            return True
        return seen.revision == case.want.revision and not (isinstance(step, Restart) and is_left_behind(case, seen))
    return isinstance(step, Build | Create | Pull)
