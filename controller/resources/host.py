"""Senses: what the machine that we run on has used, and has. By psutil and the kernel's files; raises nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from controller.model.usage import HostUsage
from controller.resources.pressure import read_pressure

T = TypeVar("T")

_FILES = "/proc/sys/fs/file-nr"

_ARC = "/proc/spl/kstat/zfs/arcstats"

_ENDLESS = 1 << 60
"""File handles from which on a limit is none: systemd sets 2^63 - 1."""


@dataclass(frozen=True, slots=True)
class HostCounters:
    """`busy`: core seconds since the machine began, None where not known; `at` on the monotonic clock.

    `now`: what needs no second sample.
    """

    at: float
    busy: float | None
    now: HostUsage


class Disk(NamedTuple):
    """Bytes and inodes of a file system, as much as programs may have of them."""

    total: int | None = None
    free: int | None = None
    inodes_total: int | None = None
    inodes_free: int | None = None


class Files(NamedTuple):
    """File handles that are open, and the most that there may be."""

    open: int | None = None
    most: int | None = None


def read_host(disk_path: str) -> HostCounters:
    """One sample, 0.3 ms of a core (measured). `disk_path`: a folder on the disk that counts."""
    import psutil  # 15 ms: only who measures loads it

    memory, swap = _try(psutil.virtual_memory), _try(psutil.swap_memory)
    disk = (_try(lambda: read_disk(disk_path)) if disk_path else None) or Disk()
    files, pressure = _try(_read_files) or Files(), read_pressure()
    now = HostUsage(
        cores=psutil.cpu_count() or 1,
        load=_try(psutil.getloadavg),
        memory_total=memory.total if memory is not None else None,
        memory_available=min(memory.total, memory.available + _read_spare_cache()) if memory is not None else None,
        swap_total=swap.total if swap is not None else None,
        swap_used=swap.used if swap is not None else None,
        disk_path=disk_path,
        disk_total=disk.total,
        disk_free=disk.free,
        inodes_total=disk.inodes_total,
        inodes_free=disk.inodes_free,
        files_open=files.open,
        files_most=files.most,
        cpu_pressure=pressure.cpu,
        memory_pressure=pressure.memory,
        io_pressure=pressure.io,
    )
    return HostCounters(time.monotonic(), _try(_read_busy), now)


def read_disk(path: str) -> Disk:
    """Of the file system on which that folder lies, without what is root's alone, as `df` counts. Raises OSError."""
    told = os.statvfs(path)
    inodes = told.f_files or None  # btrfs and others make them as they are wanted, and say 0
    return Disk(
        total=(told.f_blocks - told.f_bfree + told.f_bavail) * told.f_frsize,
        free=told.f_bavail * told.f_frsize,
        inodes_total=inodes - told.f_ffree + told.f_favail if inodes else None,
        inodes_free=told.f_favail if inodes else None,
    )


def _read_files() -> Files:
    with open(_FILES, encoding="ascii") as file:
        return parse_files(file.read())


def parse_files(text: str) -> Files:
    """Of `/proc/sys/fs/file-nr`: handles that were given out, of these those that are free again, the most."""
    given, free, most = (int(word) for word in text.split())
    return Files(given - free, most if most < _ENDLESS else None)


def _read_spare_cache() -> int:
    """Bytes that ZFS gives back of its file cache, which the kernel counts as used; 0 where there is no ZFS."""
    with suppress(OSError, ValueError), open(_ARC, encoding="ascii") as file:
        return parse_arc(file.read())
    return 0


def parse_arc(text: str) -> int:
    """Of `arcstats`, lines of name, type and data: what it holds beyond the least that it keeps (as htop counts)."""
    words = (line.split() for line in text.splitlines())
    sizes = {one[0]: int(one[2]) for one in words if len(one) == 3 and one[0] in ("size", "c_min")}
    return max(0, sizes.get("size", 0) - sizes.get("c_min", 0))


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
