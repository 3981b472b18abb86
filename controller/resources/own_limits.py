"""Senses: what our own process may use at most, by its cgroups and those around them. Raises nothing.

In a container or a unit with limits this is less than the machine has; nobody else's room follows from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TypeVar

from controller.engines import cgroups
from controller.engines.cgroups import UNIFIED, Mount
from controller.model.usage import OwnLimits

N = TypeVar("N", int, float)

Read = Callable[[str], str]
"""The text of a file; raises OSError."""


def read_own_limits() -> OwnLimits:
    """As they are now; 0.5 ms of a core (measured)."""
    try:
        mounts, cgroup = cgroups.find_mounts(_read_text("/proc/self/mountinfo")), _read_text("/proc/self/cgroup")
    except OSError:
        return OwnLimits()
    return find_limits(cgroup, mounts, _read_text)


def find_limits(cgroup: str, mounts: Mapping[str, Mount], read: Read) -> OwnLimits:
    """By `/proc/self/cgroup` (cgroups(7)): the least of each limit on the way up to the root, as far as we see it."""
    if "memory" in cgroups.find_names(cgroup):
        memory, quota = (tuple(_upwards(name, cgroup, mounts)) for name in ("memory", "cpu"))
        return OwnLimits(
            _least(_memory(f"{place}/memory.limit_in_bytes", read) for place in memory),
            _least(_quota_v1(place, read) for place in quota),
        )
    places = tuple(_upwards(UNIFIED, cgroup, mounts))
    return OwnLimits(
        _least(_memory(f"{place}/memory.max", read) for place in places),
        _least(_quota_v2(f"{place}/cpu.max", read) for place in places),
    )


def _upwards(name: str, cgroup: str, mounts: Mapping[str, Mount]) -> Iterator[str]:
    """The folder of that hierarchy that we are in, and those above it up to where it is mounted."""
    folder = cgroups.find_folder(name, cgroup, mounts)
    if folder is None:
        return
    place, top = PurePosixPath(folder), PurePosixPath(mounts[name].place)
    yield str(place)
    for above in place.parents:
        if not above.is_relative_to(top):
            return
        yield str(above)


def _memory(path: str, read: Read) -> int | None:
    with suppress(OSError):
        return cgroups.read_limit(read(path))
    return None


def _quota_v1(place: str, read: Read) -> float | None:
    with suppress(OSError):
        return cgroups.read_quota(read(f"{place}/cpu.cfs_quota_us"), read(f"{place}/cpu.cfs_period_us"))
    return None


def _quota_v2(path: str, read: Read) -> float | None:
    with suppress(OSError):
        quota, _, period = read(path).strip().partition(" ")
        return cgroups.read_quota(quota, period)
    return None


def _least(values: Iterable[N | None]) -> N | None:
    return min((value for value in values if value is not None), default=None)


def _read_text(path: str) -> str:
    return Path(path).read_text(encoding="ascii", errors="replace")
