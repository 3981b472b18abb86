"""Contents that count beside the definition: of configs, secrets and small read-only file mounts.

Env files are in the definition already. Unreadable is unknown, never changed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from controller.intake.inputs import file_digest
from controller.intake.managed import is_ours
from controller.intake.revisions import digest
from controller.intake.source import MAX_BYTES
from controller.model.project import ComposeProject, RenderedProject

Source = tuple[str, Path | str]
"""Where something is mounted, and the file or the text that is."""


def contents_digests(rendered: RenderedProject, project: ComposeProject) -> Mapping[str, str | None]:
    """By service: "" where nothing counts, None where something cannot be read now."""
    services: Mapping[str, Any] = rendered.model.get("services") or {}
    return {name: _contents(_sources(service, rendered, project)) for name, service in services.items()}


def contents_files(rendered: RenderedProject, project: ComposeProject) -> tuple[Path, ...]:
    """The files behind them, to be watched."""
    services: Mapping[str, Any] = rendered.model.get("services") or {}
    sources = (source for service in services.values() for source in _sources(service, rendered, project))
    return tuple(dict.fromkeys(path for _, path in sources if isinstance(path, Path)))


def _contents(sources: Iterator[Source]) -> str | None:
    found = {}
    for target, source in sources:
        value = (file_digest(source) or None) if isinstance(source, Path) else digest(source)
        if value is None:
            return None
        found[target] = value
    return digest(found) if found else ""


def _sources(service: Mapping[str, Any], rendered: RenderedProject, project: ComposeProject) -> Iterator[Source]:
    for section in ("configs", "secrets"):
        declared = rendered.model.get(section) or {}
        for entry in service.get(section) or ():
            if is_ours(entry["source"]):
                continue  # its name stands for its contents
            source = _declared(declared.get(entry["source"]) or {}, project)
            if source is not None:
                yield f"{section} {entry.get('target') or entry['source']}", source
    for volume in service.get("volumes") or ():
        path = Path(volume.get("source") or "")
        if volume.get("type") == "bind" and volume.get("read_only") and _counts(path, project.directory):
            yield f"volume {volume['target']}", path


def _declared(entry: Mapping[str, Any], project: ComposeProject) -> Path | str | None:
    if entry.get("file"):
        return Path(os.path.abspath(project.directory / entry["file"]))
    if entry.get("environment"):
        return project.environment.get(entry["environment"], "")
    content = entry.get("content")
    return None if content is None else str(content)


def _counts(path: Path, directory: Path) -> bool:
    """A small regular file inside the project; one that is gone or hidden now is unknown, hence counts."""
    if not path.is_absolute() or directory not in path.parents:
        return False
    try:
        status = path.stat()
    except OSError:
        return True
    return stat.S_ISREG(status.st_mode) and status.st_size <= MAX_BYTES
