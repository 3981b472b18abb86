"""What the scan lets pass: no service is started whose definition has a finding that the manifest gates."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from controller.engines.base import Engine
from controller.engines.likeness import like_request
from controller.intake.targets import Target
from controller.loop.loaded import Loaded
from controller.loop.scanfacts import look_again
from controller.loop.scanning import (
    Written,
    find_images,
    know,
    make_project,
    read_waivers,
    scan_made,
    today,
    write_down,
)
from controller.model.project import ComposeProject, RenderedProject
from controller.model.scanning import FindingSeverity, ScanFinding, by_severity, gated
from controller.model.steps import Build, Create, Outcome, Pull, Result, Start, Step
from controller.security.likened import liken
from controller.security.reading import mapping
from controller.security.scan import scan_service
from controller.security.subject import Project
from controller.security.waivers import EXPIRED, IDLE, Waived, accept

_BY_FILES = "S"
"""Chapter of what stands in files: a container has each value in clear, wherever that came from."""
_OF_IMAGES = {"F01": "user", "R07": "healthcheck"}
"""Rules that ask the image where the definition says nothing of this: until it is here, nothing is known."""
_OF_WAIVERS = frozenset({EXPIRED.id, IDLE.id})
"""Rules on waivers: what one hid counts by itself."""
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Gate:
    """Of one stack. `project`: what its definition was judged as; `findings`: all of them, and `waivers`: all of the
    manifest's, whatever is over; `written`: what it was made of.
    """

    threshold: FindingSeverity
    project: Project = field(repr=False)
    findings: tuple[ScanFinding, ...] = ()
    waivers: tuple[Waived, ...] = ()
    written: Written | None = field(default=None, repr=False)

    def barred(self, on: date) -> Mapping[str, str]:
        """Services that may not be started on that day, and why, in one line each."""
        found = gated(accept(self.findings, self.waivers, on), self.threshold)
        counts = [one for one in found if one.rule.id not in _OF_WAIVERS and not self._is_unknown(one)]
        stack = [one for one in counts if one.service is None]
        told: dict[str, str] = {}
        for name in self.project.services:
            if mine := [*(one for one in counts if one.service == name), *stack]:
                told[name] = _tell(mine, self.threshold)
        return told

    def _is_unknown(self, one: ScanFinding) -> bool:
        """Said of an image that is not here; it is asked again once it is, and right before the create."""
        key, name = _OF_IMAGES.get(one.rule.id), one.service or ""
        silent = key is not None and not self.project.services.get(name, {}).get(key)
        return silent and name not in self.project.images

    def renew(self, engine: Engine) -> Gate:
        """The same with what images say that are here now."""
        if self.written is None:
            return self
        project = replace(self.project, images=find_images(engine, self.written.rendered))
        return replace(self, project=project, findings=scan_made(project, self.written))

    def check(self, step: Step, engine: Engine, files: ComposeProject) -> str:
        """Why this very step is not done; "": it may be. It is judged as it is now, not as it was read."""
        match step:
            case Create() if step.template.body:
                return self._check_create(step, engine)
            case Build() | Start(by_compose=True):
                return self._check_files(step.service, engine, files)
            case _:
                return ""

    def _check_create(self, step: Create, engine: Engine) -> str:
        create = json.loads(step.template.body)["create"]
        alike = liken(self.project, step.service, like_request(create, self.project.name))
        facts = engine.image_facts(str(create.get("Image") or ""))
        now = look_again(self.project, alike)  # a link may have been turned since
        project = replace(
            now,
            services={**self.project.services, step.service: alike},
            images={step.service: facts} if facts is not None else {},
            is_written=False,
        )
        found = [
            (rule, hit)
            for rule, _, hit in scan_service(project, step.service)
            if (hit.severity or rule.severity).reaches(self.threshold)
            and not rule.id.startswith(_BY_FILES)
            and not self._is_waived(rule.id, step.service)
        ]
        if not found:
            return ""
        told = "; ".join(f"{rule.id} {hit.message}" for rule, hit in found[:_SHOWN])
        return f"not started, since security.scan.failOn is {self.threshold}: {told}"

    def _check_files(self, service: str, engine: Engine, files: ComposeProject) -> str:
        """Compose reads them itself for this: they have to be those that were looked at."""
        now = mapping(engine.render(files).model.get("services")).get(service)
        if now == self.project.services.get(service):
            return ""
        return "its files are others than those that were scanned, and come in force first"

    def _is_waived(self, rule: str, service: str) -> bool:
        """Wherever in it: the numbers of a list may be others in a request."""
        return any(one.is_of(rule, service) and today() <= one.expires for one in self.waivers)


def make_gate(engine: Engine, target: Target, rendered: RenderedProject, folder: Path) -> Gate | None:
    """None: the manifest lets everything pass. `folder`: where the controller keeps what is its own."""
    written = write_down(target, rendered)
    if written.fail_on is None:
        return None
    project = make_project(written, know(engine, folder, rendered))
    return Gate(written.fail_on, project, scan_made(project, written), read_waivers(written), written)


def gate_anew(loaded: Loaded, engine: Engine, outcomes: Iterable[Outcome]) -> Loaded:
    """The same with who may be started now: a waiver may be over, and an image that has come says what it is."""
    gate = loaded.gate
    if gate is None:
        return loaded
    if any(isinstance(one.step, Build | Pull) and one.result is Result.DONE for one in outcomes):
        gate = gate.renew(engine)
    barred = gate.barred(today())
    if gate is loaded.gate and barred == loaded.desired.barred:
        return loaded  # nearly always
    return replace(loaded, gate=gate, desired=replace(loaded.desired, barred=barred))


def _tell(findings: Sequence[ScanFinding], threshold: FindingSeverity) -> str:
    shown = by_severity(findings)[:_SHOWN]
    told = "; ".join(f"{one.rule.id} {one.message}" + (f" ({one.place})" if one.place else "") for one in shown)
    more = f" and {len(findings) - len(shown)} more" if len(findings) > len(shown) else ""
    return f"not started, since security.scan.failOn is {threshold}: {told}{more}; see controller scan"
