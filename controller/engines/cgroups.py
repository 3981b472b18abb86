"""Where the kernel counts what a container uses, and what its files say: cgroup v1, v2, and both at once. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

UNLIMITED = 1 << 60
"""Bytes from which a limit of memory is none: v1 says 2^63 - 1, rounded down to a page."""

UNIFIED = ""
"""The name of the v2 hierarchy among those of v1, which are called by their controller."""


class Mount(NamedTuple):
    """A hierarchy: where it is mounted, and which of its folders that shows."""

    place: str
    root: str


class Folders(NamedTuple):
    """The folders of one container. Of v2 all are the same."""

    cpu: str
    memory: str
    io: str
    processes: str
    unified: bool
    quota: str = ""
    """v1 only: `cpu`, which may be mounted beside `cpuacct`."""


def find_mounts(mountinfo: str) -> Mapping[str, Mount]:
    """By controller, from `/proc/self/mountinfo` (proc(5)); v2 is called `UNIFIED`."""
    found: dict[str, Mount] = {}
    for line in mountinfo.splitlines():
        head, _, tail = line.partition(" - ")
        before, after = head.split(), tail.split()
        if len(before) < 5 or len(after) < 3:
            continue
        mount = Mount(before[4], before[3])
        if after[0] == "cgroup2":
            found.setdefault(UNIFIED, mount)
        elif after[0] == "cgroup":
            for name in after[2].split(","):
                found.setdefault(name, mount)
    return found


def find_folders(cgroup: str, mounts: Mapping[str, Mount]) -> Folders | None:
    """From `/proc/PID/cgroup` (cgroups(7)); None where a hierarchy that is needed cannot be seen from here.

    Where v1 counts memory it counts everything: v2 is mounted beside it without controllers.
    """
    paths = dict(_paths(cgroup))
    if "memory" not in paths:
        one = _folder(UNIFIED, paths, mounts)
        return Folders(one, one, one, one, unified=True) if one is not None else None
    cpu, memory, io, processes = (_folder(name, paths, mounts) for name in ("cpuacct", "memory", "blkio", "pids"))
    if cpu is None or memory is None or io is None or processes is None:
        return None
    return Folders(cpu, memory, io, processes, unified=False, quota=_folder("cpu", paths, mounts) or "")


def find_names(cgroup: str) -> frozenset[str]:
    """Controllers that v1 counts by, and `UNIFIED` where v2 is there too."""
    return frozenset(name for name, _ in _paths(cgroup))


def find_folder(name: str, cgroup: str, mounts: Mapping[str, Mount]) -> str | None:
    """The folder of one hierarchy; None where it cannot be seen from here."""
    return _folder(name, dict(_paths(cgroup)), mounts)


def _paths(cgroup: str) -> Iterable[tuple[str, str]]:
    for line in cgroup.splitlines():
        _, names, path = line.split(":", 2)
        yield from ((name, path) for name in names.split(","))


def _folder(name: str, paths: Mapping[str, str], mounts: Mapping[str, Mount]) -> str | None:
    mount, path = mounts.get(name), paths.get(name)
    if mount is None or path is None or path.startswith("/.."):
        return None  # of a namespace that is not ours
    below = path.removeprefix(mount.root) if mount.root != "/" else path
    return f"{mount.place}/{below.lstrip('/')}"


def read_number(text: str) -> int | None:
    """`12345`; None for `max` and what is no number."""
    return int(text) if text.strip().isdigit() else None


def read_keyed(text: str, key: str) -> int | None:
    """The number after `key` in a file of `key number` lines."""
    at = 0 if text.startswith(f"{key} ") else text.find(f"\n{key} ") + 1
    if not text.startswith(f"{key} ", at):
        return None
    return read_number(text[at + len(key) + 1 :].partition("\n")[0])


def read_limit(text: str) -> int | None:
    """Bytes of `memory.max` or `memory.limit_in_bytes`; None: no limit."""
    number = read_number(text)
    return None if number is None or number >= UNLIMITED else number


def read_quota(quota: str, period: str) -> float | None:
    """Cores, of v1's two files or the two words of v2's `cpu.max`; None: no limit (`-1`, `max`)."""
    most, of = read_number(quota), read_number(period)
    return most / of if most is not None and of else None


def read_io_v1(text: str) -> tuple[int, int]:
    """Bytes read and written, of `blkio.throttle.io_service_bytes_recursive`: `8:0 Read 4096`."""
    sums = {"Read": 0, "Write": 0}
    for line in text.splitlines():
        if len(words := line.split()) == 3 and words[1] in sums:
            sums[words[1]] += int(words[2])
    return sums["Read"], sums["Write"]


def read_io_v2(text: str) -> tuple[int, int]:
    """Bytes read and written, of `io.stat`: `8:0 rbytes=4096 wbytes=0 …`."""
    sums = {"rbytes": 0, "wbytes": 0}
    for word in text.split():
        key, _, value = word.partition("=")
        if key in sums:
            sums[key] += int(value)
    return sums["rbytes"], sums["wbytes"]


def read_traffic(text: str) -> tuple[int, int]:
    """Bytes received and sent over all of `/proc/PID/net/dev` but the loopback."""
    received = sent = 0
    for line in text.splitlines()[2:]:
        name, _, rest = line.partition(":")
        if name.strip() != "lo" and len(words := rest.split()) >= 9:
            received, sent = received + int(words[0]), sent + int(words[8])
    return received, sent
