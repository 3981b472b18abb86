"""Signs that somebody else is writing to the stack right now: wait until he is done, then decide."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType

from controller.decide.case import still_waits
from controller.decide.identity import lacks_network
from controller.model.decision import Decision, Hold
from controller.model.desired import DesiredService
from controller.model.names import HALF_MADE, Instant, ReplicaId
from controller.model.observed import Replica, ReplicaPhase, ServiceView
from controller.model.phases import Phase

FOREIGN_WRITER = "ForeignWriter"

QUIET = 5.0
"""Seconds after the last sign of another writer."""

TOGETHER = 1.0
"""Replicas that stopped within this many seconds of each other were stopped by one hand."""

_BY_HAND = frozenset({0, 137, 143})
"""Exit codes of a stop or a kill; a crash has others."""

_SERVING = frozenset({Phase.READY, Phase.DEGRADED, Phase.UPDATING})

_PUT_UP_AGAIN = frozenset({Phase.STARTING, Phase.PENDING})
"""What the first of several that were stopped is while the next one falls: one stop alone is healed at once."""


def judge_writer(
    views: Mapping[str, ServiceView],
    before: Mapping[str, Decision],
    ours: Collection[ReplicaId],
    now: Instant,
    busy: Collection[str] = (),
    services: Mapping[str, DesiredService] = MappingProxyType({}),
) -> Hold | None:
    """A temporary name of a recreate, or several replicas of serving services stopped at once by somebody else.

    `busy`: services of which we may be making a replica ourselves. `services`: what is wanted of them.
    """
    replicas = [replica for view in views.values() for replica in view.replicas]
    others = (replica for replica in replicas if replica.service not in busy)
    halves = [replica for replica in others if lacks_network(replica, services.get(replica.service))]
    signs = (*_recreated(replicas, halves), *_stopped_together(replicas, before, ours))
    sign = max((sign for sign in signs if still_waits(sign + QUIET, QUIET, now)), default=None)
    if sign is None:
        return None
    message = "somebody else is changing containers of this stack; waits until that is over"
    return Hold(FOREIGN_WRITER, message, sign + QUIET)


def _recreated(replicas: Iterable[Replica], halves: Iterable[Replica]) -> Iterator[Instant]:
    """A recreate that is under way or was left, and half a create that is none of ours."""
    yield from (replica.created_at for replica in replicas if replica.temporary)
    yield from (replica.created_at for replica in halves if replica.revision != HALF_MADE)


def _stopped_together(
    replicas: Iterable[Replica], before: Mapping[str, Decision], ours: Collection[ReplicaId]
) -> Iterable[Instant]:
    ends = sorted(
        (replica.finished_at, before[replica.service].phase in _SERVING)
        for replica in replicas
        if replica.finished_at is not None
        and replica.id not in ours
        and replica.service in before
        and _was_stopped(replica, before[replica.service].phase)
    )
    return (
        later
        for (earlier, served), (later, serves) in pairwise(ends)
        if later - earlier <= TOGETHER and (served or serves)
    )


def _was_stopped(replica: Replica, phase: Phase) -> bool:
    if replica.phase is ReplicaPhase.EXITED:
        return replica.exit_code in _BY_HAND and phase in _SERVING | _PUT_UP_AGAIN
    # How its last life ended is not shown any more; with restarts it was a crash that Docker's policy mended.
    return replica.running and not replica.restarts and phase in _PUT_UP_AGAIN
