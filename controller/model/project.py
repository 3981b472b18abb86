"""A Compose project: which files it is made of, and what Compose makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from controller.model.desired import Template


@dataclass(frozen=True, slots=True)
class ComposeProject:
    """What `docker compose` is to be called with. Paths are absolute, symlinks kept as written, in the user's order."""

    name: str | None
    """Given by the user (`metadata.name`, `COMPOSE_PROJECT_NAME`); None: Compose decides."""
    files: tuple[Path, ...]
    directory: Path
    env_files: tuple[Path, ...] = ()
    profiles: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The scrubbed environment for the child process."""


@dataclass(frozen=True, slots=True)
class RenderedProject:
    """What Compose makes of a project: its name, the whole model as `docker compose config --format json` prints it.

    The model holds interpolated values and may hold secrets: it is never printed except by `controller render`.
    """

    name: str
    model: Mapping[str, Any] = field(repr=False)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageDefaults:
    """What an image brings to every container of it: a health check, and paths that it declares a VOLUME."""

    checks: bool = False
    volumes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recording:
    """The create requests that Compose would send, one template a service, as caught by an engine's `record`."""

    templates: Mapping[str, Template]
    compose_version: str = ""
