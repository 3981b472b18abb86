"""What the facts mean: one small function a check, each with a sentence and how to mend it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from controller.cli.checks.facts import Facts

OLDEST_ENGINE = (20, 10)
OLDEST_COMPOSE = (2, 24)
GIB = 1 << 30


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding of `doctor`; `mend` is empty where nothing needs mending."""

    name: str
    verdict: Verdict
    message: str
    mend: str = ""


def judge(facts: Facts) -> tuple[Check, ...]:
    """Every check that the facts allow, in the order in which one would mend them."""
    if facts.docker.code is None:
        return (check_command(facts), *(check(facts) for check in _WITHOUT_ENGINE))
    if facts.engine is None:
        return (check_engine(facts), check_compose(facts), *(check(facts) for check in _WITHOUT_ENGINE))
    return tuple(check(facts) for check in (*_WITH_ENGINE, *_WITHOUT_ENGINE))


def check_command(facts: Facts) -> Check:
    return Check("docker", Verdict.FAIL, f"the `docker` command: {facts.docker.err}", "install Docker (docs: README)")


def check_engine(facts: Facts) -> Check:
    """Whether an engine answers, and if not, why."""
    if facts.engine is not None:
        where = facts.endpoint or f"context {facts.context}"
        return Check("engine", Verdict.OK, f"Docker Engine {facts.engine['ServerVersion']} answers ({where})")
    return Check("engine", Verdict.FAIL, facts.engine_error, _mend_engine(facts))


def _mend_engine(facts: Facts) -> str:
    if "permission denied" in facts.engine_error.lower():
        joined = "log out and in again, the group is new" if facts.in_docker_group else "sudo usermod -aG docker $USER"
        return f"{joined}, then try again"
    if "client version" in facts.engine_error:
        return "update the `docker` command, the engine is too new for it"
    if facts.endpoint:
        return f"DOCKER_HOST is {facts.endpoint}: start the engine there, or unset DOCKER_HOST"
    if facts.context not in ("default", ""):
        return f"the current context is {facts.context}: start that engine, or docker context use default"
    return "sudo systemctl start docker" if facts.has_systemd else "start it: sudo dockerd, or scripts/quickstart"


def check_version(facts: Facts) -> Check:
    version = str((facts.engine or {}).get("ServerVersion", ""))
    if _number(version) < OLDEST_ENGINE:
        return Check("engine version", Verdict.FAIL, f"Docker Engine {version} is too old", "install 20.10 or newer")
    return Check("engine version", Verdict.OK, f"{version} (20.10 or newer is needed)")


def check_kind(facts: Facts) -> Check:
    """Podman, rootless and remote engines: what does not work there, or works otherwise."""
    engine = facts.engine or {}
    options = " ".join(str(option) for option in engine.get("SecurityOptions") or ())
    if "podman" in f"{facts.components} {facts.endpoint}".lower():
        mend = "point DOCKER_HOST at a Docker Engine"
        return Check("kind", Verdict.FAIL, "Podman's socket: its events and labels differ too much", mend)
    if facts.endpoint and not facts.endpoint.startswith("unix://"):
        mend = "for file watching and fast probes run the controller on that machine"
        return Check("kind", Verdict.WARN, f"the engine is remote ({facts.endpoint}): probes run by exec only", mend)
    if "rootless" in options:
        mend = "give services a health check; TCP and HTTP probes go to published ports"
        return Check("kind", Verdict.WARN, "rootless: container addresses cannot be reached from here", mend)
    return Check("kind", Verdict.OK, f"local, {engine.get('OperatingSystem', 'unknown system')}")


def check_compose(facts: Facts) -> Check:
    mend = "install the Compose plugin, 2.24 or newer: https://docs.docker.com/compose/install/linux/"
    version = facts.compose.out.strip().lstrip("v")
    if facts.compose.code != 0 or not version:
        return Check("compose", Verdict.FAIL, "`docker compose` is missing", mend)
    if _number(version) < OLDEST_COMPOSE:
        return Check("compose", Verdict.FAIL, f"Docker Compose {version} is too old", mend)
    return Check("compose", Verdict.OK, f"Docker Compose {version} (2.24 or newer is needed)")


def check_disk(facts: Facts) -> Check:
    """The file systems of the engine's data and of our state."""
    for disk in facts.disks:
        share = disk.free / disk.total if disk.total else 0.0
        told = f"{disk.path}: {_size(disk.free)} free of {_size(disk.total)}"
        if disk.free < GIB // 4 or share < 0.01:
            return Check("disk", Verdict.FAIL, told, "make room: docker system df, docker image prune")
        if disk.free < 2 * GIB or share < 0.05:
            return Check("disk", Verdict.WARN, told, "make room soon: docker system df, docker image prune")
    return Check("disk", Verdict.OK, "; ".join(f"{disk.path}: {_size(disk.free)} free" for disk in facts.disks))


def check_memory(facts: Facts) -> Check:
    told = f"{_size(facts.memory_available)} available"
    if facts.memory_available < GIB // 4:
        return Check("memory", Verdict.WARN, told, "stop what is not needed, or add memory; starts may be killed")
    return Check("memory", Verdict.OK, told)


def check_clock(facts: Facts) -> Check:
    """Skew against the engine: ages and deadlines shift by it; a small one is taken into account."""
    if facts.skew is None:
        return Check("clock", Verdict.WARN, "the engine does not tell its time", "check the clock there by hand")
    if abs(facts.skew) > 2.0:
        way = "ahead of" if facts.skew > 0 else "behind"
        mend = "set both by NTP (timedatectl set-ntp true)"
        return Check("clock", Verdict.WARN, f"the engine's clock is {abs(facts.skew):.0f} s {way} ours", mend)
    return Check("clock", Verdict.OK, "the engine's clock agrees with ours")


_RIVALS = {
    "watchtower": "it replaces containers on its own: stop it, or exclude these by its label",
    "autoheal": "it restarts unhealthy containers too: stop it, the controller heals",
    "portainer": "fine for looking; leave starting, stopping and updating these stacks to one of the two",
    "ouroboros": "it replaces containers on its own: stop it",
    "dockge": "fine for looking; leave starting, stopping and updating these stacks to one of the two",
    "shepherd": "it updates services on its own: stop it",
}


def check_rivals(facts: Facts) -> Check:
    """Other tools that act on the same containers."""
    found = [
        (item, rival)
        for item in facts.containers
        for rival in _RIVALS
        if re.search(rf"(^|[/_-]){rival}", item.image.lower())
    ]
    if not found:
        return Check("rivals", Verdict.OK, "no other tool that manages containers was seen")
    told = ", ".join(f"{item.name} ({item.image})" for item, _ in found)
    return Check("rivals", Verdict.WARN, f"other tools may act on the same containers: {told}", _RIVALS[found[0][1]])


def check_state(facts: Facts) -> Check:
    """The state folder: ours, writable, and nobody else's to read."""
    folder = facts.state
    if not folder.writable:
        mend = "run as its owner, or set CONTROLLER_STATE_DIR to a folder of yours"
        return Check("state", Verdict.FAIL, f"{folder.path} cannot be written", mend)
    if folder.mode is None:
        return Check("state", Verdict.OK, f"{folder.path} will be made at the first run")
    if folder.mode & 0o077:
        mend = f"chmod 700 {folder.path}"
        return Check("state", Verdict.WARN, f"{folder.path} has mode {folder.mode:04o}: others can look in", mend)
    if not folder.mine:
        return Check("state", Verdict.WARN, f"{folder.path} belongs to another user", f"sudo chown $USER {folder.path}")
    return Check("state", Verdict.OK, f"{folder.path}, mode 0700")


_WITH_ENGINE: Sequence[Callable[[Facts], Check]] = (
    check_engine, check_version, check_kind, check_compose, check_clock, check_rivals,
)  # fmt: skip
_WITHOUT_ENGINE: Sequence[Callable[[Facts], Check]] = (check_disk, check_memory, check_state)


def _number(version: str) -> tuple[int, int]:
    match = re.match(r"v?(\d+)\.(\d+)", version)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _size(size: int) -> str:
    return f"{size / GIB:.1f} GiB" if size >= GIB else f"{size / (1 << 20):.0f} MiB"
