"""From what was typed to what is meant: which stacks, from which files, and what is wrong with each (docs/manifest.md).

A broken target does not hide the others. The current directory and the environment are given, never looked up.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from controller.intake import discovery
from controller.intake.alerting import read_channels
from controller.intake.discovery import ManifestFile
from controller.intake.findings import locate
from controller.intake.inputs import Inputs, read_inputs
from controller.intake.profiles import choose_profile
from controller.intake.projects import clash, project_of, runs_as, static_name
from controller.intake.remarks import is_strict, strictly
from controller.intake.serving import check_serving, read_audit, read_serving
from controller.intake.source import Document
from controller.intake.stacks import read_controller, read_stack
from controller.model.auditing import AuditPolicy
from controller.model.channel import Channel
from controller.model.errors import Finding, InvalidInput
from controller.model.observed import Observed
from controller.model.project import ComposeProject
from controller.model.serving import Serving

if TYPE_CHECKING:
    from controller.model.manifest import Stack


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for: `-f` as typed, `--profile`, from where; and the projects that have containers, by name."""

    cwd: Path
    environment: Mapping[str, str] = field(repr=False)
    files: tuple[str, ...] = ()
    profile: str | None = None
    running: Mapping[str, Observed] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """One stack: its Compose project, the manifest beside it (None: a bare project), and the documents for positions.

    `name` is "" while only Compose can tell it. `through_folder`: not named itself, found in a folder.
    """

    name: str
    place: str
    project: ComposeProject
    inputs: Inputs = field(repr=False)
    manifest: Stack | None = field(default=None, repr=False)
    documents: tuple[Document, ...] = field(default=(), repr=False)
    profile: str | None = None
    through_folder: bool = False
    path: Path | None = None
    """The manifest's file."""
    kept: tuple[Path, ...] = field(default=(), repr=False)
    """Manifests and Compose files of all stacks with manifests that were found with it, where it has one."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A target that cannot be used, and why."""

    place: str
    findings: tuple[Finding, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Targets:
    """All that was found. `notes` are for people; `watched` are files and folders where a change may matter."""

    stacks: tuple[Target, ...] = ()
    broken: tuple[Broken, ...] = ()
    channels: tuple[Channel, ...] | None = None
    """Where alerts go, by the document of kind Controller; None: there is none that can be used."""
    notes: tuple[str, ...] = ()
    watched: tuple[Path, ...] = ()
    serving: Serving | None = None
    """Where the API is served, by the same document."""
    audit: AuditPolicy | None = None
    """How the audit log is kept, by the same document."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for broken in self.broken for finding in broken.findings)


def find_targets(request: Request) -> Targets:
    """The stacks that are meant. Never raises for what it finds: faults are in `broken`."""
    finder = _Finder(request)
    if request.files:
        finder.find_given()
    else:
        finder.find_here()
    return finder.targets()


@dataclass(slots=True)
class _Finder:
    request: Request
    stacks: list[Target] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    controllers: list[tuple[Document, tuple[Channel, ...], Serving, AuditPolicy]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    watched: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)

    def find_given(self) -> None:
        compose: list[Path] = []
        for text in dict.fromkeys(self.request.files):
            path = self._absolute(text)
            if path.is_dir():
                self._folder(path, text)
            elif not path.exists():
                self._fail(text, f"'{text}' does not exist", "check the path given with -f")
            elif self._manifest_file(path, text):
                continue
            else:
                compose.append(path)
        if compose:
            # Several Compose files are one project, as `docker compose -f a -f b` takes them.
            self._bare(self._with_override(compose), self._shown(compose[0]))
        if len(self.controllers) == 1 and not self.stacks and not self.broken:
            place = _place(self.controllers[0][0])
            self._fail(place, f"{place} describes the controller, and no stack", "name a stack or a Compose file, too")

    def find_here(self) -> None:
        cwd = self.request.cwd
        self.watched.append(cwd)
        if self._manifests(cwd / "manifests", "manifests"):
            return
        named = discovery.find_named(cwd, self.request.environment)
        missing = [path for path in named if not path.is_file()]
        if missing:
            self._fail(self._shown(missing[0]), f"'{self._shown(missing[0])}' of COMPOSE_FILE does not exist")
            return
        files = named or discovery.find_above(cwd)
        if files:
            self._bare(files, self._shown(files[0]))
        else:
            hint = "name one with -f, or go to a folder with a compose.yaml"
            self._fail(".", "there is neither a manifest nor a Compose file here", hint)

    def _folder(self, path: Path, text: str) -> None:
        self.watched.append(path)
        if self._manifests(path, text):
            return
        files = discovery.find_project(path)
        if files:
            self._bare(files, self._shown(files[0]), through_folder=True)
            return
        folders = sorted(folder for folder in path.iterdir() if folder.is_dir())
        projects = [found for found in map(discovery.find_project, folders) if found]
        self.watched += folders
        for found in projects:
            self._bare(found, self._shown(found[0]), through_folder=True)
        if not projects and not self.controllers:
            message = f"folder '{text}' holds neither a manifest nor a Compose file, nor does any folder in it"
            self._fail(text, message, "put a compose.yaml there, or name another folder with -f")

    def _manifests(self, folder: Path, text: str) -> bool:
        """Whether a stack is described there; a Controller alone leaves the Compose files to be looked for."""
        found = discovery.find_manifests(folder, text)
        if folder.is_dir():
            self.watched.append(folder)
        before = len(self.stacks) + len(self.broken)
        for file in found:
            self._manifest(file)
        return len(self.stacks) + len(self.broken) > before

    def _manifest_file(self, path: Path, text: str) -> bool:
        file = discovery.read_manifests(path, text)
        if not file.documents and not file.findings:
            return False
        self._manifest(file)
        return True

    def _manifest(self, file: ManifestFile) -> None:
        self.watched.append(file.path)
        self.kept.append(file.path)
        if file.findings:
            self.broken.append(Broken(file.findings[0].file or str(file.path), file.findings))
            return
        for document in file.documents:
            try:
                self._document(document, file.path)
            except InvalidInput as error:
                name = _said_name(document)
                self.broken.append(Broken(_place(document), error.findings, name))

    def _document(self, document: Document, path: Path) -> None:
        keys = document.root.keys or {}
        if keys["kind"].node.value == "Controller":
            self._controller(document, path.parent)
            return
        manifest, project = read_stack(document, path, self.request.environment)
        inputs = read_inputs(project)
        documents = (document, *inputs.documents)
        self.kept += (Path(one.file) for one in (*inputs.documents, *inputs.bases))
        name = manifest.metadata.name
        self._add(Target(name, _place(document), project, inputs, manifest, documents, path=path))

    def _controller(self, document: Document, folder: Path) -> None:
        manifest = read_controller(document)
        if findings := tuple(check_serving(manifest, folder)):
            raise InvalidInput(locate(findings, (document,)))
        said = read_channels(manifest, folder), read_serving(manifest, folder), read_audit(manifest)
        self.controllers.append((document, *said))

    def _bare(self, files: tuple[Path, ...], place: str, *, through_folder: bool = False) -> None:
        project = project_of(files, self.request.environment)
        inputs = read_inputs(project)
        name = static_name(project, inputs)
        if inputs.findings and inputs.name is None:  # what cannot be read does not tell its name either
            name = runs_as(project, self.request.running) or name
        self._add(Target(name, place, project, inputs, None, inputs.documents, through_folder=through_folder))

    def _add(self, target: Target) -> None:
        """Check what can be checked before Compose is asked."""
        target = replace(target, project=_completed(target))
        self.watched += target.inputs.files
        findings = [*target.inputs.findings, *clash(target.name, target.project, self.request.running)]
        if is_strict(target.manifest):
            findings += strictly(target.inputs.remarks)
        try:
            if self.request.profile is not None or target.manifest is not None:
                target = choose_profile(target, self.request.profile)
        except InvalidInput as error:
            findings += error.findings
        if findings:
            self.broken.append(Broken(target.place, tuple(findings), target.name))
        else:
            self.stacks.append(target)

    def _with_override(self, files: Sequence[Path]) -> tuple[Path, ...]:
        """A file given alone, whose running project was started with its override: both (docs/manifest.md)."""
        override = discovery.find_override(files[0]) if len(files) == 1 else None
        if override is None:
            return tuple(files)
        used = any(
            {str(files[0]), str(override)} <= set(project.config_files) for project in self.request.running.values()
        )
        if not used:
            return tuple(files)
        self.notes.append(f"{self._shown(override)} is used as well: the running project was started with it")
        return (*files, override)

    def _absolute(self, text: str) -> Path:
        return Path(os.path.abspath(self.request.cwd / os.path.expanduser(text)))

    def _shown(self, path: Path) -> str:
        relative = os.path.relpath(path, self.request.cwd)
        return str(path) if relative.startswith("..") else relative

    def _fail(self, place: str, message: str, hint: str | None = None) -> None:
        self.broken.append(Broken(place, (Finding(message, hint=hint),)))

    def targets(self) -> Targets:
        """All that was found, each name once."""
        doubles = _doubles(self.stacks)
        doubled = {name for broken in doubles for name in (broken.name,)}
        kept = tuple(dict.fromkeys(self.kept))
        stacks = tuple(
            replace(target, kept=kept if target.manifest is not None else ())
            for target in self.stacks
            if target.name not in doubled or not target.name
        )
        broken = (*self.broken, *doubles, *_second_controllers([document for document, *_ in self.controllers]))
        _, channels, serving, audit = self.controllers[0] if self.controllers else (None, None, None, None)
        watched = tuple(dict.fromkeys(self.watched))
        return Targets(stacks, broken, channels, tuple(self.notes), watched, serving, audit)


def _completed(target: Target) -> ComposeProject:
    """COMPOSE_PROFILES of an env file would be lost to Compose as soon as one profile is given to it."""
    project = target.project
    return project if project.profiles else replace(project, profiles=target.inputs.profiles)


def _doubles(targets: Iterable[Target]) -> tuple[Broken, ...]:
    by_name: dict[str, list[Target]] = {}
    for target in targets:
        if target.name:
            by_name.setdefault(target.name, []).append(target)
    return tuple(_double(name, found) for name, found in by_name.items() if len(found) > 1)


def _double(name: str, targets: Sequence[Target]) -> Broken:
    first, second = targets[0], targets[1]
    message = f"two stacks are called '{name}': {first.place} and {second.place}"
    finding = Finding(message, file=second.place.split(":")[0], hint="rename one of them, or use only one with -f")
    return Broken(second.place, (finding,), name)


def _second_controllers(found: Sequence[Document]) -> tuple[Broken, ...]:
    return tuple(Broken(_place(document), (_once(document, found[0]),), "controller") for document in list(found)[1:])


def _once(document: Document, first: Document) -> Finding:
    place = document.root.place
    message = f"a second document of kind Controller; the first one is {_place(first)}"
    return Finding(message, document.file, place.line, place.column, hint="keep one of them")


def _place(document: Document) -> str:
    return f"{document.file}:{document.root.place.line}"


def _said_name(document: Document) -> str:
    place = document.root.child("metadata")
    name = place.node.child("name") if place else None
    return str(name.node.value) if name else ""
