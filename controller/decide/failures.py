"""Which replicas of an update have failed, by life, and how that is told. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from controller.decide.case import (
    Case,
    Parts,
    count_excused,
    is_excused,
    is_ready,
    is_unled,
    was_put_down,
    was_refused,
    was_set_back,
)
from controller.decide.restart import tell_times
from controller.model.decision import Attempt
from controller.model.names import ReplicaId
from controller.model.observed import Health, Life, Replica, ReplicaPhase

LINE_SHOWN = 120
"""Characters of one printed line that are told in a reason; `logs` and `describe` have the rest."""

_REFUSED: Life = (ReplicaId(""), None, 0)
"""Stands for replicas that could not even be created."""


def failed_lives(case: Case, replicas: Iterable[Replica]) -> Iterable[Life]:
    """The lives of these replicas that have failed, and one that stands for those that could not even be created."""
    yield from (replica.life for replica in replicas if _has_failed(case, replica))
    trouble = case.seen.trouble
    if trouble is not None and trouble.reason == "Create" and trouble.lasting:
        yield _REFUSED


def tell_failure(case: Case, parts: Parts, attempt: Attempt) -> str:
    """Why an update has failed, told of the first of its replicas that did."""
    failed = [replica for replica in parts.fresh if replica.life in attempt.failures]
    unled = any(is_unled(replica) for replica in failed) and was_refused(case, "Route")
    if failed and not unled:
        return tell_end(failed[0])
    if case.seen.trouble is not None:
        return case.seen.trouble.message
    return "a new replica failed, and is gone"


def tell_end(replica: Replica) -> str:
    """How a replica failed, with the last lines that it printed, as far as they fit into a sentence."""
    match replica.phase:
        case ReplicaPhase.RUNNING if replica.alive is Health.UNHEALTHY:
            how = f"{replica.name} is not alive"
        case ReplicaPhase.RUNNING if replica.health is Health.UNHEALTHY:
            how = f"{replica.name} is unhealthy"
        case ReplicaPhase.RUNNING if replica.restarts:
            how = f"{replica.name} was restarted by Docker {tell_times(replica.restarts)}"
        case ReplicaPhase.RUNNING:
            how = f"{replica.name} did not become ready in time"
        case ReplicaPhase.CREATED:
            how = f"{replica.name} could not be started"
        case _:
            how = f"{replica.name} exited with {replica.exit_code}"
    how += " (out of memory)" if replica.oom_killed else ""
    return how + last_words(replica, 3)


def last_words(replica: Replica, most: int = 1) -> str:
    """`: ` and the last lines that it, or its check, printed, as far as they fit into a sentence; nothing: ""."""
    lines = [line.strip() for line in replica.last_output.splitlines() if any(map(str.isalnum, line))]
    shown = [line if len(line) <= LINE_SHOWN else f"{line[:LINE_SHOWN]}…" for line in lines[-most:]]
    return f": {' / '.join(shown)}" if shown else ""


def _has_failed(case: Case, replica: Replica) -> bool:
    match replica.phase:
        case ReplicaPhase.EXITED | ReplicaPhase.DEAD:
            return replica.started_at is not None and _ended_watched(case, replica)
        case ReplicaPhase.RESTARTING:
            return not is_excused(case, replica)
        case ReplicaPhase.RUNNING:
            sick = (
                replica.restarts > count_excused(case, replica)
                or replica.health is Health.UNHEALTHY
                or _is_late(case, replica)
            )
            return sick or (is_unled(replica) and was_refused(case, "Route"))
        case ReplicaPhase.CREATED:
            return was_refused(case, "Start")
        case _:
            return False


def _ended_watched(case: Case, replica: Replica) -> bool:
    """By itself, while we watched: what ended while nobody did may have ended with the engine."""
    ended = replica.finished_at if replica.finished_at is not None else case.now
    return ended >= case.seen.since and not (was_put_down(case, replica) or is_excused(case, replica))


def _is_late(case: Case, replica: Replica) -> bool:
    if is_ready(case, replica) or replica.health is Health.NONE:
        return False
    begun = 0.0 if was_set_back(replica.started_at, case.now) else replica.started_at or 0.0
    return case.now >= max(begun, case.seen.since) + case.want.start_timeout
