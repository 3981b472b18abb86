"""Folders as a person has them: Compose files, manifests and env files, and what is found in them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from controller.intake.targets import Request, Targets, find_targets
from controller.model.project import ComposeProject

COMPOSE = "services: {web: {image: w}, debug: {image: d, profiles: [dbg]}}\n"
SHELL = {"FROM_SHELL": "1", "HOME": "/h", "BOTH": "2"}


def project_of(folder: Path, text: str) -> ComposeProject:
    """The project in `p` of this Compose file, with env files beside it and one behind a link that leads out."""
    (folder / "p").mkdir()
    (folder / "b.yaml").write_text("services: {}\n")
    (folder / "p" / "compose.yaml").write_text(text)
    (folder / "p" / ".env").write_text("FILED=1\nBOTH=1\n")
    (folder / "p" / "a.env").write_text("A=1\n")
    (folder / "p" / "link.env").symlink_to("/etc/passwd")
    return ComposeProject(None, (folder / "p" / "compose.yaml",), folder / "p", environment=SHELL)


def manifest(name: str, spec: str = "{}", kind: str = "Stack") -> str:
    """A manifest as text, its spec as YAML in one line."""
    return f"apiVersion: controller/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"


def write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def find(root: Path, *files: str, environment: Mapping[str, str] | None = None, **rest: Any) -> Targets:
    """The targets that were meant by these files, each as it was typed with -f."""
    return find_targets(Request(root, environment or {}, files, **rest))


def shown(found: Targets, root: Path) -> list[tuple[str, list[str]]]:
    """Names and files of the stacks."""
    return [(stack.name, [os.path.relpath(path, root) for path in stack.project.files]) for stack in found.stacks]
