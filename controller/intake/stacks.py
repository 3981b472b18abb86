"""Documents in, checked manifests out; and the Compose project that a Stack stands beside."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from controller.intake.discovery import find_project
from controller.intake.findings import Path as Keys
from controller.intake.findings import at, explain, locate
from controller.intake.projects import project_of
from controller.intake.source import Document
from controller.model.errors import InvalidInput
from controller.model.project import ComposeProject

if TYPE_CHECKING:
    from pydantic import BaseModel

    from controller.model.manifest import Controller, Stack

    Model = TypeVar("Model", bound=BaseModel)


def read_controller(document: Document) -> Controller:
    """A document of kind Controller. Raises InvalidInput with every fault in it."""
    from controller.model.manifest import Controller

    return _validated(Controller, document)


def read_stack(document: Document, path: Path, environment: Mapping[str, str]) -> tuple[Stack, ComposeProject]:
    """A document of kind Stack and its project, whose paths are relative to the manifest."""
    from controller.model.manifest import Stack

    manifest = _validated(Stack, document)
    return manifest, _project(manifest, document, path.parent, environment)


def _validated(model: type[Model], document: Document) -> Model:
    from pydantic import ValidationError

    try:
        return model.model_validate(document.data())
    except ValidationError as error:
        raise InvalidInput(explain(error, model, document)) from None


def _project(manifest: Stack, document: Document, folder: Path, environment: Mapping[str, str]) -> ComposeProject:
    compose = manifest.spec.compose
    files = _paths(compose.files, folder, document, "files") or find_project(folder)
    if not files:
        message = "no Compose file: none is named, and none stands beside the manifest"
        finding = at(("spec", "compose", "files"), message, hint="name it: compose: {files: [compose.yaml]}")
        raise InvalidInput(locate((finding,), (document,)))
    # A name of the environment would be one for all stacks; the manifest's is compared with Compose's own.
    project = replace(project_of(files, environment), name=None)
    return replace(
        project,
        env_files=_paths(compose.env_files, folder, document, "envFiles") or project.env_files,
        profiles=compose.profiles or project.profiles,
    )


def _paths(names: tuple[str, ...], folder: Path, document: Document, key: str) -> tuple[Path, ...]:
    paths = tuple(Path(os.path.abspath(folder / os.path.expanduser(name))) for name in names)
    missing = [
        at(_keys(key, index), f"'{name}' does not exist", hint="paths are relative to the manifest")
        for index, (name, path) in enumerate(zip(names, paths, strict=True))
        if not path.is_file()
    ]
    if missing:
        raise InvalidInput(locate(missing, (document,)))
    return paths


def _keys(key: str, index: int) -> Keys:
    return ("spec", "compose", key, index)
