"""What a strange hand took from a container that otherwise is as wanted: its place in a network, its name."""

from __future__ import annotations

from controller.decide.case import Case, Parts
from controller.decide.moves import NONE, Moves
from controller.model.observed import Replica
from controller.model.steps import Connect, Rename


def mend(case: Case, parts: Parts) -> Moves:
    """Give it back, in place: nobody has to be replaced or restarted for that."""
    if not case.heals:
        return NONE
    names = {replica.name for replica in case.seen.replicas}
    steps: list[Connect | Rename] = []
    for replica in parts.fresh:
        steps += (*_join(case, replica), *_rename(case, replica, names))
    if not steps:
        return NONE
    return Moves(steps=tuple(steps), reason="Mending", message=f"replica {steps[0].number}: {steps[0].because}")


def _join(case: Case, replica: Replica) -> tuple[Connect, ...]:
    if not replica.lost:
        return ()
    because = f"is not connected to {', '.join(replica.lost)} any more"
    return (Connect(case.want.name, replica.id, replica.number, case.want.template, because),)


def _rename(case: Case, replica: Replica, names: set[str]) -> tuple[Rename, ...]:
    """An unfinished recreate has rules of its own, and a name that somebody else has must be free first."""
    if not replica.proper_name or replica.temporary or replica.proper_name in names:
        return ()
    because = f"was renamed to {replica.name}"
    return (Rename(case.want.name, replica.id, replica.number, because, replica.proper_name),)
