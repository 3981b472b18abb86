"""What Compose accepts and a person may well mean, but should know of: told with its place, refused under
`security.strict`. A walk over the text; pure but for a look whether a file is there, and where it really is."""

from __future__ import annotations

import os
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from controller.intake.findings import Path as Keys
from controller.intake.findings import dotted
from controller.intake.interpolation import EnvLine, blank_names, expand, variable_names
from controller.intake.source import Document
from controller.intake.tree import Node, scalars
from controller.model.errors import Finding
from controller.model.variables import OWN

if TYPE_CHECKING:
    from controller.model.manifest import Stack

REMOTE = ("http://", "https://", "git@", "git://", "ssh://", "github.com/", "oci:")
MAX_PATH = 4096
"""Characters: no file has a longer path."""
MAX_REMARKS = 1000
"""Of one document: who reads on after so many?"""
_NO_FILES = ("docker-image://", "oci-layout://", "service:", "target:")
_EVERYWHERE = frozenset({"HOME", "PATH", "COMPOSE_PROJECT_NAME"})
"""Set wherever the controller runs, or by Compose itself."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a file is read against. `directory` is the project's, `place` the file's own; `filed` are variables that
    env files set; `main`: read with the project's variables, and not with those of an `include`'s env files."""

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


def remark_env(file: Path, lines: Sequence[EnvLine], setting: Setting) -> Iterator[Finding]:
    """Every remark on an env file, in the order of its lines, each variable once."""
    return islice(_of_lines(file, lines, setting), MAX_REMARKS)


def _of_lines(file: Path, lines: Sequence[EnvLine], setting: Setting) -> Iterator[Finding]:
    known: set[str] = set()  # told already, or set by a line before
    for line in lines:
        text = "" if line.literal else (line.value or "").replace("\\$", "")
        names = variable_names(text) if line.value is not None else frozenset((line.name,))
        for name in sorted(names - known):
            said = _of_variable(name, name in blank_names(text), setting)
            if said is not None:
                known.add(name)
                yield Finding(said[0], str(file), line.number, 1, hint=said[1])
        known.add(line.name)


def _passed_on(document: Document, setting: Setting) -> Iterator[Finding]:
    """Names whose values come from outside: those without a value of their own, and those of secrets and configs."""
    for path, name, node in chain(_names_only(document), _names_of_contents(document)):
        said = _of_variable(name, path[0] != "services", setting)
        if said is not None:
            yield _placed(document, path, node, *said)


def _names_only(document: Document) -> Iterator[tuple[Keys, str, Node]]:
    for service, node in _services(document):
        place: Keys = ("services", service)
        for path, given in (*_at(node, place, "environment"), *_below_build(node, place, "args")):
            named = [(name, Node(key.place)) for name, key in (given.keys or {}).items() if key.node.empty]
            named += [(str(item.value), item) for item in given.items or ()]
            yield from ((path, name, item) for name, item in named if "=" not in name)


def _names_of_contents(document: Document) -> Iterator[tuple[Keys, str, Node]]:
    for section in ("configs", "secrets"):
        for name, node in _named(document.root, section):
            for path, given in _at(node, (section, name), "environment"):
                if isinstance(given.value, str):
                    yield path, given.value, given


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
    for path, extended in _at(node, place, "extends"):
        yield from _at(extended, path, "file")
    yield from _below_build(node, place, "context")
    for path, contexts in _below_build(node, place, "additional_contexts"):
        yield from _contexts(contexts, path)
    build = node.child("build")
    if build is not None and build.node.value is not None:
        yield (*place, "build"), build.node


def _below(node: Node, place: Keys, key: str) -> Iterator[tuple[Keys, Node]]:
    """What stands at a key, one or a list, each as a word or as a mapping with a `path`."""
    entry = node.child(key) if node.keys is not None else None
    for path, scalar in scalars(entry.node, (*place, key)) if entry else ():
        if path[-1] not in ("project_directory", "required", "format"):
            yield path, scalar


def _contexts(node: Node, path: Keys) -> Iterator[tuple[Keys, Node]]:
    """By name, or as a list of `NAME=CONTEXT`; images and services are no places that hold files."""
    found = [((*path, name), key.node) for name, key in (node.keys or {}).items()]
    for index, item in enumerate(node.items or ()):
        found.append(((*path, index), item._replace(value=str(item.value).partition("=")[2])))
    yield from ((way, one) for way, one in found if not str(one.value).startswith(_NO_FILES))


def _below_build(node: Node, place: Keys, key: str) -> Iterator[tuple[Keys, Node]]:
    for path, build in _at(node, place, "build"):
        yield from _at(build, path, key)


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
