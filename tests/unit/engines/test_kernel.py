"""Files of the kernel that are longer than what one read hands out are read whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.engines import kernel
from controller.engines.cgroups import Folders, Mount

pytestmark = pytest.mark.unit

PAGE = 4096
HEAD = "Inter-|   Receive\n face |bytes\n"
FILES = {
    "cpu.stat": "usage_usec 1000000\n",
    "cpu.max": "max 100000\n",
    "memory.stat": "inactive_file 0\n",
    "memory.current": "1\n",
    "memory.max": "max\n",
    "pids.current": "1\n",
}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """What stands in files of /proc: by path. As with `seq_file`, a read hands out a page at most."""
    stand_in: dict[str, str] = {}
    opened, read = os.open, os.read

    def open_here(path: str, flags: int) -> int:
        if path not in stand_in:
            return opened(path, flags)
        (tmp_path / "file").write_text(stand_in[path])
        return opened(tmp_path / "file", flags)

    with monkeypatch.context() as patch:
        patch.setattr(kernel.os, "open", open_here)
        patch.setattr(kernel.os, "read", lambda handle, most: read(handle, min(most, PAGE)))
        yield stand_in


def test_a_hierarchy_that_is_mounted_late_is_found(files: dict[str, str]) -> None:
    others = "".join(f"{number} 1 0:{number} / /mnt/{'x' * 60} rw - tmpfs tmpfs rw\n" for number in range(200))
    files["/proc/self/mountinfo"] = f"{others}900 1 0:9 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
    assert kernel.read_mounts() == {"": Mount("/sys/fs/cgroup", "/")}


def test_traffic_of_all_interfaces_counts(files: dict[str, str], tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    place = str(tmp_path)
    files["/proc/7/cgroup"] = "0::/docker/abc\n"
    files["/proc/7/net/dev"] = HEAD + "".join(
        f"eth{number}: 10 0 0 0 0 0 0 0 20 0 0 0 0 0 0 0\n" for number in range(300)
    )
    counters = kernel.read_counters(Folders(place, place, place, place, unified=True), 7, "abc")
    assert counters is not None and (counters.received, counters.sent) == (3000, 6000)
