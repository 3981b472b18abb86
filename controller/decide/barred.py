"""What may not be started, since the scan of its definition found what the manifest does not let pass. Pure.

What runs is not touched: nobody is safer for an outage, and a person is told.
"""

from __future__ import annotations

from controller.decide.case import Case, Parts, ids
from controller.decide.moves import Moves
from controller.model.decision import Aim, Course
from controller.model.desired import DesiredStack
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


def find_successor(case: Case, parts: Parts, moves: Moves) -> Create | None:
    """What would come in the place of who makes way by these moves: that is looked at before anybody does."""
    want = case.want
    if not moves.steps or len(parts.fresh) >= want.replicas:
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
    return Moves(reason=INSECURE, message=case.barred, shut=True) if case.barred else None


def _makes_way(step: Step) -> bool:
    """It ends, or what leads up to its end."""
    if isinstance(step, Route):
        return step.to is RouteState.DRAINING
    return isinstance(step, Stop | Remove | Withdraw)


def _brings_up(step: Step, case: Case) -> bool:
    """What was made by an earlier definition is kept in shape: that one was let pass."""
    if isinstance(step, Restart | Start):
        seen = next((one for one in case.seen.replicas if one.id == step.replica), None)
        return seen is None or seen.revision == case.want.revision
    return isinstance(step, Build | Create | Pull)
