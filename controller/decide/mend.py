"""What a strange hand took from a container that otherwise is as wanted: its place in a network, its name."""

from __future__ import annotations

from controller.decide.case import Case, Parts
from controller.decide.moves import NONE, Moves
from controller.decide.names import name_again
from controller.model.names import ReplicaId
from controller.model.observed import Replica
from controller.model.steps import Connect, Rename

MENDS = frozenset({Connect.__name__, Rename.__name__})
"""The kinds of steps that mend."""


def mend(case: Case, parts: Parts, leaves: frozenset[ReplicaId] = frozenset()) -> Moves:
    """Give it back, in place: nobody has to be replaced or restarted for that. Who leaves has no need of it.

    Steps after one that failed are not done: each failure puts another one first.
    """
    if not case.heals:
        return NONE
    steps: list[Connect | Rename] = []
    for replica in parts.fresh:
        if replica.lost and replica.id not in leaves:
            steps.append(_join(case, replica))
        if replica.renamed and not _is_taken(case, replica.proper_name):
            steps.append(_rename(case, replica, replica.proper_name))
    named = (name_again(case, replica) for replica in parts.stale if replica.id not in leaves)
    steps += [step for step in named if step is not None]
    if not steps:
        return NONE
    first = case.seen.trouble.count % len(steps) if case.seen.trouble is not None else 0
    steps = steps[first:] + steps[:first]
    return Moves(steps=tuple(steps), reason="Mending", message=f"replica {steps[0].number}: {steps[0].because}")


def _join(case: Case, replica: Replica) -> Connect:
    how = "found by its names on" if replica.by_name is False else "connected to"
    because = f"is not {how} {', '.join(replica.lost)} any more"
    return Connect(case.want.name, replica.id, replica.number, case.want.template, because)


def _is_taken(case: Case, name: str) -> bool:
    """Somebody else of the service has it now; it must be free first."""
    return any(replica.name == name for replica in case.seen.replicas)


def _rename(case: Case, replica: Replica, name: str) -> Rename:
    return Rename(case.want.name, replica.id, replica.number, f"was renamed to {replica.name}", name)


def is_mending(moves: Moves) -> bool:
    """Mending stands beside no other step."""
    return any(isinstance(step, Connect | Rename) for step in moves.steps)
