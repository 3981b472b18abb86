"""A daemon's answers about what it holds, as values; no IO."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from controller.engines import labels
from controller.engines.parse import drop_temporary_prefix, is_temporary, parse_instant, parse_phase
from controller.model.cleanup import CacheRecord, ContainerSeen, ImageSeen, NetworkSeen
from controller.model.images import normalise_image
from controller.model.names import ImageId, ReplicaId
from controller.model.observed import ReplicaPhase

_SHARES = "container:"
_IMAGE_WORDS = ("Source", "Name", "ID")


def parse_container(item: Mapping[str, Any]) -> ContainerSeen:
    """Of a list: whose it is, and what it uses."""
    marks = item.get("Labels") or {}
    networks = (item.get("NetworkSettings") or {}).get("Networks") or {}
    ids = (str((endpoint or {}).get("NetworkID") or "") for endpoint in networks.values())
    mode = str((item.get("HostConfig") or {}).get("NetworkMode") or "")
    return ContainerSeen(
        id=ReplicaId(item["Id"]),
        name=str((item.get("Names") or [""])[0]).removeprefix("/"),
        image_id=ImageId(item["ImageID"]) if item.get("ImageID") else None,
        phase=parse_phase(item.get("State")),
        project=str(marks.get(labels.PROJECT, "")),
        service=str(marks.get(labels.SERVICE, "")),
        one_off=marks.get(labels.ONEOFF) == "True",
        networks=frozenset(filter(None, (*networks, *ids, mode))),
        mounted=_mounted(item.get("Mounts")),
        holder=mode.removeprefix(_SHARES) if mode.startswith(_SHARES) else "",
    )


def add_inspect(one: ContainerSeen, inspect: Mapping[str, Any], size: int | None, ahead: float) -> ContainerSeen:
    """The same with what only an inspect tells, of the state that it has by now."""
    state, host = inspect["State"], inspect.get("HostConfig") or {}
    marks = (inspect.get("Config") or {}).get("Labels") or {}
    phase = parse_phase(state.get("Status"))
    has_ended = phase in (ReplicaPhase.EXITED, ReplicaPhase.DEAD)
    final = drop_temporary_prefix(one.name) if is_temporary(one.name, marks) else None
    modes = (str(host.get(key) or "") for key in ("NetworkMode", "PidMode", "IpcMode"))
    holder = next((mode.removeprefix(_SHARES) for mode in modes if mode.startswith(_SHARES)), one.holder)
    return replace(
        one,
        phase=phase,
        stands_for=final or "",
        holder=holder,
        mounted=one.mounted | _mounted(host.get("Mounts")) | _mounted(inspect.get("Mounts")),
        exit_code=state.get("ExitCode") if has_ended else None,
        bytes=size,
        created_at=parse_instant(inspect.get("Created"), ahead) or 0.0,
        ended_at=parse_instant(state.get("FinishedAt"), ahead) if has_ended else None,
    )


def has_image_mounts(item: Mapping[str, Any]) -> bool:
    """Of a list, which may not say of which images."""
    return any((mount or {}).get("Type") == "image" for mount in item.get("Mounts") or ())


def _mounted(mounts: Any) -> frozenset[str]:
    """`volumes: [{type: image, …}]`: by whichever word an engine tells the image."""
    told = (mount.get(key) for mount in mounts or () if mount.get("Type") == "image" for key in _IMAGE_WORDS)
    return frozenset(str(name) for name in told if name)


def parse_image(item: Mapping[str, Any], shared: int | None, ahead: float) -> ImageSeen:
    marks = item.get("Labels") or {}
    if labels.NUMBER in marks or labels.ONEOFF in marks:
        marks = {}  # a person committed a container, of which these are the labels: nothing was built for a project
    return ImageSeen(
        id=ImageId(item["Id"]),
        names=_names(item.get("RepoTags")),
        digests=_names(item.get("RepoDigests")),
        parent=ImageId(item["ParentId"]) if item.get("ParentId") else None,
        project=str(marks.get(labels.PROJECT, "")),
        service=str(marks.get(labels.SERVICE, "")),
        bytes=int(item.get("Size") or 0),
        shared=shared,
        created_at=float(item.get("Created") or 0) - ahead,
    )


def _names(told: Any) -> tuple[str, ...]:
    return tuple(sorted(normalise_image(name) for name in told or () if "<none>" not in name))


def parse_network(item: Mapping[str, Any], ahead: float) -> NetworkSeen:
    project = str((item.get("Labels") or {}).get(labels.PROJECT, ""))
    created_at = parse_instant(item.get("Created"), ahead) or 0.0
    return NetworkSeen(item["Id"], str(item.get("Name") or ""), project, created_at)


def parse_cache(usage: Mapping[str, Any], ahead: float) -> tuple[CacheRecord, ...]:
    """A record that was never used counts from its making."""
    return tuple(_parse_record(record, ahead) for record in usage.get("BuildCache") or ())


def _parse_record(record: Mapping[str, Any], ahead: float) -> CacheRecord:
    last = parse_instant(record.get("LastUsedAt") or None, ahead) or parse_instant(record.get("CreatedAt"), ahead)
    return CacheRecord(
        id=str(record.get("ID") or ""),
        bytes=int(record.get("Size") or 0),
        last_used_at=last or 0.0,
        in_use=bool(record.get("InUse")),
        shared=bool(record.get("Shared")),
    )
