"""What doctor makes of the facts: every check, from what was seen on real machines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.cli.checks.facts import Container, Disk, Facts, Folder, Machine, Said
from controller.cli.checks.judge import GIB, Verdict, judge
from controller.cli.checks.lines import check_data, check_lines
from controller.model.usage import OwnLimits
from controller.resources.pressure import Pressure

pytestmark = pytest.mark.unit

MACHINE = Machine(2, 8 * GIB, 4 * GIB, True, OwnLimits(), Pressure(0.01, 0.0, 0.0))
GOOD = Facts(
    docker=Said(0, "Docker version 28.2.2"),
    engine={"ServerVersion": "26.1.5", "OperatingSystem": "Debian GNU/Linux 12", "SecurityOptions": ["name=seccomp"]},
    engine_error="",
    components="Engine containerd runc docker-init",
    compose=Said(0, "2.40.3\n"),
    endpoint="",
    context="default",
    skew=0.0,
    containers=(Container("web", "nginx:1"),),
    disks=(Disk("/", 100 * GIB, 50 * GIB),),
    machine=MACHINE,
    state=Folder("/var/lib/controller", 0o700, True, True),
    in_docker_group=True,
    has_systemd=True,
)


def verdicts(**seen: Any) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in judge(replace(GOOD, **seen)) if check.verdict is not Verdict.OK}


def mend(name: str, **seen: Any) -> str:
    return next(check.mend for check in judge(replace(GOOD, **seen)) if check.name == name)


def test_a_fit_machine_has_nothing_to_mend() -> None:
    checks = judge(GOOD)
    assert {check.verdict for check in checks} == {Verdict.OK}
    assert not any(check.mend for check in checks)
    assert check_lines(checks)[-1] == "13 checks: all is well"


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        ({"engine": {"ServerVersion": "19.03.8"}}, {"engine version": Verdict.FAIL}),
        ({"engine": {"ServerVersion": "20.10.24+dfsg1"}}, {}),
        (
            {"engine": {"ServerVersion": "4.9.4"}, "components": "Podman Engine Conmon OCI Runtime (crun)"},
            {"engine version": Verdict.FAIL, "kind": Verdict.FAIL},
        ),
        ({"endpoint": "unix:///run/user/1000/podman/podman.sock"}, {"kind": Verdict.FAIL}),
        ({"engine": {"ServerVersion": "26.1.5", "Name": "podman-host"}}, {}),
        ({"endpoint": "ssh://host"}, {"kind": Verdict.WARN}),
        ({"engine": {"ServerVersion": "26.1.5", "SecurityOptions": ["name=rootless"]}}, {"kind": Verdict.WARN}),
        ({"compose": Said(1, "", "docker: 'compose' is not a docker command")}, {"compose": Verdict.FAIL}),
        ({"compose": Said(0, "v2.23.3")}, {"compose": Verdict.FAIL}),
        ({"compose": Said(0, "2.26.1-4")}, {}),
        ({"compose": Said(0, "5.0.1")}, {}),
        ({"disks": (Disk("/", 100 * GIB, 4 * GIB),)}, {"disk": Verdict.WARN}),
        ({"disks": (Disk("/", 100 * GIB, GIB // 8),)}, {"disk": Verdict.FAIL}),
        ({"disks": (Disk("/", 100 * GIB, 50 * GIB, 1000, 40),)}, {"inodes": Verdict.WARN}),
        ({"disks": (Disk("/", 100 * GIB, 50 * GIB, 1000, 9),)}, {"inodes": Verdict.FAIL}),
        ({"disks": (Disk("/", 100 * GIB, 50 * GIB),)}, {}),
        ({"machine": replace(MACHINE, memory_available=GIB // 8)}, {"memory": Verdict.WARN}),
        ({"machine": replace(MACHINE, own=OwnLimits(64 << 20))}, {"own limits": Verdict.WARN}),
        ({"machine": replace(MACHINE, own=OwnLimits(512 << 20, 0.5))}, {}),
        ({"machine": replace(MACHINE, pressure=Pressure())}, {}),
        ({"skew": -30.0}, {"clock": Verdict.WARN}),
        ({"skew": None}, {"clock": Verdict.WARN}),
        ({"containers": (Container("w", "containrrr/watchtower:latest"),)}, {"rivals": Verdict.WARN}),
        ({"containers": (Container("h", "willfarrell/autoheal"),)}, {"rivals": Verdict.WARN}),
        ({"containers": (Container("p", "portainer/portainer-ce:2"),)}, {"rivals": Verdict.WARN}),
        ({"containers": (Container("mywatchtowerclock", "example/clock"),)}, {}),
        ({"state": Folder("/s", 0o755, True, True)}, {"state": Verdict.WARN}),
        ({"state": Folder("/s", None, True, True)}, {}),
        ({"state": Folder("/s", 0o700, False, True)}, {"state": Verdict.WARN}),
        ({"state": Folder("/s", None, False, False)}, {"state": Verdict.FAIL}),
    ],
)
def test_each_trouble_is_found_and_no_other(seen: dict[str, Any], found: dict[str, Verdict]) -> None:
    assert verdicts(**seen) == found


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        ({"engine_error": "permission denied while trying to connect", "in_docker_group": False}, "usermod"),
        ({"engine_error": "permission denied while trying to connect"}, "log out"),
        ({"engine_error": "Cannot connect", "endpoint": "tcp://x:2376"}, "DOCKER_HOST"),
        ({"engine_error": "Cannot connect", "context": "far"}, "docker context use default"),
        ({"engine_error": "Cannot connect"}, "systemctl start docker"),
        ({"engine_error": "Cannot connect", "has_systemd": False}, "dockerd"),
    ],
)
def test_the_mend_fits_the_cause(seen: dict[str, Any], word: str) -> None:
    assert word in mend("engine", engine=None, **seen)


def test_without_the_command_nothing_more_is_asked_of_the_engine() -> None:
    checks = judge(replace(GOOD, docker=Said(None, err="not found"), engine=None, compose=Said(None)))
    assert [check.name for check in checks] == [
        "docker", "disk", "inodes", "memory", "own limits", "pressure", "state",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "name", "words"),
    [
        ({}, "memory", "this machine: 4.0 GiB available of 8.0 GiB, 2 cores"),
        (
            {"engine": {**(GOOD.engine or {}), "NCPU": 2, "MemTotal": 8 * GIB}},
            "capacity",
            "2 cores and 8.0 GiB of memory for containers (this machine's)",
        ),
        (
            {"machine": replace(MACHINE, holds_engine=False)},
            "capacity",
            "unknown cores and unknown of memory for containers (the engine runs elsewhere than we do)",
        ),
        ({}, "own limits", "a controller started here has no limits of its own"),
        (
            {"machine": replace(MACHINE, own=OwnLimits(512 << 20, 0.5))},
            "own limits",
            "a controller started here may use 512Mi of memory and 0.5 cores",
        ),
        ({"disks": (Disk("/", GIB * 50, GIB * 50, 1000, 900),)}, "inodes", "/: 90% free"),
        ({}, "pressure", "tasks wait for cpu 1%, memory 0%, io 0% of the time"),
    ],
)
def test_machine_engine_and_our_own_limits_are_told_apart(seen: dict[str, Any], name: str, words: str) -> None:
    assert next(check.message for check in judge(replace(GOOD, **seen)) if check.name == name) == words


def test_data_has_a_mend_or_null() -> None:
    data = check_data(judge(replace(GOOD, skew=9.0)))["checks"]
    assert {item["name"]: item["mend"] is None for item in data}["clock"] is False
    assert {item["name"]: item["mend"] is None for item in data}["engine"] is True
