"""An engine's inspect as a replica; no IO."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from controller.engines import labels
from controller.engines.names import found_by_name
from controller.model.desired import Probe, ProbeKind
from controller.model.names import ImageId, Instant, ReplicaId, Revision
from controller.model.observed import Health, Mount, Replica, ReplicaPhase
from controller.model.resources import Limit

_ANONYMOUS = re.compile(r"[0-9a-f]{64}")
_TEMPORARY = re.compile(r"[0-9a-f]{12}_(?P<name>.+)")
_FRACTION = re.compile(r"\.(\d{6})\d*")
_NANO = 1e9
_DOCKER_INTERVAL = 30.0
"""What Docker takes where a health check names no interval or timeout."""


@dataclass(frozen=True, slots=True)
class Lens:
    """What is not in an inspect: how far the engine's clock is ahead of ours in seconds, who can be reached, which
    networks are ours."""

    ahead: float = 0.0
    reachable_gateways: frozenset[str] = field(default_factory=frozenset)
    shares_host: bool = False
    ours: frozenset[str] = frozenset()


def parse_replica(inspect: Mapping[str, Any], lens: Lens = Lens()) -> Replica | None:
    """The replica, or None where the container is none (`docker compose run`, no service)."""
    config, state = inspect.get("Config") or {}, inspect.get("State") or {}
    marks = config.get("Labels") or {}
    if labels.SERVICE not in marks or marks.get(labels.ONEOFF) == "True":
        return None
    phase = parse_phase(state.get("Status"))
    ended = phase in (ReplicaPhase.EXITED, ReplicaPhase.DEAD)
    started_at = parse_instant(state.get("StartedAt"), lens.ahead)
    finished_at = parse_instant(state.get("FinishedAt"), lens.ahead)
    if ended and started_at is not None and finished_at is not None:
        finished_at = max(started_at, finished_at)  # the engine notes the end of a short life before its start
    return Replica(
        id=ReplicaId(inspect["Id"]),
        name=_name(inspect),
        service=marks[labels.SERVICE],
        number=parse_number(marks),
        revision=Revision(""),
        phase=phase,
        health=_health(state),
        exit_code=state.get("ExitCode") if ended or phase is ReplicaPhase.RESTARTING else None,
        oom_killed=bool(state.get("OOMKilled")),
        created_at=parse_instant(inspect.get("Created"), lens.ahead) or 0.0,
        started_at=started_at,
        finished_at=finished_at,
        restarts=int(inspect.get("RestartCount") or 0),
        image=config.get("Image") or "",
        image_id=ImageId(inspect["Image"]) if inspect.get("Image") else None,
        config_hash=marks.get(labels.CONFIG_HASH, ""),
        namespace_of=_holder(inspect.get("HostConfig") or {}),
        check=parse_check(config),
        exposes_ports=bool(config.get("ExposedPorts")),
        mounts=_anonymous(inspect.get("Mounts") or ()),
        address=_address(inspect, lens),
        published=_published(_bindings(inspect)),
        host_network=(inspect.get("HostConfig") or {}).get("NetworkMode") == "host",
        last_output=clean(str(state.get("Error") or "")),
        temporary=is_temporary(_name(inspect), marks),
        by_name=found_by_name(inspect),
        joined=(joined := tuple(sorted((inspect.get("NetworkSettings") or {}).get("Networks") or ()))),
        ours=tuple(name for name in joined if name in lens.ours),
        limit=_limit(inspect.get("HostConfig") or {}),
    )


def parse_number(marks: Mapping[str, str]) -> int:
    try:
        return int(marks.get(labels.NUMBER, "0"))
    except ValueError:
        return 0


def parse_instant(text: str | None, ahead: float = 0.0) -> Instant | None:
    """Docker's RFC 3339 with nanoseconds, on our clock; None for Docker's zero time."""
    if not text or text.startswith("0001-"):
        return None
    return datetime.fromisoformat(_FRACTION.sub(r".\1", text).replace("Z", "+00:00")).timestamp() - ahead


def parse_check(config: Mapping[str, Any]) -> Probe | None:
    """The container's health check, which the engine has already merged with its image's."""
    check = config.get("Healthcheck") or {}
    match check.get("Test") or ():
        case ["CMD", *command] if command:
            argv = tuple(command)
        case ["CMD-SHELL", script, *_]:
            argv = (*(config.get("Shell") or ("/bin/sh", "-c")), script)
        case _:
            return None
    return Probe(
        kind=ProbeKind.EXEC,
        command=argv,
        interval=_seconds(check.get("Interval"), _DOCKER_INTERVAL),
        timeout=_seconds(check.get("Timeout"), _DOCKER_INTERVAL),
        retries=int(check.get("Retries") or 3),
        start_period=_seconds(check.get("StartPeriod"), 0.0),
    )


def from_listed(item: Mapping[str, Any]) -> dict[str, Any]:
    """What a list entry tells, in the shape of an inspect, for a container whose inspect cannot be had now."""
    return {
        "Id": item["Id"],
        "Name": (item.get("Names") or [""])[0],
        "Created": datetime.fromtimestamp(item["Created"], UTC).isoformat() if item.get("Created") else None,
        "Image": item.get("ImageID", ""),
        "State": {"Status": item.get("State", ""), "Health": {"Status": _listed_health(item.get("Status") or "")}},
        "Config": {"Labels": item.get("Labels") or {}, "Image": item.get("Image", "")},
        "HostConfig": item.get("HostConfig") or {},
        "NetworkSettings": item.get("NetworkSettings") or {},
        "Mounts": item.get("Mounts") or [],
    }


def _listed_health(status: str) -> str:
    """`Up 5 minutes (healthy)`, `Up 2 seconds (health: starting)`."""
    found = re.search(r"\((?:health: )?(healthy|unhealthy|starting)\)", status)
    return found[1] if found else "none"


def clean(text: str, limit: int = 4096) -> str:
    """The last `limit` characters, without control characters other than newline and tab."""
    return "".join(char for char in text[-limit:] if char in "\n\t" or char.isprintable())


def drop_temporary_prefix(name: str) -> str | None:
    """The final name of an unfinished recreate; None where the name has no temporary prefix."""
    found = _TEMPORARY.fullmatch(name)
    return found["name"] if found else None


def is_temporary(name: str, marks: Mapping[str, str]) -> bool:
    """Of an unfinished recreate.

    A prefix alone could be somebody's `container_name`; the `replace` label alone stays for ever.
    """
    final = drop_temporary_prefix(name)
    if final is None:
        return False
    own = tuple(
        separator.join((marks.get(labels.PROJECT, ""), marks[labels.SERVICE], marks.get(labels.NUMBER, "")))
        for separator in "-_"
    )
    return labels.REPLACE in marks or final in own


def _name(inspect: Mapping[str, Any]) -> str:
    return str(inspect.get("Name") or "").removeprefix("/")


def parse_phase(status: object) -> ReplicaPhase:
    """Of the engine's word."""
    try:
        return ReplicaPhase(str(status))
    except ValueError:
        return ReplicaPhase.DEAD


def _health(state: Mapping[str, Any]) -> Health:
    try:
        return Health((state.get("Health") or {}).get("Status") or "none")
    except ValueError:
        return Health.NONE


def _seconds(nanoseconds: int | None, default: float) -> float:
    return nanoseconds / _NANO if nanoseconds else default


def _holder(host: Mapping[str, Any]) -> ReplicaId | None:
    shared = (str(host.get(key) or "") for key in ("NetworkMode", "PidMode", "IpcMode"))
    owner = next((mode.removeprefix("container:") for mode in shared if mode.startswith("container:")), None)
    if owner is None and host.get("VolumesFrom"):
        owner = str(host["VolumesFrom"][0]).split(":", 1)[0]
    return ReplicaId(owner) if owner else None


def _limit(host: Mapping[str, Any]) -> Limit:
    """-1 and 0 stand for none."""
    memory, cpu = host.get("Memory") or 0, host.get("NanoCpus") or 0
    return Limit(memory if memory > 0 else None, cpu / _NANO if cpu > 0 else None)


def _anonymous(mounts: Any) -> tuple[Mount, ...]:
    found = (
        Mount(target=mount["Destination"], volume=mount["Name"])
        for mount in mounts
        if mount.get("Type") == "volume" and _ANONYMOUS.fullmatch(mount.get("Name") or "")
    )
    return tuple(sorted(found, key=lambda mount: mount.target))


def _address(inspect: Mapping[str, Any], lens: Lens) -> str | None:
    if (inspect.get("HostConfig") or {}).get("NetworkMode") == "host":
        return "127.0.0.1" if lens.shares_host else None
    networks = (inspect.get("NetworkSettings") or {}).get("Networks") or {}
    for _, endpoint in sorted(networks.items()):
        if endpoint and endpoint.get("IPAddress") and endpoint.get("Gateway") in lens.reachable_gateways:
            return str(endpoint["IPAddress"])
    return None


def _bindings(inspect: Mapping[str, Any]) -> Mapping[str, Any]:
    """The host ports that it has; of one that does not run those that it will have."""
    has = (inspect.get("NetworkSettings") or {}).get("Ports")
    return has or (inspect.get("HostConfig") or {}).get("PortBindings") or {}


def _published(ports: Mapping[str, Any]) -> tuple[str, ...]:
    lines = {
        f"{_host(binding.get('HostIp') or '')}{binding.get('HostPort')}->{target}"
        for target, bindings in ports.items()
        for binding in bindings or ()
    }
    return tuple(sorted(lines))


def _host(address: str) -> str:
    shown = f"[{address}]" if ":" in address else address or "0.0.0.0"  # noqa: S104 - shown, never bound
    return f"{shown}:"
