"""Judges: of what the machine, the engine and its containers tell, what there is room for. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from controller.engines.base import EngineInfo
from controller.model.names import Instant, ReplicaId
from controller.model.resources import Amount, Limit, Reserve, Room
from controller.model.room import Facts, Source
from controller.model.usage import HostUsage


def make_facts(at: Instant, host: HostUsage, engine: EngineInfo, used_by_replicas: int | None) -> Facts:
    """The host's word where the engine shares its kernel, else the engine's own; the two are never mixed.

    `host`: the machine that we run on; limits of our own process are no part of it. `used_by_replicas`: bytes of memory
    that containers on that engine are known to use; None: not known. Only an engine elsewhere is judged by it.
    """
    return _of_host(at, host, engine) if engine.shares_host else _of_engine(at, engine, used_by_replicas)


def _of_host(at: Instant, host: HostUsage, engine: EngineInfo) -> Facts:
    on_disk = bool(engine.data_root) and host.disk_path == engine.data_root
    return Facts(
        at=at,
        source=Source.HOST,
        cores=host.cores,
        cpu=host.cpu,
        memory_total=host.memory_total,
        memory_available=host.memory_available,
        disk_total=host.disk_total if on_disk else None,
        disk_free=host.disk_free if on_disk else None,
        inodes_total=host.inodes_total if on_disk else None,
        inodes_free=host.inodes_free if on_disk else None,
    )


def _of_engine(at: Instant, engine: EngineInfo, used: int | None) -> Facts:
    """Nothing tells how full a disk elsewhere is."""
    total = engine.memory_total
    left = max(0, total - used) if total is not None and used is not None else None
    return Facts(at, Source.ENGINE, cores=engine.cores, memory_total=total, memory_available=left)


def make_room(facts: Facts, used: Mapping[ReplicaId, int], others: Amount, reserve: Reserve) -> Room:
    """What there is for one stack: what is available, with what all of ours use, but for what `others` were promised.

    Never more than the machine has: cached files count as used and as available at once. Where nobody tells what is
    available, all is taken to be.
    """
    total, available = facts.memory_total, facts.memory_available
    whole = total if available is None else available + sum(used.values())
    if whole is not None and total is not None:
        whole = min(whole, total)
    disk = None if facts.disk_free is None else facts.disk_free - reserve.disk
    if facts.inodes_free == 0:
        disk = min(0, disk or 0)
    return Room(
        memory=None if whole is None else whole - reserve.memory - others.memory,
        cpu=None if facts.cores is None else facts.cores - reserve.cpu - others.cpu,
        disk=disk,
        most=Limit(
            None if total is None else max(0, total - reserve.memory),
            None if facts.cores is None else max(0.0, facts.cores - reserve.cpu),
        ),
        used=used,
        reserve=reserve,
    )
