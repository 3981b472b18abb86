"""A scan of one stack: what its files say, made into what rules look at; and what they find, with places."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from controller.engines.base import Engine
from controller.intake.compose import read_image, read_needs
from controller.intake.findings import dotted
from controller.intake.inputs import Inputs
from controller.intake.interpolation import EnvLine
from controller.intake.leftout import extensions, left_out
from controller.intake.lookedat import looked_at
from controller.intake.places import Places, named_files
from controller.intake.relative import written_relative
from controller.intake.source import Document
from controller.intake.targets import Target
from controller.loop.portplaces import PortPlaces
from controller.loop.scanfacts import look_at_sources, read_standards, real_paths
from controller.model.errors import EngineError
from controller.model.project import RenderedProject
from controller.model.running import ImageFacts, Model, Running
from controller.model.scanning import FindingSeverity, FindingSource, ScanFinding
from controller.security.addresses import without_secrets
from controller.security.reading import Keys, mapping, text, texts
from controller.security.scan import Found, scan_project, scan_running
from controller.security.subject import Project, Watched
from controller.security.waivers import Waived, accept

if TYPE_CHECKING:
    from controller.model.manifest import Stack

NOTHING_RUNS = Running()
_Told = TypeVar("_Told")


@dataclass(frozen=True, slots=True)
class Written:
    """One stack as it is written: the model, the files for places, and the manifest beside it."""

    rendered: RenderedProject
    inputs: Inputs = field(repr=False)
    directory: Path
    manifest: Stack | None = None
    documents: tuple[Document, ...] = ()
    """Of the manifest."""
    manifest_path: Path | None = None
    is_exact: bool = True
    """Compose made the model, and we did not guess it."""
    kept: tuple[Path, ...] = ()
    """Manifests and Compose files of all stacks that were found with it."""

    @property
    def fail_on(self) -> FindingSeverity | None:
        """From which severity on the manifest bars services; None: never."""
        return self.manifest.spec.security.scan.fail_on if self.manifest is not None else None


def write_down(target: Target, rendered: RenderedProject) -> Written:
    """All that a scan looks at of a target that was read."""
    directory, documents = target.project.directory, target.documents
    return Written(rendered, target.inputs, directory, target.manifest, documents, target.path, kept=target.kept)


class Known(NamedTuple):
    """What is known besides of this machine. `own_paths`: folders of the controller's own; `images`: by service;
    `volumes`: options of their drivers, by the engine's names."""

    own_paths: tuple[str, ...] = ()
    images: Mapping[str, ImageFacts] = {}
    volumes: Mapping[str, Model] = {}
    is_whole: bool = True
    """The engine has answered all that it was asked."""


def know(engine: Engine | None, folder: Path, rendered: RenderedProject) -> Known:
    """All of that; without an engine only where our own files are, which is `folder`."""
    if engine is None:
        return Known((str(folder),))
    images, all_images = find_images(engine, rendered)
    volumes, all_volumes = find_volumes(engine, rendered)
    return Known((str(folder),), images, volumes, all_images and all_volumes)


def today() -> date:
    """Of people where this runs: until when waivers count."""
    return datetime.now().astimezone().date()


def scan(written: Written, known: Known, today: date, running: Running = NOTHING_RUNS) -> tuple[ScanFinding, ...]:
    """All findings on one stack, in no order."""
    places = find_places(written)
    found = scan_made(make_project(written, known, places, running), places, running)
    return accept(found, read_waivers(written), today)


def scan_made(project: Project, places: PortPlaces, running: Running = NOTHING_RUNS) -> tuple[ScanFinding, ...]:
    """The same of a project that was made before, whatever is waived."""
    found = [_placed(one, places, FindingSource.COMPOSE) for one in scan_project(project)]
    found += [_placed(one, places, FindingSource.RUNNING) for one in scan_running(project, running)]
    return tuple(_once(found))


def _once(findings: Iterable[ScanFinding]) -> Iterator[ScanFinding]:
    """Of the many ports that Compose makes of one range, the first stands for what is written."""
    told: set[tuple[object, ...]] = set()
    for one in findings:
        here = (one.rule.id, one.service, one.source, one.file, one.line, one.column)
        if ".ports[" not in (one.path or "") or one.file is None or here not in told:
            told.add(here)
            yield one


def with_every_profile(target: Target) -> Target:
    """What is started only on demand is part of what is scanned."""
    return replace(target, project=replace(target.project, profiles=("*",)))


def make_project(written: Written, known: Known, places: PortPlaces, running: Running = NOTHING_RUNS) -> Project:
    """What rules look at. `places`: of the same files."""
    model = written.rendered.model
    directory = os.path.abspath(written.directory)
    services = {name: mapping(one) for name, one in mapping(model.get("services")).items()}
    folder = written.manifest_path.parent if written.manifest_path is not None else written.directory
    named = named_files(written.inputs, written.directory)
    made = {**known.volumes, **running.volumes}
    return Project(
        name=written.rendered.name,
        services=services,
        networks=mapping(model.get("networks")),
        volumes=mapping(model.get("volumes")),
        secrets=mapping(model.get("secrets")),
        configs=mapping(model.get("configs")),
        rest={key: one for key, one in model.items() if str(key).startswith("x-")},
        unused=left_out(written.inputs, model),
        extensions=tuple(extensions(written.inputs)),
        directory=directory,
        edges=frozenset(_edges(services, written.manifest)),
        standards=read_standards(written.manifest, folder),
        images=known.images,
        sources=look_at_sources(_with_what_runs(model, made, running), written.directory, [one.path for one in named]),
        made=made,
        named_files=tuple((one.keys, str(one.path)) for one in named),
        relative=frozenset(written_relative(written.inputs, written.directory)),
        own_paths=known.own_paths,
        watched=tuple(_watched(written)),
        written=places.written,
        looked_at=tuple(looked_at(written.inputs, [(one.keys, one.path) for one in named])),
        ranges={name: found for name in services if (found := places.ranges(name))},
        is_exact=written.is_exact,
        userns_remap=running.posture is not None and running.posture.userns_remap,
    )


def _watched(written: Written) -> Iterator[Watched]:
    """Where a manifest is, who writes them decides what the controller starts; else what somebody starts by hand."""
    inputs, is_kept = written.inputs, written.manifest is not None
    said = [Path(one.file) for one in (*inputs.documents, *inputs.bases)]
    if written.manifest_path is not None:
        said.append(written.manifest_path)
    around = FindingSeverity.CRITICAL if is_kept else FindingSeverity.MEDIUM
    yield from (Watched(path, FindingSeverity.CRITICAL, around) for path in real_paths((*said, *written.kept)))
    around = FindingSeverity.HIGH if is_kept else FindingSeverity.MEDIUM
    yield from (Watched(path, FindingSeverity.HIGH, around) for path in real_paths(path for path, _ in inputs.lines))


def _with_what_runs(model: Model, made: Mapping[str, Model], running: Running) -> Model:
    """All that may lead somewhere on this machine, each under a name of its own."""
    replicas = {f"{name}/{number}": one for name, found in running.services.items() for number, one in enumerate(found)}
    volumes = {f"{name}/": {"driver_opts": options} for name, options in made.items()}
    services, defined = mapping(model.get("services")), mapping(model.get("volumes"))
    return {**model, "services": {**services, **replicas}, "volumes": {**defined, **volumes}}


def find_volumes(
    engine: Engine, rendered: RenderedProject, *, deadline: float = 5.0
) -> tuple[Mapping[str, Model], bool]:
    """How those of its volumes are mounted that are there already: their definition does not change them any more.
    And whether these are all: as far as the engine answers."""
    volumes = mapping(rendered.model.get("volumes")).items()
    names = [text(mapping(spec).get("name")) or f"{rendered.name}_{key}" for key, spec in volumes]
    found, whole = _ask_each(engine.volume_options, {name: name for name in names}, deadline)
    return {name: options for name, options in found.items() if options}, whole


def find_images(
    engine: Engine, rendered: RenderedProject, *, deadline: float = 5.0
) -> tuple[Mapping[str, ImageFacts], bool]:
    """What the images say that are here, by service; and whether these are all: as far as the engine answers."""
    services = mapping(rendered.model.get("services")).items()
    names = {name: read_image(mapping(model), rendered.name, name) for name, model in services}
    return _ask_each(engine.image_facts, names, deadline)


def _ask_each(
    ask: Callable[..., _Told | None], names: Mapping[str, str], deadline: float
) -> tuple[dict[str, _Told], bool]:
    """What the engine says of each, by key, and whether it answered on all: who is silent hides none of the others."""
    ends_at, found, whole = time.monotonic() + deadline, dict[str, _Told](), True
    for key, name in names.items():
        try:
            told = ask(name, deadline=max(ends_at - time.monotonic(), 0.1))
        except EngineError:
            whole, told = False, None
        if told is not None:
            found[key] = told
        if time.monotonic() > ends_at:
            return found, False
    return found, whole


def find_places(written: Written) -> PortPlaces:
    """Where each thing stands that it says: made once, for it is asked much."""
    inputs = written.inputs
    lines = dict(inputs.lines)
    files: dict[str | int, dict[str, list[tuple[Path, tuple[EnvLine, ...]]]]] = {"env_file": {}, "label_file": {}}
    for one in named_files(inputs, written.directory):
        if one.path in lines:
            files[one.keys[2]].setdefault(str(one.keys[1]), []).append((one.path, lines[one.path]))
    return PortPlaces(Places(inputs.documents, inputs.bases, files["env_file"], inputs.values, files["label_file"]))


def _edges(services: Mapping[str, Mapping[str, Any]], manifest: Stack | None) -> Iterator[frozenset[str]]:
    """As `controller.security.edges` has them of a stack that can be run."""
    said = manifest.spec.services if manifest is not None else {}
    for name, model in services.items():
        more = said.get(name)
        needs = {*_needs(model), *(more.depends_on if more else ()), *(more.connects_to if more else ())}
        yield from (frozenset((name, target)) for target in needs if target != name)


def _needs(model: Mapping[str, Any]) -> Iterable[str]:
    """What Compose refuses may say anything."""
    try:
        return read_needs(model)
    except (AttributeError, KeyError, TypeError, ValueError):
        return texts(list(mapping(model.get("depends_on"))) or model.get("depends_on"))


def _placed(found: Found, places: PortPlaces, source: FindingSource) -> ScanFinding:
    rule, service, hit = found
    path: Keys = hit.path if service is None else ("services", service, *hit.path)
    spot = places.find(path, hit.needle) if path else None
    cause = places.find(hit.at) if hit.at else None
    if cause is not None and cause.depth == len(hit.at):
        spot = cause
    elif service is not None and (spot is None or spot.depth < 2):
        spot = None  # it only runs
    finding = ScanFinding(
        rule,
        hit.severity or rule.severity,
        hit.message,
        hit.fix or rule.fix,
        service,
        without_secrets(dotted(path)) or None,
        source=source,
    )
    if spot is None:
        return finding
    return replace(finding, file=spot.file, line=spot.place.line, column=spot.place.column)


def read_waivers(written: Written) -> tuple[Waived, ...]:
    """Those of the manifest, with places."""
    if written.manifest is None:
        return ()
    return tuple(
        _waived(written, number, one) for number, one in enumerate(written.manifest.spec.security.scan.waivers)
    )


def _waived(written: Written, number: int, one: Any) -> Waived:
    path: Keys = ("spec", "security", "scan", "waivers", number)
    made = Waived(one.id, one.service, one.reason, one.expires, path=dotted(path), only=one.path)
    for document in written.documents:
        place, depth = document.find(path)
        if depth == len(path):
            return made._replace(file=document.file, line=place.line, column=place.column)
    return made
