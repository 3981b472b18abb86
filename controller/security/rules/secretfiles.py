"""S: what of the controller's, or of this machine's, a definition takes for its containers."""

from __future__ import annotations

import os.path
from collections.abc import Iterator

from controller.model.variables import OWN
from controller.security.credentials import told_name
from controller.security.paths import is_below, tidy
from controller.security.reading import deep, items, mapping, text
from controller.security.subject import Checks, Hit, Project

SECRET_FILES = Checks()

_ALSO = ("JWT_SECRET",)
"""What older settings called ours."""


@SECRET_FILES.project(
    "S06", "critical", "the controller's own variable",
    why="What it holds would go to a container, and with it the keys to all that the controller keeps.",
    fix="give the service a variable of its own, or a secret",
)  # fmt: skip
def own_variables(project: Project) -> Iterator[Hit]:
    for path, name in project.looked_at:
        if name.startswith(OWN) or name in _ALSO:
            told = f"{told_name(name)} is the controller's own"
            yield Hit(path, told if path else f"{told}, and an env file of the project looks at it", name)


@SECRET_FILES.project(
    "S07", "high", "file from outside of the project",
    why="Whoever writes the definition reads any file of this machine with it.",
    fix="keep it below the project's folder",
)  # fmt: skip
def outside(project: Project) -> Iterator[Hit]:
    for section, named in (("secrets", project.secrets), ("configs", project.configs)):
        for name, one in named.items():
            file = text(mapping(one).get("file"))
            if file and _is_outside(project, file):
                yield Hit((section, name, "file"), f"{file} lies outside of it", file)
    for keys, file in project.named_files:
        if _is_outside(project, file):
            yield Hit(keys, f"{file} lies outside of it")


def _is_outside(project: Project, file: str) -> bool:
    if not project.directory:
        return False
    path = tidy(file if file.startswith(("/", "~", "$")) else f"{project.directory}/{file}")
    found, own = project.sources.get(path), project.sources.get(project.directory)
    really = found is not None and not is_below(found.path, (own.path if own is not None else project.directory,))
    return really or not is_below(path, (project.directory,))


@SECRET_FILES.project(
    "S08", "medium", "secret that others can read",
    why="What everybody reads, or what lies in the repository, is no secret; one from a variable is kept in clear.",
    fix="a file with mode 0600, outside of what git knows",
)  # fmt: skip
def loose_files(project: Project) -> Iterator[Hit]:
    built = frozenset(_granted(project, "build", "secrets")) - frozenset(_granted(project, "secrets"))
    for name, one in project.secrets.items():
        if text(mapping(one).get("environment")) and name not in built:  # a build leaves nothing of it behind
            message = f"'{name}' comes from a variable, and is written into the container"
            yield Hit(("secrets", name, "environment"), message)
        file = text(mapping(one).get("file"))
        if file and (told := _looseness(project, file)):
            yield Hit(("secrets", name, "file"), told, file)


def _granted(project: Project, *path: str) -> Iterator[str]:
    """Names of the secrets that services get there."""
    for model in project.services.values():
        for one in items(deep(model, *path)):
            yield text(one) or text(mapping(one).get("source"))


def _looseness(project: Project, file: str) -> str:
    path = tidy(file if file.startswith("/") else f"{project.directory}/{file}")
    found = project.sources.get(path)
    if found is None:
        return ""
    below = bool(project.directory) and is_below(path, (project.directory,))
    shown = f"./{os.path.relpath(path, project.directory)}" if below else file
    if found.mode is not None and found.mode & 0o004:
        return f"{shown} can be read by everybody ({found.mode & 0o777:04o})"
    return f"{shown} is kept in git" if found.tracked else ""
