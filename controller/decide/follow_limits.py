"""Limits that follow use: each replica is brought to what was laid over its service's, before anything else is done.

Whatever is to become of drift, and of what fell over: that a limit is another one now is no hand's work. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from controller.decide.case import ALIVE, Case, Parts, tried_again_at
from controller.decide.identity import Known
from controller.decide.lacking import find_lack
from controller.decide.moves import NONE, Moves, ended_by
from controller.model.desired import DesiredService
from controller.model.names import ReplicaId
from controller.model.observed import Replica
from controller.model.resources import NO_LIMIT
from controller.model.steps import Limit


def follow_use(replica: Replica, want: DesiredService, known: Known) -> Limit | None:
    """The step that gives it the limits that there are now; None: it has them."""
    lack = find_lack(replica, want, known)
    if lack is None:
        return None  # nearly always
    why = lack.made.adjusted.why if lack.made.adjusted is not None else ""
    return Limit(want.name, replica.id, replica.number, lack.made.template, why, lack.paths, follows=True)


def limit_first(case: Case, parts: Parts, moves: Moves) -> Moves:
    """The limits of those that stay, and the moves once these are set: one that was killed for want of memory starts
    with more. By themselves, so that they are looked at as soon as they are in force: what follows may take long.

    What the engine refuses holds up nothing: it is tried again after a pause.
    """
    if case.want.adjusted is None or _was_just_refused(case):
        return moves  # nearly always
    steps = tuple(_find_steps(case, parts, ended_by(moves)))
    return moves._replace(steps=steps, grants={}, carried=(), asks_slot=False) if steps else moves


def _was_just_refused(case: Case) -> bool:
    trouble = case.seen.trouble
    return trouble is not None and trouble.reason == Limit.__name__ and tried_again_at(case, trouble) is not None


def _find_steps(case: Case, parts: Parts, leaves: frozenset[ReplicaId]) -> Iterator[Limit]:
    for replica in parts.fresh + parts.stale:
        if replica.id not in leaves and (step := follow_use(replica, case.want, case.known)) is not None:
            yield step


def give_back(case: Case) -> Moves:
    """The files' own limits to who is down, too: a `docker compose up` by hand starts it with those that it has."""
    if case.want.adjusted is None or case.want.adjusted.limit != NO_LIMIT:
        return NONE  # nearly always
    down = (replica for replica in case.seen.replicas if replica.phase not in ALIVE)
    found = (follow_use(replica, case.want, case.known) for replica in down)
    return Moves(steps=tuple(step for step in found if step is not None))
