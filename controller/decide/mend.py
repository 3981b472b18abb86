"""What was taken from a container that is to stay: its place in a network, its names there, its own name, its limits.

A strange hand took it, or we did before its end, which is not to come after all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from controller.decide.case import Case, Parts
from controller.decide.follow_limits import follow_use
from controller.decide.joined import is_moved
from controller.decide.moves import NONE, Moves
from controller.decide.names import is_withdrawn, name_again
from controller.decide.networks import move
from controller.decide.touched import repairs, tell_difference
from controller.model.names import ReplicaId
from controller.model.observed import Difference, Replica
from controller.model.steps import Connect, Disconnect, Limit, Rename

MENDS = frozenset({Connect.__name__, Disconnect.__name__, Limit.__name__, Rename.__name__})
"""The kinds of steps that mend."""

Mend = Connect | Disconnect | Limit | Rename

_STAYS = "stays, and is to be found by its names"


def mend(case: Case, parts: Parts, leaves: frozenset[ReplicaId] = frozenset()) -> Moves:
    """Give it back, in place: nobody has to be replaced or restarted for that. Who leaves has no need of it.

    Steps after one that failed are not done: each failure puts another one first.
    """
    if case.heals_at is not None:
        return NONE
    steps: list[Mend] = []
    for replica in parts.fresh:
        if replica.id not in leaves:
            steps += _mend_one(case, replica)
    for replica in parts.stale:
        if replica.id not in leaves:
            found = (name_again(case, replica, _STAYS), follow_use(replica, case.want, case.known))
            steps += [*(step for step in found if step is not None), *move(case, replica)]
    if not steps:
        return NONE
    first = case.seen.trouble.count % len(steps) if case.seen.trouble is not None else 0
    steps = steps[first:] + steps[:first]
    return Moves(steps=tuple(steps), reason="Mending", message=f"replica {steps[0].number}: {steps[0].because}")


def _mend_one(case: Case, replica: Replica) -> Iterator[Mend]:
    """What we took ourselves is given back also where nothing is to heal by itself."""
    want = case.want
    yield from move(case, replica)
    lost = find_lost(case, replica)
    misjoined = _find_misjoined(case, replica)
    if lost or misjoined:
        yield _join(case, replica, lost, misjoined)
    follows = follow_use(replica, want, case.known)
    if follows is not None:
        yield follows
    if not case.heals:
        return
    ours = follows.paths if follows is not None else ()
    if changed := [one for one in replica.limits if one.in_place and one.path not in ours and repairs(want, one.path)]:
        yield _limit(case, replica, changed)
    if replica.renamed and repairs(want, "Name") and not _is_taken(case, replica.proper_name):
        yield _rename(case, replica, replica.proper_name)


def _find_misjoined(case: Case, replica: Replica) -> list[Difference]:
    """Not what the engine has refused for good: each try takes who serves off its network for an instant."""
    trouble = case.seen.trouble
    refused = trouble is not None and trouble.lasting and trouble.reason == Connect.__name__
    if not replica.misjoined or refused or not case.heals:
        return []  # nearly always
    return [found for found in replica.misjoined if repairs(case.want, found.path)]


def find_lost(case: Case, replica: Replica) -> tuple[str, ...]:
    """What it is to be on again; of an earlier release only what that was on, whatever the files say now."""
    if not replica.lost or (is_moved(replica, case.want) and not is_withdrawn(case, replica)):
        return ()  # nearly always
    lost = replica.lost
    if not is_withdrawn(case, replica):
        lost = tuple(name for name in lost if case.heals and repairs(case.want, f"Networks.{name}"))
    if case.aim.course is None:
        return lost
    own = case.want.template.joins()  # none: what it was made from is not known
    return tuple(name for name in lost if name in own) if own else lost


def _limit(case: Case, replica: Replica, changed: Sequence[Difference]) -> Limit:
    because = ", ".join(f"{found.path} was set from {found.wanted} to {found.seen}" for found in changed)
    paths = tuple(found.path for found in changed)
    return Limit(case.want.name, replica.id, replica.number, case.want.template, because, paths)


def _join(case: Case, replica: Replica, lost: tuple[str, ...], misjoined: Sequence[Difference]) -> Connect:
    how = "found by its names on" if replica.by_name is False else "connected to"
    because = [f"is not {how} {', '.join(lost)} any more"] if lost else []
    because += [tell_difference(found) for found in misjoined]
    networks = tuple(dict.fromkeys((*lost, *(found.network for found in misjoined))))
    return Connect(case.want.name, replica.id, replica.number, case.want.template, ", ".join(because), networks)


def _is_taken(case: Case, name: str) -> bool:
    """Somebody else of the service has it now; it must be free first."""
    return any(replica.name == name for replica in case.seen.replicas)


def _rename(case: Case, replica: Replica, name: str) -> Rename:
    return Rename(case.want.name, replica.id, replica.number, f"was renamed to {replica.name}", name)


def is_mending(moves: Moves) -> bool:
    """Mending stands beside no other step."""
    return any(isinstance(step, Mend) for step in moves.steps)
