"""What our own process may use at most: by cgroup v1 and v2, in a container, in a unit, and where nothing limits it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from controller.engines.cgroups import find_mounts
from controller.model.usage import OwnLimits
from controller.resources.own_limits import find_limits, read_own_limits

pytestmark = pytest.mark.unit

V1 = """\
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
"""
V1_IN_CONTAINER = """\
32 31 0:29 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory
"""
V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
IN_V1 = "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/\n"
CPU, MEMORY, UNIFIED = "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/memory", "/sys/fs/cgroup"
ENDLESS = "9223372036854771712\n"
UNIT, PLACE = "0::/system.slice/controller.service\n", "/system.slice/controller.service"
NO_QUOTA = "max 100000\n"


def v1(place: str, memory: str, quota: str) -> dict[str, str]:
    return {
        f"{MEMORY}{place}/memory.limit_in_bytes": memory,
        f"{CPU}{place}/cpu.cfs_quota_us": quota,
        f"{CPU}{place}/cpu.cfs_period_us": "100000\n",
    }


def v2(place: str, memory: str, cpu: str) -> dict[str, str]:
    return {f"{UNIFIED}{place}/memory.max": memory, f"{UNIFIED}{place}/cpu.max": cpu}


@pytest.mark.parametrize(
    ("mountinfo", "cgroup", "files", "limits"),
    [
        pytest.param(V1, IN_V1, v1("/docker/abc", "536870912\n", "50000\n"), OwnLimits(512 << 20, 0.5), id="v1"),
        pytest.param(V1, IN_V1, v1("/docker/abc", ENDLESS, "-1\n"), OwnLimits(), id="v1 without limits"),
        pytest.param(
            V1,
            IN_V1,
            v1("/docker/abc", "536870912\n", "-1\n") | v1("/docker", "268435456\n", "150000\n"),
            OwnLimits(256 << 20, 1.5),
            id="v1: the group around it has less",
        ),
        pytest.param(
            V1_IN_CONTAINER, IN_V1, v1("", "536870912\n", "200000\n"), OwnLimits(512 << 20, 2.0), id="v1 from within"
        ),
        pytest.param(V1, "4:memory:/docker/abc\n0::/\n", {}, OwnLimits(), id="v1: a kernel without these files"),
        pytest.param(
            V2, UNIT, v2(PLACE, "536870912\n", "50000 100000\n"),
            OwnLimits(512 << 20, 0.5), id="v2: a unit of systemd",
        ),
        pytest.param(
            V2, UNIT,
            v2(PLACE, "max\n", NO_QUOTA) | v2("/system.slice", "268435456\n", NO_QUOTA),
            OwnLimits(256 << 20, None), id="v2: its slice is limited",
        ),
        pytest.param(V2, UNIT, v2(PLACE, "max\n", NO_QUOTA), OwnLimits(), id="v2 without limits"),
        pytest.param(
            V2, "0::/\n", v2("", "134217728\n", "25000 50000\n"), OwnLimits(128 << 20, 0.5),
            id="v2: from within a container with a namespace of its own",
        ),
        pytest.param(V2, "0::/../other\n", v2("", "1\n", "1 1\n"), OwnLimits(), id="v2: not to be seen from here"),
        pytest.param("", UNIT, {}, OwnLimits(), id="no hierarchy is mounted"),
        pytest.param(V2, "", {}, OwnLimits(), id="no Linux"),
    ],
)  # fmt: skip
def test_the_least_on_the_way_up(mountinfo: str, cgroup: str, files: Mapping[str, str], limits: OwnLimits) -> None:
    def read(path: str) -> str:
        if path not in files:
            raise FileNotFoundError(path)
        return files[path]

    assert find_limits(cgroup, find_mounts(mountinfo), read) == limits


def test_of_this_process_it_raises_nothing() -> None:
    limits = read_own_limits()
    assert limits.memory is None or limits.memory > 0
    assert limits.cpu is None or limits.cpu > 0
