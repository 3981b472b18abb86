"""What the machine, its engine and our own process have, for people and for programs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.model.usage import EngineView, HostUsage, OwnLimits, Usage
from controller.render.machine import host_lines, machine_lines
from controller.render.usage import usage_data
from tests.builders import NOW

pytestmark = pytest.mark.unit

HOST = HostUsage(2, 0.5, (1.0, 0.5, 0.25), 8 << 30, 6 << 30, 0, 0, "/var/lib/docker", 100 << 30, 40 << 30)
MORE = replace(
    HOST, inodes_total=1000, inodes_free=900, files_open=1500, files_most=90000, cpu_pressure=0.123,
    memory_pressure=0.0, io_pressure=0.5,
)  # fmt: skip


def test_a_line() -> None:
    told = "Host: CPU 25% of 2 cores, memory 2Gi of 8Gi, load 1.00 0.50 0.25, disk 40Gi free of 100Gi"
    assert host_lines(HOST) == [told]
    assert host_lines(MORE) == [f"{told}, pressure CPU 12% memory 0% I/O 50%"]
    assert host_lines(HostUsage()) == ["Host: CPU unknown of 1 cores"]


def test_a_narrow_terminal() -> None:
    assert host_lines(MORE, width=80) == [
        "Host: CPU 25% of 2 cores, memory 2Gi of 8Gi, load 1.00 0.50 0.25,",
        "      disk 40Gi free of 100Gi, pressure CPU 12% memory 0% I/O 50%",
    ]
    assert all(len(line) <= 60 for line in host_lines(MORE, width=60))


def test_all_of_it() -> None:
    here = Usage(NOW, MORE, engine=EngineView(2, 8 << 30, True))
    assert machine_lines(here)[1:] == [
        "      inodes 10% of 1000 in use, open files 1500 of 90000, disk of /var/lib/docker",
        "Engine: on this machine, 2 cores, memory 8Gi",
        "Controller: has no limits of its own",
    ]
    away = Usage(NOW, HostUsage(), engine=EngineView(4, None, False), own=OwnLimits(512 << 20, 0.5))
    assert machine_lines(away)[1:] == [
        "Engine: elsewhere, 4 cores, memory unknown",
        "Controller: may use 512Mi of memory and 0.5 cores",
    ]


def test_an_engine_that_has_not_answered_yet_is_neither_here_nor_elsewhere() -> None:
    assert machine_lines(Usage(NOW))[1] == "Engine: has not answered yet, unknown cores, memory unknown"


def test_the_three_are_told_apart() -> None:
    shown = usage_data(Usage(NOW, MORE, {}, EngineView(4, 4 << 30, False), OwnLimits(512 << 20, 0.5)))
    assert shown["host"]["memoryTotal"] == 8 << 30 and shown["host"]["cores"] == 2
    assert shown["engine"] == {"cores": 4, "memoryTotal": 4 << 30, "sharesHost": False}
    assert shown["host"]["own"] == {"memoryLimit": 512 << 20, "cpuLimit": 0.5}
    assert shown["host"]["pressure"] == {"cpu": 0.123, "memory": 0.0, "io": 0.5}
    known = {"inodesTotal": 1000, "inodesFree": 900, "filesOpen": 1500, "filesMost": 90000}
    assert shown["host"].items() >= known.items()
