"""What the kernel's files say, as they stand under cgroup v1, v2 and both at once."""

from __future__ import annotations

import pytest

from controller.engines import cgroups
from controller.engines.cgroups import Folders, Mount, find_folders, find_mounts

pytestmark = pytest.mark.unit

ID = "f" * 64
V1 = """\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
38 31 0:35 / /sys/fs/cgroup/blkio rw,relatime - cgroup cgroup rw,blkio
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""
V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1_PROCESS = (
    f"9:name=systemd:/docker/{ID}\n8:pids:/docker/{ID}\n7:blkio:/docker/{ID}\n"
    f"4:memory:/docker/{ID}\n2:cpu,cpuacct:/docker/{ID}\n0::/docker/{ID}\n"
)
V2_PROCESS = f"0::/system.slice/docker-{ID}.scope\n"
PLACE = f"/sys/fs/cgroup/system.slice/docker-{ID}.scope"
V1_FOLDERS = Folders(
    cpu=f"/sys/fs/cgroup/cpu,cpuacct/docker/{ID}",
    memory=f"/sys/fs/cgroup/memory/docker/{ID}",
    io=f"/sys/fs/cgroup/blkio/docker/{ID}",
    processes=f"/sys/fs/cgroup/pids/docker/{ID}",
    unified=False,
    quota=f"/sys/fs/cgroup/cpu,cpuacct/docker/{ID}",
)


@pytest.mark.parametrize(
    ("mountinfo", "process", "folders"),
    [
        pytest.param(V1, V1_PROCESS, V1_FOLDERS, id="v1 counts, v2 is mounted beside it"),
        pytest.param(V2, V2_PROCESS, Folders(PLACE, PLACE, PLACE, PLACE, unified=True), id="v2 alone"),
        pytest.param(V2, f"0::/../../docker/{ID}\n", None, id="of a cgroup namespace above ours"),
        pytest.param(V2, V1_PROCESS, None, id="hierarchies that are not mounted here"),
        pytest.param("", V2_PROCESS, None, id="no mounts are to be seen"),
        pytest.param("30 23 0:26 / /x", "", None, id="a line that is none"),
    ],
)
def test_where_a_container_is_counted(mountinfo: str, process: str, folders: Folders | None) -> None:
    assert find_folders(process, find_mounts(mountinfo)) == folders


def test_a_mount_that_shows_a_part_of_its_hierarchy() -> None:
    mounts = {"": Mount("/sys/fs/cgroup", "/machine")}
    found = find_folders(f"0::/machine/docker/{ID}\n", mounts)
    assert found is not None and found.memory == f"/sys/fs/cgroup/docker/{ID}"


@pytest.mark.parametrize(
    ("text", "limit"),
    [("67108864\n", 67108864), ("max\n", None), ("9223372036854771712\n", None), ("", None), ("0\n", 0)],
)
def test_limits_of_memory(text: str, limit: int | None) -> None:
    assert cgroups.read_limit(text) == limit


@pytest.mark.parametrize(
    ("quota", "period", "cores"),
    [("50000", "100000", 0.5), ("-1", "100000", None), ("max", "100000", None), ("", "", None), ("1", "0", None)],
)
def test_limits_of_cores(quota: str, period: str, cores: float | None) -> None:
    assert cgroups.read_quota(quota, period) == cores


@pytest.mark.parametrize(
    ("key", "number"), [("cache", 5), ("inactive_file", 7), ("total_inactive_file", 9), ("active", None), ("x", None)]
)
def test_a_key_is_found_whole(key: str, number: int | None) -> None:
    text = "cache 5\ninactive_file 7\nactive_anon 1\ntotal_inactive_file 9\n"
    assert cgroups.read_keyed(text, key) == number


def test_bytes_of_block_devices() -> None:
    v1 = "8:0 Read 100\n8:0 Write 20\n8:0 Sync 1\n8:16 Read 3\n8:16 Write 4\nTotal 127\n"
    v2 = "8:0 rbytes=100 wbytes=20 rios=1 wios=1 dbytes=9 dios=0\n8:16 rbytes=3 wbytes=4\n"
    assert cgroups.read_io_v1(v1) == cgroups.read_io_v2(v2) == (103, 24)
    assert cgroups.read_io_v1("Total 0\n") == cgroups.read_io_v2("") == (0, 0)


def test_bytes_of_all_networks_but_the_loopback() -> None:
    head = "Inter-|   Receive |  Transmit\n face |bytes packets |bytes packets\n"
    lines = (
        "    lo:     999 2 0 0 0 0 0 0 999 2 0 0\n  eth0:200 2 0 0 0 0 0 0 30 1 0 0\n  eth1: 5 2 0 0 0 0 0 0 6 1 0 0\n"
    )
    assert cgroups.read_traffic(head + lines) == (205, 36)
    assert cgroups.read_traffic(head) == (0, 0)
