"""Whether a batch of an update is under way. What has begun is finished; what was merely lost begins nothing."""

from __future__ import annotations

from dataclasses import replace

from controller.decide.attempt import is_done
from controller.decide.case import ALIVE, Case, Parts, ids
from controller.decide.moves import Moves, ended_by
from controller.model.decision import Attempt, History
from controller.model.desired import Order
from controller.model.names import ReplicaId
from controller.model.observed import Replica


def has_begun(case: Case, parts: Parts) -> bool:
    """What came is not done yet, or we let somebody go and nothing has come yet.

    One that ended by itself, was taken away, or was never there (a scale-up) is no reason to go on: no gate is passed
    for it.
    """
    attempt = case.history.attempt
    if attempt is None:
        return False
    if any(not is_done(case, replica) for replica in parts.fresh):
        return True
    there = count_there(parts)
    if there < case.want.replicas:
        return bool(attempt.gone - ids(_alive(parts)))
    surges = case.want.update.order is Order.START_FIRST and there > case.want.replicas
    return surges and bool(parts.fresh)  # without one, too many are there because fewer are wanted


def note_there(case: Case, parts: Parts, before: Attempt | None) -> History:
    """Where all are there again, nobody has gone; where none ran when the update began, there is nothing to keep.

    `before`: the update that was open before this look.
    """
    attempt = case.history.attempt
    if attempt is None:
        return case.history
    opened = before is None or before.release != attempt.release
    if opened and not _alive(parts):
        return _with_gone(case.history, attempt, ids(parts.stale))
    return _with_gone(case.history, attempt, frozenset()) if count_there(parts) >= case.want.replicas else case.history


def note_gone(case: Case, parts: Parts, moves: Moves) -> History:
    """The old ones that we let go now."""
    attempt = case.history.attempt
    if attempt is None:
        return case.history
    return _with_gone(case.history, attempt, attempt.gone | (ended_by(moves) & ids(parts.stale)))


def _with_gone(history: History, attempt: Attempt, gone: frozenset[ReplicaId]) -> History:
    return history if gone == attempt.gone else replace(history, attempt=attempt._replace(gone=gone))


def _alive(parts: Parts) -> tuple[Replica, ...]:
    return tuple(replica for replica in parts.stale if replica.phase in ALIVE)


def count_there(parts: Parts) -> int:
    """The new ones, and the old ones that have not ended."""
    return len(parts.fresh) + len(_alive(parts))
