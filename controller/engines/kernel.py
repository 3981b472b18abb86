"""Counters of a container whose engine shares our kernel, read from the kernel's files: no call, no process."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from controller.engines import cgroups
from controller.engines.cgroups import Folders, Mount
from controller.model.usage import Counters

_MOST, _MOST_LONG = 1 << 16, 1 << 20
"""Bytes that are read of a file, and of one of many records: many times what the longest has."""

_USER, _NANO = 1e6, 1e9


def read_mounts() -> Mapping[str, Mount]:
    """The cgroup hierarchies that are mounted here; none where that cannot be read."""
    try:
        return cgroups.find_mounts(_read_long("/proc/self/mountinfo"))
    except OSError:
        return {}


def read_folders(pid: int, container: str, mounts: Mapping[str, Mount]) -> Folders | None:
    """Where that process of that container is counted; None: it is not that container's, or not to be seen from here.

    Of containers that share a pid namespace with ours too: the id of the container stands in the path.
    """
    text = _read_or_empty(f"/proc/{pid}/cgroup")
    return cgroups.find_folders(text, mounts) if container in text else None


def read_counters(folders: Folders, pid: int | None, container: str) -> Counters | None:
    """The counters now, None where they are gone; `pid` None: it has no network of its own.

    What it costs: see `Gauges`.
    """
    try:
        return _read_v2(folders, pid, container) if folders.unified else _read_v1(folders, pid, container)
    except (OSError, ValueError):  # it ends while we read
        return None


def _read_v1(folders: Folders, pid: int | None, container: str) -> Counters:
    memory = _read(f"{folders.memory}/memory.usage_in_bytes")
    details = _read(f"{folders.memory}/memory.stat")
    io = cgroups.read_io_v1(_read_or_empty(f"{folders.io}/blkio.throttle.io_service_bytes_recursive"))
    quota = _read_or_empty(f"{folders.quota}/cpu.cfs_quota_us")
    period = _read(f"{folders.quota}/cpu.cfs_period_us") if not quota.startswith("-") else ""
    received, sent = _traffic(pid, container)
    return Counters(
        at=time.monotonic(),
        cpu=int(_read(f"{folders.cpu}/cpuacct.usage")) / _NANO,
        cpu_limit=cgroups.read_quota(quota, period),
        memory=without_idle(int(memory), cgroups.read_keyed(details, "total_inactive_file")),
        memory_limit=cgroups.read_limit(_read(f"{folders.memory}/memory.limit_in_bytes")),
        received=received,
        sent=sent,
        read=io[0],
        written=io[1],
        processes=cgroups.read_number(_read(f"{folders.processes}/pids.current")),
        cached=cgroups.read_keyed(details, "total_active_file"),
    )


def _read_v2(folders: Folders, pid: int | None, container: str) -> Counters:
    place = folders.memory
    spent = cgroups.read_keyed(_read(f"{place}/cpu.stat"), "usage_usec")
    details = _read(f"{place}/memory.stat")
    quota, _, period = _read_or_empty(f"{place}/cpu.max").strip().partition(" ")
    io = cgroups.read_io_v2(_read_or_empty(f"{place}/io.stat"))
    received, sent = _traffic(pid, container)
    return Counters(
        at=time.monotonic(),
        cpu=None if spent is None else spent / _USER,
        cpu_limit=cgroups.read_quota(quota, period),
        memory=without_idle(int(_read(f"{place}/memory.current")), cgroups.read_keyed(details, "inactive_file")),
        memory_limit=cgroups.read_limit(_read(f"{place}/memory.max")),
        received=received,
        sent=sent,
        read=io[0],
        written=io[1],
        processes=cgroups.read_number(_read(f"{place}/pids.current")),
        cached=cgroups.read_keyed(details, "active_file"),
    )


def without_idle(memory: int, idle: int | None) -> int:
    """As `docker stats` counts it: without the file cache that the kernel can take back at once (docker/cli
    `calculateMemUsageUnixNoCache`)."""
    return memory - idle if idle is not None and idle < memory else memory


def _traffic(pid: int | None, container: str) -> tuple[int | None, int | None]:
    """A number may be another process's by now: only one that is still in the container counts."""
    if pid is None or container not in _read(f"/proc/{pid}/cgroup"):
        return None, None
    return cgroups.read_traffic(_read_long(f"/proc/{pid}/net/dev"))


def _read(path: str) -> str:
    """A quarter of what `Path.read_text` takes. For files that the kernel hands out whole, as all of cgroups are."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(handle, _MOST).decode("ascii", "replace")
    finally:
        os.close(handle)


def _read_long(path: str) -> str:
    """For files of many records, of which each read hands out a page or so."""
    parts: list[bytes] = []
    left = _MOST_LONG
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while left > 0 and (part := os.read(handle, min(_MOST, left))):
            parts.append(part)
            left -= len(part)
    finally:
        os.close(handle)
    return b"".join(parts).decode("ascii", "replace")


def _read_or_empty(path: str) -> str:
    """Kernels without that controller have no such file."""
    try:
        return _read(path)
    except OSError:
        return ""
