"""Compose projects as `docker compose` would be called with them, their names, and clashes with what runs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from controller.intake.environment import scrubbed
from controller.intake.inputs import Inputs
from controller.model.errors import Finding
from controller.model.observed import Observed
from controller.model.project import ComposeProject


def project_of(files: tuple[Path, ...], environment: Mapping[str, str]) -> ComposeProject:
    """A project of Compose files: directory of the first one, name and profiles from the environment if set there."""
    directory = files[0].parent
    env_files = (environment.get("COMPOSE_ENV_FILES") or "").split(",")
    return ComposeProject(
        name=environment.get("COMPOSE_PROJECT_NAME") or None,
        files=files,
        directory=directory,
        env_files=tuple(Path(os.path.abspath(directory / name)) for name in env_files if name),
        profiles=tuple(filter(None, (environment.get("COMPOSE_PROFILES") or "").split(","))),
        environment=scrubbed(environment),
    )


def static_name(project: ComposeProject, inputs: Inputs) -> str:
    """The project's name as Compose will find it; "" where only Compose can tell."""
    if project.name:
        return project.name
    if inputs.name is not None:
        return inputs.name
    return normalized(project.directory.name)


def normalized(folder: str) -> str:
    """A folder's name as Compose makes a project's name of it."""
    return re.sub(r"[^-_a-z0-9]", "", folder.lower()).lstrip("_-")


def runs_as(project: ComposeProject, running: Mapping[str, Observed]) -> str | None:
    """The name under which the project's files run already."""
    files = {str(path) for path in project.files}
    for other in sorted(running):
        theirs = set(running[other].config_files)
        if theirs and (files <= theirs or theirs <= files):
            return other
    return None


def clash(name: str, project: ComposeProject, running: Mapping[str, Observed]) -> Iterator[Finding]:
    """The same files run under another name already: a second copy is never started."""
    if not name or name in running or project.name:
        return
    other = runs_as(project, running)
    if other is not None:
        message = f"the stack is called '{name}', but its files run as project '{other}' already"
        hint = f"set COMPOSE_PROJECT_NAME={other}, or name: {other} at the top of the Compose file"
        yield Finding(message, file=str(project.files[0]), hint=hint)
