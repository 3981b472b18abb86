"""What the scan lets pass: no service is started whose definition has a finding that the manifest gates."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from controller.engines.base import Engine
from controller.engines.likeness import like_request
from controller.intake.targets import Target
from controller.loop.scanning import Known, Written, find_images, make_project, read_waivers, scan
from controller.model.project import RenderedProject
from controller.model.running import ImageFacts
from controller.model.scanning import FindingSeverity, ScanFinding, by_severity, gated
from controller.model.steps import Create
from controller.security.likened import liken
from controller.security.scan import scan_service
from controller.security.subject import Project
from controller.security.waivers import PROJECT, Waived

_BY_FILES = "S"
"""Chapter of what stands in files: a container has each value in clear, wherever that came from."""
_OF_IMAGES = {"F01": "user", "R07": "healthcheck"}
"""Rules that ask the image where the definition says nothing of this: until it is here, nothing is known."""
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Gate:
    """Of one stack. `project`: what its definition was judged as; `waivers`: all of the manifest's."""

    threshold: FindingSeverity
    project: Project = field(repr=False)
    findings: tuple[ScanFinding, ...] = ()
    waivers: tuple[Waived, ...] = ()

    def barred(self) -> Mapping[str, str]:
        """Services that may not be started, and why, in one line each."""
        found = [one for one in gated(self.findings, self.threshold) if not self._is_unknown(one)]
        stack = [one for one in found if one.service is None]
        told: dict[str, str] = {}
        for name in self.project.services:
            if mine := [*(one for one in found if one.service == name), *stack]:
                told[name] = _tell(mine, self.threshold)
        return told

    def _is_unknown(self, one: ScanFinding) -> bool:
        """Said of an image that is not here; it is asked again right before the create."""
        key, name = _OF_IMAGES.get(one.rule.id), one.service or ""
        silent = key is not None and not self.project.services.get(name, {}).get(key)
        return silent and name not in self.project.images

    def _is_waived(self, rule: str, service: str) -> bool:
        today = datetime.now().astimezone().date()
        return any(
            one.id == rule and one.service in (PROJECT, service) and today <= one.expires for one in self.waivers
        )

    def check(self, step: Create, look: Callable[[str], ImageFacts | None]) -> str:
        """Why this very container is not made; "": it may be. `look`: what an image says of itself."""
        create = json.loads(step.template.body)["create"] if step.template.body else {}
        alike = liken(self.project, step.service, like_request(create, self.project.name))
        facts = look(str(create.get("Image") or ""))
        project = replace(
            self.project,
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


def make_gate(engine: Engine, target: Target, rendered: RenderedProject, folder: Path) -> Gate | None:
    """None: the manifest lets everything pass. `folder`: where the controller keeps what is its own."""
    threshold = target.manifest.spec.security.scan.fail_on if target.manifest is not None else None
    if threshold is None:
        return None
    today = datetime.now().astimezone().date()
    written = Written(rendered, target.inputs, target.project.directory, target.manifest, target.documents, target.path)
    known = Known((str(folder),), find_images(engine, rendered))
    return Gate(threshold, make_project(written, known), scan(written, known, today), read_waivers(written))


def _tell(findings: Sequence[ScanFinding], threshold: FindingSeverity) -> str:
    shown = by_severity(findings)[:_SHOWN]
    told = "; ".join(f"{one.rule.id} {one.message}" + (f" ({one.place})" if one.place else "") for one in shown)
    more = f" and {len(findings) - len(shown)} more" if len(findings) > len(shown) else ""
    return f"not started, since security.scan.failOn is {threshold}: {told}{more}; see controller scan"
