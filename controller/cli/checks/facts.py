"""What a machine and its engine say of themselves. Reads only.

Asks the `docker` command, whose words say why it fails where a client of ours would not get that far.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from controller.engines.transport import resolve_endpoint
from controller.engines.vantage import is_here
from controller.model.errors import EngineError
from controller.model.usage import OwnLimits
from controller.resources.host import read_disk
from controller.resources.own_limits import read_own_limits
from controller.resources.pressure import Pressure, read_pressure

_SECRET_PREFIXES = ("CONTROLLER_", "ENCRYPTION_KEY", "JWT_SECRET_KEY", "COMPOSE_")
_CONTAINER = (
    '{{.Names}}\t{{.Image}}\t{{.Label "com.docker.compose.project"}}{{.Label "controller.stack"}}\t{{.Ports}}\t{{.ID}}'
)
"""Our own containers are a stack's like those of its project, and have no project's label."""
_COMPONENTS = "{{range .Server.Components}}{{.Name}} {{end}}"


@dataclass(frozen=True, slots=True)
class Said:
    """What a command came to: `code` None if it could not be run, or not in time."""

    code: int | None
    out: str = ""
    err: str = ""


@dataclass(frozen=True, slots=True)
class Container:
    """A running container, as far as a rival or the holder of a port is known by it. `id`: its first digits."""

    name: str
    image: str
    project: str = ""
    ports: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes and inodes of a file system; no inodes: it makes them as they are wanted."""

    path: str
    total: int
    free: int
    inodes: int = 0
    inodes_free: int = 0


@dataclass(frozen=True, slots=True)
class Machine:
    """What this machine has, in bytes and cores, and what of it a process started here may use.

    `holds_engine`: containers run on it too; else what they have is told by the engine alone.
    """

    cores: int
    memory_total: int
    memory_available: int
    holds_engine: bool
    own: OwnLimits
    pressure: Pressure


@dataclass(frozen=True, slots=True)
class Folder:
    """The state folder, or the nearest folder above it that exists. `mode`: permission bits; None: not made yet."""

    path: str
    mode: int | None
    mine: bool
    writable: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """One look at the machine. `engine` is None where no engine answers; times in seconds, sizes in bytes.

    `components`: what the engine says that it is made of; Podman's is known by it alone.
    """

    docker: Said
    engine: Mapping[str, Any] | None
    engine_error: str
    components: str
    compose: Said
    endpoint: str
    context: str
    skew: float | None
    containers: tuple[Container, ...]
    disks: tuple[Disk, ...]
    machine: Machine
    state: Folder
    in_docker_group: bool
    has_systemd: bool


def sense(state: Path, *, deadline: float = 10.0) -> Facts:
    """Ask everything at once; takes as long as the slowest answer, at most `deadline` seconds each."""
    with ThreadPoolExecutor(6) as pool:
        info = pool.submit(_timed, ("docker", "info", "--format", "{{json .}}"), deadline)
        version = pool.submit(_ask, ("docker", "--version"), deadline)
        compose = pool.submit(_ask, ("docker", "compose", "version", "--short"), deadline)
        listed = pool.submit(_ask, ("docker", "ps", "--format", _CONTAINER), deadline)
        context = pool.submit(_ask, ("docker", "context", "show"), deadline)
        parts = pool.submit(_ask, ("docker", "version", "--format", _COMPONENTS), deadline)
    said, asked_at, answered_at = info.result()
    engine, trouble = _engine(said)
    return Facts(
        docker=version.result(),
        engine=engine,
        engine_error=trouble,
        components=parts.result().out.strip(),
        compose=compose.result(),
        endpoint=os.environ.get("DOCKER_HOST", ""),
        context=context.result().out.strip() or "default",
        skew=_skew(engine, asked_at, answered_at),
        containers=_containers(listed.result()),
        disks=_disks(engine, state),
        machine=_machine(engine),
        state=_folder(state),
        in_docker_group=_in_docker_group(),
        has_systemd=Path("/run/systemd/system").is_dir(),
    )


def _ask(command: Sequence[str], deadline: float) -> Said:
    env = {key: value for key, value in os.environ.items() if not key.startswith(_SECRET_PREFIXES)}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=deadline, env=env, stdin=subprocess.DEVNULL, check=False
        )
    except FileNotFoundError:
        return Said(None, err="not found")
    except subprocess.TimeoutExpired:
        return Said(None, err=f"no answer within {deadline:.0f} s")
    return Said(done.returncode, done.stdout, done.stderr.strip())


def _timed(command: Sequence[str], deadline: float) -> tuple[Said, float, float]:
    began = time.time()
    said = _ask(command, deadline)
    return said, began, time.time()


def _engine(said: Said) -> tuple[Mapping[str, Any] | None, str]:
    try:
        info = json.loads(said.out) if said.out.strip() else {}
    except json.JSONDecodeError:
        info = {}
    errors = "; ".join(info.get("ServerErrors") or ())
    if info.get("ServerVersion"):
        return info, ""
    return None, errors or said.err or "the engine did not answer"


def _skew(engine: Mapping[str, Any] | None, asked_at: float, answered_at: float) -> float | None:
    """Seconds that the engine's clock is ahead, beyond what the time that it took to answer explains."""
    from datetime import datetime

    try:
        theirs = datetime.fromisoformat(str((engine or {})["SystemTime"])[:26].rstrip("Z") + "+00:00").timestamp()
    except (KeyError, ValueError):
        return None
    if theirs < asked_at:
        return theirs - asked_at
    return max(0.0, theirs - answered_at)


def _containers(said: Said) -> tuple[Container, ...]:
    rows = [line.split("\t") for line in said.out.splitlines()] if said.code == 0 else []
    return tuple(Container(*row) for row in rows if len(row) == 5)


def _disks(engine: Mapping[str, Any] | None, state: Path) -> tuple[Disk, ...]:
    found: dict[int, Disk] = {}
    roots = [Path(str(engine.get("DockerRootDir", "/")))] if engine is not None and _is_here(engine) else []
    for path in (*roots, _existing(state)):
        try:
            told = read_disk(str(path))
            disk = Disk(str(path), told.total or 0, told.free or 0, told.inodes_total or 0, told.inodes_free or 0)
            found.setdefault(path.stat().st_dev, disk)
        except OSError:
            continue  # from within a container it is not there; or only root may look into it
    return tuple(found.values())


def _machine(engine: Mapping[str, Any] | None) -> Machine:
    import psutil

    memory = psutil.virtual_memory()
    return Machine(
        cores=psutil.cpu_count() or 1,
        memory_total=int(memory.total),
        memory_available=int(memory.available),
        holds_engine=engine is not None and _is_here(engine),
        own=read_own_limits(),
        pressure=read_pressure(),
    )


def _is_here(engine: Mapping[str, Any]) -> bool:
    with suppress(EngineError):  # a context that does not exist
        return is_here(engine, resolve_endpoint(os.environ))
    return False


def _folder(path: Path) -> Folder:
    nearest = _existing(path)
    status = nearest.stat()
    return Folder(
        str(path),
        status.st_mode & 0o777 if nearest == path else None,
        status.st_uid == os.geteuid(),
        os.access(nearest, os.W_OK | os.X_OK),
    )


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _in_docker_group() -> bool:
    import grp

    try:
        return os.geteuid() == 0 or grp.getgrnam("docker").gr_gid in {os.getegid(), *os.getgroups()}
    except KeyError:
        return False
