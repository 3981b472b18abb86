"""Docker's answer to `GET /containers/ID/stats?one-shot=true` as counters. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controller.engines.kernel import without_idle
from controller.model.usage import Counters

_NANO = 1e9


def parse_stats(answer: Mapping[str, Any], at: float, *, memory_of_host: int, cpu_limit: float | None) -> Counters:
    """`memory_of_host`: bytes, which Docker names as the limit of who has none."""
    memory: Mapping[str, Any] = answer.get("memory_stats") or {}
    limit = memory.get("limit")
    received, sent = _traffic(answer.get("networks"))
    read, written = _io((answer.get("blkio_stats") or {}).get("io_service_bytes_recursive"))
    spent = ((answer.get("cpu_stats") or {}).get("cpu_usage") or {}).get("total_usage")
    return Counters(
        at=at,
        cpu=None if spent is None else spent / _NANO,
        cpu_limit=cpu_limit,
        memory=_memory(memory),
        memory_limit=None if not limit or limit >= memory_of_host else limit,
        received=received,
        sent=sent,
        read=read,
        written=written,
        processes=(answer.get("pids_stats") or {}).get("current"),
        cached=_detail(memory, "active_file"),
    )


def _memory(memory: Mapping[str, Any]) -> int | None:
    usage = memory.get("usage")
    return None if usage is None else without_idle(usage, _detail(memory, "inactive_file"))


def _detail(memory: Mapping[str, Any], name: str) -> int | None:
    """With that of cgroups inside of it, which v1 counts as `total_…`."""
    details: Mapping[str, int] = memory.get("stats") or {}
    return details.get(f"total_{name}", details.get(name))


def _traffic(networks: Mapping[str, Mapping[str, int]] | None) -> tuple[int | None, int | None]:
    if not networks:
        return None, None
    ends = networks.values()
    return sum(one.get("rx_bytes", 0) for one in ends), sum(one.get("tx_bytes", 0) for one in ends)


def _io(entries: Any) -> tuple[int, int]:
    """`[{"op": "read", "value": 4096}, …]`, in capitals under v1; null before the first byte."""
    sums = {"read": 0, "write": 0}
    for entry in entries or ():
        if (kind := str(entry.get("op")).lower()) in sums:
            sums[kind] += entry["value"]
    return sums["read"], sums["write"]
