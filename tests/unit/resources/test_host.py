"""What the machine that we run on has, as its kernel tells it."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from controller.model.usage import HostUsage
from controller.resources import host
from controller.resources.host import Disk, Files, parse_arc, parse_files, read_disk, read_host
from controller.resources.pressure import Pressure

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("930\t0\t2466165\n", Files(930, 2466165)),
        ("930\t30\t1000\n", Files(900, 1000)),
        ("1500\t0\t9223372036854775807\n", Files(1500, None)),
    ],
)
def test_open_files(text: str, files: Files) -> None:
    assert parse_files(text) == files


def statvfs(inodes: int, free: int) -> os.statvfs_result:
    return os.statvfs_result((4096, 4096, 1000, 300, 200, inodes, free + 5, free, 0, 255, 0))


@pytest.mark.parametrize(
    ("told", "disk"),
    [
        pytest.param(statvfs(100, 10), Disk(900 * 4096, 819_200, 95, 10), id="without what is root's alone"),
        pytest.param(statvfs(0, 0), Disk(900 * 4096, 819_200, None, None), id="as many inodes as are wanted (btrfs)"),
    ],
)
def test_a_disk(monkeypatch: pytest.MonkeyPatch, told: os.statvfs_result, disk: Disk) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: told)
    assert read_disk("/") == disk


ARC = "13 1 0x01 3 96 1 2\nname type data\nsize 4 {size}\nc_min 4 100\nc_max 4 900\n"


@pytest.mark.parametrize(("text", "spare"), [(ARC.format(size=700), 600), (ARC.format(size=50), 0), ("", 0)])
def test_what_zfs_gives_back_of_its_cache(text: str, spare: int) -> None:
    assert parse_arc(text) == spare


def test_that_is_available_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "arcstats").write_text(ARC.format(size=1 << 60))
    monkeypatch.setattr(host, "_ARC", str(tmp_path / "arcstats"))
    now = read_host(str(tmp_path)).now
    assert now.memory_available == now.memory_total


def test_this_machine_is_told_as_psutil_tells_it(tmp_path: Path) -> None:
    now = read_host(str(tmp_path)).now
    disk = psutil.disk_usage(str(tmp_path))
    assert now.memory_total == psutil.virtual_memory().total
    assert now.disk_total == disk.used + disk.free and now.disk_free is not None and 0 <= now.disk_free <= disk.total
    assert now.inodes_total is None or now.inodes_free is not None
    assert now.files_open is not None and now.files_open > 0


def test_what_this_machine_does_not_tell_is_not_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object) -> None:
        raise OSError

    for name in ("virtual_memory", "swap_memory", "getloadavg", "cpu_times"):
        monkeypatch.setattr(psutil, name, refuse)
    monkeypatch.setattr(host, "_FILES", str(tmp_path / "none"))
    monkeypatch.setattr(host, "_ARC", str(tmp_path / "none"))
    monkeypatch.setattr(host, "read_pressure", Pressure)
    found = read_host(str(tmp_path / "none"))
    assert found.busy is None
    assert found.now == HostUsage(cores=psutil.cpu_count() or 1, disk_path=str(tmp_path / "none"))
