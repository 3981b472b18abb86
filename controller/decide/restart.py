"""When a replica that fell over may be started again: backoff by life, as pure functions over what was granted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from controller.decide.case import was_set_back
from controller.model.decision import Grant
from controller.model.desired import Backoff
from controller.model.names import Instant
from controller.model.observed import Replica, ReplicaPhase

FORGIVEN_AFTER = 600.0
"""Seconds of readiness after which earlier tries no longer count."""


def count_docker_restarts(replica: Replica, seen_at: Instant) -> int:
    """By Docker's own policy, until a life has lasted for long enough, as far as it was seen.

    Docker does not forget them: neither its end nor a check that fails once makes old ones count again.
    """
    if not replica.restarts or replica.started_at is None:
        return 0
    ended = None if replica.running or replica.phase is ReplicaPhase.PAUSED else replica.finished_at
    lasted = (seen_at if ended is None else ended) - replica.started_at
    return 0 if lasted >= FORGIVEN_AFTER else replica.restarts


def count_tries(replica: Replica, granted: Grant | None, seen_at: Instant) -> int:
    """What is held against it: our own restarts, or Docker's where its policy acts."""
    by_docker = count_docker_restarts(replica, seen_at)
    return by_docker if granted is None else max(granted.tries, by_docker)


def tell_times(count: int) -> str:
    """`once`, `3 times`."""
    return "once" if count == 1 else f"{count} times"


class Permission(NamedTuple):
    """`grant` is to be remembered before the start; None with `due`: wait until then."""

    grant: Grant | None
    due: Instant
    tries: int


def ask_restart(replica: Replica, ended: Instant, granted: Grant | None, backoff: Backoff, now: Instant) -> Permission:
    """May the life that ended at `ended` be followed by another now?

    The n-th try comes not before the start of the last one + 0, 1, 2, 4 … 300 s. A grant that names this very end was
    written before a start that never happened: it holds, and counts once.
    """
    if granted is not None and granted.ended == ended:
        return Permission(granted, now, granted.tries)
    tries = granted.tries if granted is not None else 0
    begun = replica.started_at if replica.started_at is not None else ended
    due = begun + backoff.delay(tries)
    if now < due and not was_set_back(begun, now):
        return Permission(None, due, tries)
    return Permission(Grant(tries + 1, ended), now, tries + 1)


def keep_grants(
    granted: Mapping[str, Grant], replicas: Iterable[Replica], forgiven: Iterable[str]
) -> Mapping[str, Grant]:
    """Only grants of containers that exist and have not been ready long enough to be forgiven."""
    drop = set(forgiven)
    present = {replica.id for replica in replicas}
    return {id_: grant for id_, grant in granted.items() if id_ in present and id_ not in drop}
