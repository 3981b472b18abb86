"""Judges: counters to rates, replicas to services. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from controller.model.names import ReplicaId
from controller.model.observed import Replica
from controller.model.status import ServiceStatus
from controller.model.usage import Counters, Figures, HostUsage, ServiceUsage
from controller.resources.host import HostCounters

SHORTEST = 0.05
"""Seconds: between two samples that lie nearer to each other no rate means anything (jiffies are 0.01 s)."""


def judge_replica(before: Counters | None, after: Counters) -> Figures:
    """Rates are means since `before`. Where that is of another life, or a counter went backwards, none is known."""
    same = before is not None and before.started_at == after.started_at
    earlier = before if same and before is not None else after
    seconds = after.at - earlier.at
    return Figures(
        cpu=_rate(earlier.cpu, after.cpu, seconds),
        memory=after.memory,
        memory_limit=after.memory_limit,
        received=_rate(earlier.received, after.received, seconds),
        sent=_rate(earlier.sent, after.sent, seconds),
        read=_rate(earlier.read, after.read, seconds),
        written=_rate(earlier.written, after.written, seconds),
        processes=after.processes,
        cpu_limit=after.cpu_limit,
        cached=after.cached,
    )


def _rate(before: float | None, after: float | None, seconds: float) -> float | None:
    if before is None or after is None or after < before or seconds < SHORTEST:
        return None
    return (after - before) / seconds


def judge_service(
    service: ServiceStatus,
    before: Mapping[ReplicaId, Counters],
    after: Mapping[ReplicaId, Counters],
    custom: Mapping[str, float],
) -> ServiceUsage:
    """Each replica that runs, and all together; one of which nothing could be had is listed without figures."""
    replicas = {replica.name: _of(replica, before, after) for replica in service.replicas if replica.running}
    return ServiceUsage(sum_up(tuple(replicas.values())), replicas, custom)


def _of(replica: Replica, before: Mapping[ReplicaId, Counters], after: Mapping[ReplicaId, Counters]) -> Figures:
    counters = after.get(replica.id)
    return Figures() if counters is None else judge_replica(before.get(replica.id), counters)


def sum_up(parts: Sequence[Figures]) -> Figures:
    """What is known of some is summed over these; a limit only where every one has one."""
    return Figures(
        cpu=_known(one.cpu for one in parts),
        memory=_whole(one.memory for one in parts),
        memory_limit=_whole(one.memory_limit for one in parts) if _all(one.memory_limit for one in parts) else None,
        received=_known(one.received for one in parts),
        sent=_known(one.sent for one in parts),
        read=_known(one.read for one in parts),
        written=_known(one.written for one in parts),
        processes=_whole(one.processes for one in parts),
        cpu_limit=_known(one.cpu_limit for one in parts) if _all(one.cpu_limit for one in parts) else None,
        cached=_whole(one.cached for one in parts),
    )


def _known(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _whole(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _all(values: Iterable[object]) -> bool:
    return all(value is not None for value in values)


def judge_host(before: HostCounters | None, after: HostCounters) -> HostUsage:
    """With the cores in use since `before`."""
    if before is None:
        return after.now
    cpu = _rate(before.busy, after.busy, after.at - before.at)
    return replace(after.now, cpu=None if cpu is None else min(cpu, float(after.now.cores)))


def host_figures(host: HostUsage) -> Figures:
    """The machine as one that uses things, for its history."""
    total, left = host.memory_total, host.memory_available
    used = total - left if total is not None and left is not None else None
    return Figures(cpu=host.cpu, memory=used, memory_limit=total, cpu_limit=float(host.cores))
