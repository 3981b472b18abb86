"""How much of containers' output a daemon on this machine has kept, by the files that it names. Reads sizes alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from controller.engines import labels
from controller.model.cleanup import LogSeen
from controller.model.names import ReplicaId

_BY_FILE = "json-file"
"""The driver that keeps all unless it is told otherwise; `local` turns its files over by itself."""


def find_logs(inspects: Sequence[Mapping[str, Any]]) -> tuple[tuple[LogSeen, ...], str]:
    """The logs that can be seen; and why others cannot, for people."""
    logs, gap = [], ""
    for inspect in inspects:
        path, config = inspect.get("LogPath"), (inspect.get("HostConfig") or {}).get("LogConfig") or {}
        if not path or config.get("Type") != _BY_FILE:
            continue
        try:
            size = _size(Path(path))
        except PermissionError:
            gap = "how large logs are is only root's to see"
        else:
            logs += [_log(inspect, size, config)] if size is not None else []
    return tuple(logs), gap


def _log(inspect: Mapping[str, Any], size: int, config: Mapping[str, Any]) -> LogSeen:
    marks = (inspect.get("Config") or {}).get("Labels") or {}
    return LogSeen(
        replica=ReplicaId(inspect["Id"]),
        name=str(inspect.get("Name") or "").removeprefix("/"),
        service=str(marks.get(labels.SERVICE, "")),
        bytes=size,
        bounded="max-size" in (config.get("Config") or {}),
    )


def _size(path: Path) -> int | None:
    """With what was turned over; None: it is not here, as behind a virtual machine's socket."""
    try:
        files = [found for found in path.parent.iterdir() if found.name.startswith(path.name)]
        return sum(found.stat().st_size for found in files) if files else None
    except (FileNotFoundError, NotADirectoryError):
        return None
