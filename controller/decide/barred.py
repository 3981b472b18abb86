"""What may not be started, since the scan of its definition found what the manifest does not let pass. Pure.

What runs is not touched: nobody is safer for an outage, and a person is told.
"""

from __future__ import annotations

from controller.decide.case import Case
from controller.decide.moves import Moves
from controller.model.steps import Build, Create, Pull, Restart, Start, Step

INSECURE = "Insecure"
"""Reason of who may not be started for a finding."""


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


def _brings_up(step: Step, case: Case) -> bool:
    """What was made by an earlier definition is kept in shape: that one was let pass."""
    if isinstance(step, Restart | Start):
        seen = next((one for one in case.seen.replicas if one.id == step.replica), None)
        return seen is None or seen.revision == case.want.revision
    return isinstance(step, Build | Create | Pull)
