"""What the facts mean: one small function a check, each with a sentence and how to mend it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from controller.cli.checks.facts import Facts
from controller.render.machine import tell_own

OLDEST_ENGINE = (20, 10)
OLDEST_COMPOSE = (2, 24)
GIB = 1 << 30
ENOUGH = 128 << 20
"""Bytes: what a controller takes with a few stacks and its dashboard, and some more."""


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


def check_inodes(facts: Facts) -> Check:
    """A file system may have no file left to give though there is room."""
    counted = [disk for disk in facts.disks if disk.inodes]
    for disk in counted:
        share = disk.inodes_free / disk.inodes
        told = f"{disk.path}: {disk.inodes_free} inodes free of {disk.inodes}"
        if share < 0.05:
            verdict = Verdict.FAIL if share < 0.01 else Verdict.WARN
            return Check("inodes", verdict, told, "remove what has very many files: images, build cache, logs")
    told = "; ".join(f"{disk.path}: {disk.inodes_free / disk.inodes:.0%} free" for disk in counted)
    return Check("inodes", Verdict.OK, told or "as many as are wanted")


def check_memory(facts: Facts) -> Check:
    """Of this machine, whose containers may be killed for want of it."""
    machine = facts.machine
    told = f"this machine: {_size(machine.memory_available)} available of {_size(machine.memory_total)}"
    if machine.memory_available < GIB // 4:
        return Check("memory", Verdict.WARN, told, "stop what is not needed, or add memory; starts may be killed")
    return Check("memory", Verdict.OK, f"{told}, {machine.cores} cores")


def check_capacity(facts: Facts) -> Check:
    """What containers can have together, by the engine: where it runs elsewhere this machine's has no part in it."""
    engine = facts.engine or {}
    cores, memory = engine.get("NCPU") or "unknown", engine.get("MemTotal") or 0
    told = f"{cores} cores and {_size(memory) if memory else 'unknown'} of memory for containers"
    where = "this machine's" if facts.machine.holds_engine else "the engine runs elsewhere than we do"
    return Check("capacity", Verdict.OK, f"{told} ({where})")


def check_own(facts: Facts) -> Check:
    """What a controller started here may use; of the machine it says nothing."""
    own = facts.machine.own
    told = f"a controller started here {tell_own(own)}"
    if own.memory is not None and own.memory < ENOUGH:
        return Check("own limits", Verdict.WARN, told, f"let it have {_size(ENOUGH)} at least")
    return Check("own limits", Verdict.OK, told)


def check_pressure(facts: Facts) -> Check:
    """Whether the kernel tells how long tasks wait: admission and alerts go by it where it does."""
    told = [f"{name} {share:.0%}" for name, share in facts.machine.pressure._asdict().items() if share is not None]
    if told:
        return Check("pressure", Verdict.OK, f"tasks wait for {', '.join(told)} of the time")
    return Check("pressure", Verdict.OK, "this kernel does not tell (PSI: 4.20 or newer, booted with psi=1)")


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
    check_engine, check_version, check_kind, check_compose, check_clock, check_rivals, check_capacity,
)  # fmt: skip
_WITHOUT_ENGINE: Sequence[Callable[[Facts], Check]] = (
    check_disk, check_inodes, check_memory, check_own, check_pressure, check_state,
)  # fmt: skip


def _number(version: str) -> tuple[int, int]:
    match = re.match(r"v?(\d+)\.(\d+)", version)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _size(size: int) -> str:
    return f"{size / GIB:.1f} GiB" if size >= GIB else f"{size / (1 << 20):.0f} MiB"
