"""Targets as they are written, and what a scan finds in each; also in those that Compose refuses."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from controller.cli.options import Options
from controller.cli.reading import find_chosen
from controller.engines.base import Engine
from controller.intake.rough import read_roughly
from controller.intake.targets import Target
from controller.loop.generation import render_target
from controller.loop.scanning import Known, Written, know, scan, today, with_every_profile, write_down
from controller.loop.store import state_dir
from controller.model.errors import ControllerError, EngineError, Finding, InvalidInput
from controller.model.project import ComposeProject, RenderedProject
from controller.model.running import Running
from controller.model.scanning import FindingSource, ScanFinding
from controller.security.reading import mapping

_PATIENCE = 10.0
"""Seconds for all that an engine is asked about one stack."""


@dataclass(frozen=True, slots=True)
class ScannedStack:
    """One of them: as it was asked for, and as it was read, its profiles included; what was known besides, and what was
    found."""

    target: Target
    project: ComposeProject
    written: Written
    known: Known
    today: date
    findings: tuple[ScanFinding, ...]


@dataclass(frozen=True, slots=True)
class Scanned:
    """All findings. `errors`: what could not be scanned as it would run; `notes` are for people."""

    findings: tuple[ScanFinding, ...]
    services: tuple[str, ...]
    stacks: tuple[ScannedStack, ...] = ()
    errors: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Scan:
    engine: Engine
    source: str
    profiled: bool
    """Some of the project's profiles are asked for, and not all."""
    findings: list[ScanFinding] = field(default_factory=list)
    services: list[str] = field(default_factory=list)
    stacks: list[ScannedStack] = field(default_factory=list)
    errors: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    posture: bool = False
    """The engine's own posture was told."""

    def target(self, target: Target) -> None:
        project, made = self._render(target)
        rendered = made or read_roughly(target.project, target.inputs, target.name or target.project.directory.name)
        written = replace(write_down(target, rendered), is_exact=made is not None)
        running = self._look(rendered) if self.source != "compose" else Running()
        engine = self.engine if self.source != "compose" else None
        known, day = know(engine, state_dir(os.environ, os.geteuid()), rendered), today()
        found = scan(written, known, day, running)
        self.stacks.append(ScannedStack(target, project, written, known, day, found))
        self.findings += found
        self.services += sorted(mapping(rendered.model.get("services")))

    def _render(self, target: Target) -> tuple[ComposeProject, RenderedProject | None]:
        """As Compose makes it of its files; None: Compose refuses, or is not there."""
        try:
            if not self.profiled:
                with suppress(InvalidInput):  # all of them together may be refused, and each alone be right
                    every = with_every_profile(target)
                    return every.project, render_target(self.engine, every)
            return target.project, render_target(self.engine, target)
        except InvalidInput as error:
            self.errors += error.findings
        except EngineError as error:
            message = f"{error.message}: scanned as it is written, without Compose"
            self.warnings.append(Finding(message, file=target.place, hint=error.hint))
        return target.project, None

    def _look(self, rendered: RenderedProject) -> Running:
        """What runs of it; nothing where no engine answers."""
        try:
            running = self.engine.look_around(rendered.name, deadline=_PATIENCE)
        except ControllerError as error:
            if self.source == "running":
                raise
            self.warnings.append(Finding(f"what runs was not looked at: {error.message}", hint=error.hint))
            self.source = "compose"
            return Running()
        if self.posture:
            return replace(running, posture=None)
        self.posture = True
        return running


def scan_all(options: Options, engine: Engine, services: Sequence[str], source: str) -> Scanned:
    """Every target that the options name. Raises ControllerError for a service that none of them has."""
    broken, targets, notes = find_chosen(options)
    scan_ = _Scan(engine, source, options.profile is not None)
    scan_.errors += broken
    for target in targets:
        scan_.target(target)
    _check_services(services, scan_.services)
    found = [one for one in scan_.findings if not services or one.service in services]
    if source != "all":
        found = [one for one in found if one.source is FindingSource(source)]
    return Scanned(
        tuple(_relative(found, Path.cwd())),
        tuple(services or scan_.services),
        tuple(scan_.stacks),
        tuple(scan_.errors),
        tuple(scan_.warnings),
        notes,
    )


def _check_services(asked: Sequence[str], known: Collection[str]) -> None:
    for name in asked:
        if name not in known:
            there = ", ".join(sorted(known)) or "none"
            raise ControllerError(f"there is no service '{name}' here", hint=f"there are: {there}")


def _relative(findings: Sequence[ScanFinding], folder: Path) -> Iterator[ScanFinding]:
    """Files below this folder are told from here on, as people type them."""
    for one in findings:
        if one.file is not None and one.file.startswith(f"{folder}/"):
            yield replace(one, file=one.file[len(str(folder)) + 1 :])
        else:
            yield one
