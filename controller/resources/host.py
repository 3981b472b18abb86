"""Senses: what the machine that we run on has used, and has. By psutil; raises nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from controller.model.usage import HostUsage

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HostCounters:
    """`busy`: core seconds since the machine began, None where not known; `at` on the monotonic clock.

    `now`: what needs no second sample.
    """

    at: float
    busy: float | None
    now: HostUsage


def read_host(disk_path: str) -> HostCounters:
    """One sample, 0.4 ms of a core (measured). `disk_path`: a folder on the disk that counts."""
    import psutil  # 15 ms: only who measures loads it

    memory, swap = _try(psutil.virtual_memory), _try(psutil.swap_memory)
    disk = _try(lambda: psutil.disk_usage(disk_path)) if disk_path else None
    now = HostUsage(
        cores=psutil.cpu_count() or 1,
        load=_try(psutil.getloadavg),
        memory_total=memory.total if memory is not None else None,
        memory_available=memory.available if memory is not None else None,
        swap_total=swap.total if swap is not None else None,
        swap_used=swap.used if swap is not None else None,
        disk_path=disk_path,
        disk_total=disk.total if disk is not None else None,
        disk_free=disk.free if disk is not None else None,
    )
    return HostCounters(time.monotonic(), _try(_read_busy), now)


def _read_busy() -> float:
    """Time of guests is in that of their users already (proc(5))."""
    import psutil

    spent = psutil.cpu_times()
    idle = spent.idle + getattr(spent, "iowait", 0.0)
    guests = getattr(spent, "guest", 0.0) + getattr(spent, "guest_nice", 0.0)
    return float(sum(spent) - idle - guests)


def _try(read: Callable[[], T]) -> T | None:
    """What this kernel, or this sandbox, does not tell is not known."""
    with suppress(OSError, RuntimeError, ValueError, AttributeError):
        return read()
    return None
