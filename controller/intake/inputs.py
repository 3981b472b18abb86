"""Every file and variable that a Compose project is made of, by a walk over its text; their digest keys the rendering.

What cannot be followed (remote includes, paths with unset variables) is listed: then only Compose knows.
"""

from __future__ import annotations

import hashlib
import os
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from controller.intake.environment import values_digest
from controller.intake.interpolation import EnvLine, blank_names, env_lines, expand, variable_names
from controller.intake.remarks import MAX_PATH, REMOTE, Setting, remark, remark_env
from controller.intake.source import MAX_BYTES, Document, open_regular, read_documents, read_env
from controller.intake.tree import Node
from controller.model.errors import Finding, InvalidInput
from controller.model.project import ComposeProject

MAX_FILES = 1000
_FORM = 2
"""Of recordings as they are kept with a rendering: those of another form are made anew."""
_SEEN_BY_COMPOSE = ("DOCKER_DEFAULT_PLATFORM", "HOME")


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a project is made of. `files` exist or not; `services`: each declared one and its Compose profiles."""

    files: tuple[Path, ...]
    documents: tuple[Document, ...]
    services: Mapping[str, frozenset[str]]
    variables: frozenset[str]
    """Every variable that may be looked at."""
    digest: str
    name: str | None = None
    """The project's own `name:` or COMPOSE_PROJECT_NAME of its env files; "" where it cannot be known."""
    profiles: tuple[str, ...] = ()
    """COMPOSE_PROFILES of its env files."""
    ingress_image: str = ""
    """HAPROXY_IMAGE, in the environment or in its env files."""
    given: frozenset[str] = frozenset()
    """Those of the variables that are set, in the environment or by an env file."""
    blank: frozenset[str] = frozenset()
    """Those that are set nowhere and have no default: Compose puts nothing in their place."""
    unknown: tuple[str, ...] = ()
    bases: tuple[Document, ...] = ()
    """Documents of which only single services are extended."""
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables of the environment and of its env files."""
    lines: tuple[tuple[Path, tuple[EnvLine, ...]], ...] = field(default=(), repr=False)
    """Of env files that services name, or that fill variables in."""
    findings: tuple[Finding, ...] = ()
    remarks: tuple[Finding, ...] = ()
    """What is accepted and told, and refused under `security.strict`."""

    @property
    def known_profiles(self) -> frozenset[str]:
        return frozenset(profile for profiles in self.services.values() for profile in profiles)


def read_inputs(project: ComposeProject) -> Inputs:
    """Walk the project's files. Unusable ones are findings; nothing is raised."""
    walk = _Walk(project)
    walk.run()
    variables = frozenset(walk.variables)
    return Inputs(
        files=tuple(walk.files),
        documents=tuple(walk.documents),
        services=walk.services,
        variables=variables,
        digest=_digest(walk.files, values_digest({*variables, *_SEEN_BY_COMPOSE}, project.environment)),
        name=walk.name,
        profiles=tuple(filter(None, (walk.values.get("COMPOSE_PROFILES") or "").split(","))),
        ingress_image=walk.values.get("HAPROXY_IMAGE") or "",
        given=frozenset(variables & walk.values.keys()),
        blank=frozenset(walk.needed - walk.values.keys() - {"COMPOSE_PROJECT_NAME"}),
        unknown=tuple(walk.unknown),
        bases=tuple(walk.bases),
        values=dict(walk.values),
        lines=tuple(walk.lines),
        findings=tuple(dict.fromkeys(walk.findings)),
        remarks=tuple(dict.fromkeys(walk.remarks)),
    )


def rendering_key(project: ComposeProject, inputs: Inputs, compose_version: str) -> str:
    """Keys a rendering: the same key, the same output of Compose."""
    called = (project.name, project.files, project.directory, project.env_files, project.profiles)
    return hashlib.sha256(repr((called, inputs.digest, compose_version, _FORM)).encode()).hexdigest()


def file_digest(path: Path) -> str | None:
    """Of a regular file's contents; "" where there is none, None where it cannot be read."""
    try:
        with open_regular(path) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError:
        return None


def _digest(files: Mapping[Path, None], values: str) -> str:
    digest = hashlib.sha256(values.encode())
    for path in files:
        digest.update(repr((str(path), file_digest(path))).encode())
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class _File:
    """A Compose file to look at. `own`: its services belong to the project, and not only to an `extends`; `main`: no
    `include` led to it, whose own env files may set its variables."""

    path: Path
    directory: Path
    own: bool = True
    main: bool = True


@dataclass(slots=True)
class _Walk:
    project: ComposeProject
    files: dict[Path, None] = field(default_factory=dict)
    documents: list[Document] = field(default_factory=list)
    bases: list[Document] = field(default_factory=list)
    lines: list[tuple[Path, tuple[EnvLine, ...]]] = field(default_factory=list)
    services: dict[str, frozenset[str]] = field(default_factory=dict)
    variables: set[str] = field(default_factory=set)
    needed: set[str] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)
    filed: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    remarks: list[Finding] = field(default_factory=list)
    read: set[Path] = field(default_factory=set)
    name: str | None = None

    def run(self) -> None:
        project = self.project
        for path in project.env_files or (project.directory / ".env",):
            self._env_file(path, fills=True)
        self.filed |= self.values
        self.values |= project.environment
        self.name = self.values.get("COMPOSE_PROJECT_NAME")
        waiting = [_File(path, project.directory) for path in reversed(project.files)]
        seen: set[_File] = set()
        while waiting and len(self.files) < MAX_FILES:
            file = waiting.pop()
            if file not in seen:
                seen.add(file)
                waiting += reversed([*self._compose_file(file)])
        if len(self.files) >= MAX_FILES:
            message = f"is made of {MAX_FILES} files or more, which are too many to be looked at"
            self.findings.append(Finding(message, str(next(iter(project.files), project.directory))))

    def _compose_file(self, file: _File) -> Iterator[_File]:
        self.files[file.path] = None
        try:
            documents = read_documents(file.path)
        except InvalidInput as error:
            self.findings += error.findings
            return
        for document in documents:
            (self.documents if file.own else self.bases).append(document)
            for text in _texts(document.root):
                self.variables |= variable_names(text)
                # An included project has env files of its own, which may set them.
                self.needed |= blank_names(text) if file.main else frozenset()
            self.remarks += remark(document, self._setting(file.directory, file.main))
            model = document.data()
            if isinstance(model, dict):
                yield from self._model(model, file)

    def _setting(self, directory: Path, main: bool, filed: Mapping[str, str] | None = None) -> Setting:
        known = self.filed if filed is None else filed
        return Setting(self.project.directory, directory, self.project.environment, known, main)

    def _model(self, model: Mapping[str, Any], file: _File) -> Iterator[_File]:
        if file.path in self.project.files and isinstance(model.get("name"), str):
            self._called(model["name"])
        for entry in _list(model.get("include")):
            yield from self._include(entry, file.directory)
        for section in ("configs", "secrets"):
            for source in _mappings(model.get(section)).values():
                self._path(source.get("file"), file.directory)
                if isinstance(source.get("environment"), str):
                    self.variables.add(source["environment"])
        for name, service in _mappings(model.get("services")).items():
            if file.own:
                profiles = frozenset(profile for profile in _list(service.get("profiles")) if isinstance(profile, str))
                self.services[name] = self.services.get(name, frozenset()) | profiles
            yield from self._service(service, file)

    def _called(self, name: str) -> None:
        if not self.values.get("COMPOSE_PROJECT_NAME"):
            self.name = expand(name, self.values) or ""

    def _include(self, entry: Any, directory: Path) -> Iterator[_File]:
        given = entry if isinstance(entry, dict) else {"path": entry}
        paths = [path for path in (self._path(path, directory) for path in _list(given.get("path"))) if path]
        if not paths:
            return
        own = self._place(given.get("project_directory"), directory) or paths[0].parent
        for env_file in _list(given.get("env_file")) or [str(own / ".env")]:
            self._env_files(env_file, directory, main=False)
        for path in paths:
            yield _File(path, own, main=path in self.project.files)

    def _service(self, service: Mapping[str, Any], file: _File) -> Iterator[_File]:
        directory = file.directory
        for key in ("env_file", "label_file"):
            for entry in _list(service.get(key)):
                self._env_files(entry, directory, file.main)
        self.variables |= _passed_on(service.get("environment"))
        build = service.get("build")
        if isinstance(build, dict):
            self.variables |= _passed_on(build.get("args"))
        for option in _list(service.get("security_opt")):
            if isinstance(option, str) and option.startswith(("seccomp:", "seccomp=")) and "unconfined" not in option:
                self._path(option[len("seccomp:") :], directory)
        extends = service.get("extends")
        if isinstance(extends, dict) and extends.get("file"):
            path = self._path(extends["file"], directory)
            if path is not None:
                yield _File(path, path.parent, own=False, main=file.main)

    def _env_files(self, entry: Any, directory: Path, main: bool) -> None:
        path = self._path(entry.get("path") if isinstance(entry, dict) else entry, directory)
        if path is not None:
            self._env_file(path, main)

    def _env_file(self, path: Path, main: bool = True, *, fills: bool = False) -> None:
        self.files[path] = None
        if path in self.read:
            return
        self.read.add(path)
        try:
            read = read_env(path)
        except InvalidInput as error:
            self.findings += error.findings
            return
        self.remarks += read.remarks
        self.variables |= variable_names(read.text)
        lines = [*env_lines(read.text)]
        self.variables |= {line.name for line in lines if line.value is None}
        self.remarks += remark_env(path, lines, self._setting(path.parent, main, self.values if fills else self.filed))
        self.lines.append((path, tuple(lines)))
        if fills:
            self._fill(lines, path)

    def _fill(self, lines: list[EnvLine], path: Path) -> None:
        """Each line may look at those before it, and so double what they hold: a limit ends that."""
        known = ChainMap(dict(self.project.environment), self.values)
        total = 0
        for line in lines:
            if line.value is not None:
                value = line.value if line.literal else expand(line.value, known) or ""
                total += len(value)
                if total > MAX_BYTES:
                    message = f"its variables come to more than {MAX_BYTES} characters"
                    hint = "let fewer of them hold others"
                    self.findings.append(Finding(message, str(path), line.number, 1, hint=hint))
                    return
                self.values[line.name] = value

    def _path(self, text: Any, directory: Path) -> Path | None:
        path = self._place(text, directory)
        if path is None or len(self.files) >= MAX_FILES:
            return None
        self.files[path] = None
        return path

    def _place(self, text: Any, directory: Path) -> Path | None:
        """A path as Compose resolves it: relative to the project directory, symlinks kept."""
        if not isinstance(text, str) or not text:
            return None
        expanded = expand(text, self.values)
        if not expanded or len(expanded) > MAX_PATH or expanded.startswith(REMOTE) or "://" in expanded:
            self.unknown.append(text)
            return None
        return Path(os.path.abspath(directory / os.path.expanduser(expanded)))


def _texts(node: Node) -> Iterator[str]:
    if isinstance(node.value, str):
        yield node.value
    for item in node.items or ():
        yield from _texts(item)
    for key in (node.keys or {}).values():
        yield from _texts(key.node)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _mappings(value: Any) -> Mapping[str, Mapping[str, Any]]:
    return {name: entry for name, entry in value.items() if isinstance(entry, dict)} if isinstance(value, dict) else {}


def _passed_on(variables: Any) -> frozenset[str]:
    """Names without a value, which take the shell's."""
    if isinstance(variables, dict):
        return frozenset(name for name, value in variables.items() if value is None)
    return frozenset(entry for entry in _list(variables) if isinstance(entry, str) and "=" not in entry)
