"""What was taken from a container that is to stay: its place in a network, its names there, its own name.

A strange hand took it, or we did before its end, which is not to come after all.
"""

from __future__ import annotations

from collections.abc import Iterator

from controller.decide.case import Case, Parts
from controller.decide.moves import NONE, Moves
from controller.decide.names import is_withdrawn, name_again
from controller.model.names import ReplicaId
from controller.model.observed import Replica
from controller.model.steps import Connect, Rename

MENDS = frozenset({Connect.__name__, Rename.__name__})
"""The kinds of steps that mend."""

_STAYS = "stays, and is to be found by its names"


def mend(case: Case, parts: Parts, leaves: frozenset[ReplicaId] = frozenset()) -> Moves:
    """Give it back, in place: nobody has to be replaced or restarted for that. Who leaves has no need of it.

    Steps after one that failed are not done: each failure puts another one first.
    """
    if case.heals_at is not None:
        return NONE
    steps: list[Connect | Rename] = []
    for replica in parts.fresh:
        if replica.id not in leaves:
            steps += _mend_one(case, replica)
    named = (name_again(case, replica, _STAYS) for replica in parts.stale if replica.id not in leaves)
    steps += [step for step in named if step is not None]
    if not steps:
        return NONE
    first = case.seen.trouble.count % len(steps) if case.seen.trouble is not None else 0
    steps = steps[first:] + steps[:first]
    return Moves(steps=tuple(steps), reason="Mending", message=f"replica {steps[0].number}: {steps[0].because}")


def _mend_one(case: Case, replica: Replica) -> Iterator[Connect | Rename]:
    """What we took ourselves is given back also where nothing is to heal by itself."""
    if replica.lost and (case.heals or is_withdrawn(case, replica)):
        yield _join(case, replica)
    if case.heals and replica.renamed and not _is_taken(case, replica.proper_name):
        yield _rename(case, replica, replica.proper_name)


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
