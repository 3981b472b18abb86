"""What Compose accepts and a person may well mean, but should know of: told with its place, refused under
`security.strict`. A walk over the text; pure but for a look whether a file is there, and where it really is."""

from __future__ import annotations

import os
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from controller.intake.environment import OWN
from controller.intake.findings import Path as Keys
from controller.intake.findings import dotted
from controller.intake.interpolation import blank_names, expand, variable_names
from controller.intake.source import Document
from controller.intake.tree import Node, scalars
from controller.model.errors import Finding

if TYPE_CHECKING:
    from controller.model.manifest import Stack

REMOTE = ("http://", "https://", "git@", "git://", "ssh://", "github.com/", "oci:")
MAX_PATH = 4096
"""Characters: no file has a longer path."""
MAX_REMARKS = 1000
"""Of one document: who reads on after so many?"""
_EVERYWHERE = frozenset({"HOME", "PATH", "COMPOSE_PROJECT_NAME"})
"""Set wherever the controller runs, or by Compose itself."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a file is read against. `directory` is the project's, `place` the file's own; `filed` are variables that
    env files set; `main`: the project's own file, whose variables no env file of an `include` can set."""

    directory: Path
    place: Path
    environment: Mapping[str, str]
    filed: Mapping[str, str]
    main: bool = True


def remark(document: Document, setting: Setting) -> Iterator[Finding]:
    """Every remark on one document, in the order of its lines, each variable once."""
    every = chain(_variables(document, setting), _passed_on(document, setting), _sources(document, setting))
    unique: dict[str, Finding] = {}
    for finding in islice(every, MAX_REMARKS):
        unique.setdefault(finding.message, finding)
    yield from sorted(unique.values(), key=lambda finding: (finding.line or 0, finding.column or 0))


def is_strict(manifest: Stack | None) -> bool:
    """Whether the manifest refuses what is otherwise only told."""
    return manifest is not None and manifest.spec.security.strict


def strictly(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The same, as `security.strict` refuses it."""
    return tuple(replace(finding, message=f"{finding.message} (refused: security.strict)") for finding in findings)


def _variables(document: Document, setting: Setting) -> Iterator[Finding]:
    told: set[str] = set()
    for path, node in scalars(document.root):
        text = str(node.value)
        if "$" not in text:
            continue
        blank = blank_names(text)
        for name in sorted(variable_names(text) - told):
            said = _of_variable(name, name in blank, setting)
            if said is not None:
                told.add(name)
                yield _placed(document, path, node, *said)


def _of_variable(name: str, blank: bool, setting: Setting) -> tuple[str, str] | None:
    if name in setting.filed or name in _EVERYWHERE:
        return None
    if name.startswith(OWN):
        message = f"{name} is the controller's own and is handed to nobody: it counts as unset"
        return message, "give the service a variable of its own, or a secret"
    if not setting.main:
        return None
    if name in setting.environment:
        message = f"{name} is taken from the shell: another shell, or a service manager, may not have it"
        return message, f"write {name}=… into the project's .env"
    if blank:
        message = f"{name} is set nowhere and has no default: nothing stands in its place"
        return message, f"write {name}=… into the project's .env, or a default: ${{{name}:-…}}"
    return None


def _passed_on(document: Document, setting: Setting) -> Iterator[Finding]:
    """Names without a value below `environment`, which take the shell's."""
    for service, node in _services(document):
        given = node.child("environment")
        path: Keys = ("services", service, "environment")
        entries = (given.node.keys or {}).items() if given else ()
        named = [(name, Node(key.place)) for name, key in entries if key.node.empty]
        named += [(str(item.value), item) for item in (given.node.items if given else None) or ()]
        for name, item in named:
            said = None if "=" in name else _of_variable(name, False, setting)
            if said is not None:
                yield _placed(document, path, item, *said)


def _sources(document: Document, setting: Setting) -> Iterator[Finding]:
    known = ChainMap(dict(setting.environment), dict(setting.filed))
    for path, node in _paths(document):
        if not isinstance(node.value, str):
            continue
        text = expand(node.value, known)
        if text:
            yield from _of_source(document, path, node, text, setting)


def _of_source(document: Document, path: Keys, node: Node, text: str, setting: Setting) -> Iterator[Finding]:
    if text.startswith(REMOTE) or "://" in text:
        message = f"'{text}' is fetched from elsewhere each time: what it holds may change behind your back"
        yield _placed(document, path, node, message, "keep a copy in the project folder")
        return
    if path[2:3] == ("build",) or len(text) > MAX_PATH:
        return  # A context may lie beside the folder; only what is fetched is told.
    file = Path(os.path.abspath(setting.place / os.path.expanduser(text)))
    if path[0] in ("secrets", "configs") and not os.path.exists(file):
        message = f"'{text}' does not exist: whoever mounts it cannot be created"
        yield _placed(document, path, node, message, "write the file, or mend the path")
    elif not _is_inside(file, setting.directory):
        message = f"'{text}' lies outside of the project folder"
        yield _placed(document, path, node, message, f"keep the file below {setting.directory}")


def _is_inside(file: Path, directory: Path) -> bool:
    return directory in file.parents and Path(os.path.realpath(directory)) in Path(os.path.realpath(file)).parents


def _paths(document: Document) -> Iterator[tuple[Keys, Node]]:
    """Every scalar that names a file or a place to fetch from."""
    yield from _below(document.root, (), "include")
    for section in ("configs", "secrets"):
        for name, node in _named(document.root, section):
            yield from _at(node, (section, name), "file")
    for name, node in _services(document):
        yield from _paths_of_service(node, ("services", name))


def _paths_of_service(node: Node, place: Keys) -> Iterator[tuple[Keys, Node]]:
    yield from _below(node, place, "env_file")
    yield from _below(node, place, "label_file")
    for key, inner in (("extends", "file"), ("build", "context")):
        entry = node.child(key)
        if entry is not None:
            yield from _at(entry.node, (*place, key), inner)
    build = node.child("build")
    if build is not None and build.node.value is not None:
        yield (*place, "build"), build.node


def _below(node: Node, place: Keys, key: str) -> Iterator[tuple[Keys, Node]]:
    """What stands at a key, one or a list, each as a word or as a mapping with a `path`."""
    entry = node.child(key) if node.keys is not None else None
    for path, scalar in scalars(entry.node, (*place, key)) if entry else ():
        if path[-1] not in ("project_directory", "required", "format"):
            yield path, scalar


def _at(node: Node, path: Keys, key: str) -> Iterator[tuple[Keys, Node]]:
    entry = node.child(key) if node.keys is not None else None
    if entry is not None:
        yield (*path, key), entry.node


def _services(document: Document) -> Iterator[tuple[str, Node]]:
    return _named(document.root, "services")


def _named(root: Node, section: str) -> Iterator[tuple[str, Node]]:
    entry = root.child(section) if root.keys is not None else None
    for name, key in ((entry.node.keys or {}) if entry else {}).items():
        if key.node.keys is not None:
            yield name, key.node


def _placed(document: Document, path: Keys, node: Node, message: str, hint: str) -> Finding:
    return Finding(message, document.file, node.place.line, node.place.column, dotted(path) or None, hint)
