"""Finds files: Compose's own names in a folder, and manifests among its YAML files."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from controller.intake.findings import suggest
from controller.intake.interpolation import parse_env
from controller.intake.source import Document, read_documents, read_env
from controller.intake.tree import refuse
from controller.model.errors import Finding, InvalidInput

COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDE_FILES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
API_VERSION = "controller/v1"
KINDS = ("Stack", "Controller")

_CLAIMS = re.compile(rb"^(?:\xef\xbb\xbf)?apiVersion:\s*[\"']?controller\b", re.MULTILINE)
_HEAD = 1 << 16


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A file and the documents in it that are ours; or why it cannot be used."""

    path: Path
    documents: tuple[Document, ...] = ()
    findings: tuple[Finding, ...] = ()


def find_project(folder: Path) -> tuple[Path, ...]:
    """The Compose file of a folder and its override file, as Compose prefers them; empty where there is none."""
    base = _first(folder, COMPOSE_FILES)
    override = _first(folder, OVERRIDE_FILES)
    return tuple(path for path in (base, override) if path) if base else ()


def find_override(file: Path) -> Path | None:
    """The override file that Compose would add to a file, had it not been named."""
    return _first(file.parent, OVERRIDE_FILES) if file.name in COMPOSE_FILES else None


def find_above(folder: Path) -> tuple[Path, ...]:
    """The project of a folder, else of the nearest folder above it, as Compose looks for it."""
    for place in (folder, *folder.parents):
        files = find_project(place)
        if files:
            return files
    return ()


def find_named(cwd: Path, environment: Mapping[str, str]) -> tuple[Path, ...]:
    """The files of COMPOSE_FILE, from the environment or from the `.env` beside; empty where it is not set."""
    settings = {**_own_env(cwd), **environment}
    separator = settings.get("COMPOSE_PATH_SEPARATOR") or os.pathsep
    names = [name for name in (settings.get("COMPOSE_FILE") or "").split(separator) if name]
    return tuple(Path(os.path.abspath(cwd / name)) for name in names)


def find_manifests(folder: Path, name: str) -> tuple[ManifestFile, ...]:
    """The manifests directly in a folder; other YAML files are none of ours. `name`: the folder, for people."""
    if not folder.is_dir():
        return ()
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml"))
    found = (read_manifests(path, os.path.join(name, path.name)) for path in paths)
    return tuple(file for file in found if file.documents or file.findings)


def read_manifests(path: Path, name: str) -> ManifestFile:
    """The documents of a file that are manifests. A file that cannot be used counts where it claims to be one."""
    try:
        documents = read_documents(path, name)
    except InvalidInput as error:
        return ManifestFile(path, findings=error.findings if _claims(path) else ())
    ours = tuple(document for document in documents if is_manifest(document))
    return ManifestFile(path, ours, tuple(finding for document in ours for finding in _misnamed(document)))


def _claims(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            return _CLAIMS.search(stream.read(_HEAD)) is not None
    except OSError:
        return False


def is_manifest(document: Document) -> bool:
    """It says so, or it names one of our kinds and only its version is wrong."""
    keys = document.root.keys or {}
    version = keys["apiVersion"].node.value if "apiVersion" in keys else None
    kind = keys["kind"].node.value if "kind" in keys else None
    ours = isinstance(version, str) and version.split("/")[0] == "controller"
    return ours or (kind in KINDS and suggest(version, (API_VERSION,)) is not None)


def _misnamed(document: Document) -> tuple[Finding, ...]:
    keys = document.root.keys or {}
    for key, known in (("apiVersion", (API_VERSION,)), ("kind", KINDS)):
        if key not in keys:
            return refuse(document.file, f"'{key}' is missing", document.root.place, hint=f"{key}: {known[0]}").findings
        value = keys[key].node.value
        if value not in known:
            hint = suggest(value, known) or f"known: {', '.join(known)}"
            return refuse(document.file, f"{key} '{value}' is not known", keys[key].node.place, hint=hint).findings
    return ()


def _own_env(folder: Path) -> Mapping[str, str]:
    try:
        text = read_env(folder / ".env").text
    except InvalidInput:  # told with the project's other inputs
        return {}
    return {name: value for name, value in parse_env(text).items() if value is not None}


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)
