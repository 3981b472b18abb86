"""What the scan lets pass: no service is started whose definition has a finding that the manifest gates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from controller.engines.base import Engine
from controller.intake.targets import Target
from controller.loop.lastlook import Found, is_waived, look_at_create, look_at_links
from controller.loop.scanfacts import look_again
from controller.loop.scanning import (
    Known,
    Written,
    find_places,
    know,
    make_project,
    read_waivers,
    scan_made,
    today,
    write_down,
)
from controller.model.project import ComposeProject, RenderedProject
from controller.model.scanning import FindingSeverity, ScanFinding, by_severity, gated
from controller.model.steps import Build, Create, Restart, Start, Step
from controller.security.reading import mapping
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
    is_blind: bool = False
    """The engine did not answer all that it was asked about images and volumes."""

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
        known = know(engine, Path(), self.written.rendered)
        images = known.images if known.is_whole else {**self.project.images, **known.images}
        project = replace(self.project, images=images, made={**self.project.made, **known.volumes})
        project = look_again(project, {})
        found = scan_made(project, find_places(self.written))
        return replace(self, project=project, findings=found, is_blind=not known.is_whole)

    def check(self, step: Step, engine: Engine, files: ComposeProject, *, mounts: bool = True) -> str:
        """Why this very step is not done; "": it may be. It is judged as it is now, not as it was read.

        `mounts`: a start has what the definition mounts mounted anew.
        """
        match step:
            case Create() if step.template.body:
                return self._refuse(step.service, look_at_create(self.project, step, engine))
            case Build() | Start(by_compose=True) if why := self._check_files(step.service, engine, files):
                return why
            case Start() | Restart() if mounts:
                return self._refuse(step.service, look_at_links(self.project, step.service))
            case _:
                return ""

    def _refuse(self, service: str, looked: Iterable[Found]) -> str:
        counts = [one for one in looked if self._counts(one, service)]
        if not counts:
            return ""
        told = "; ".join(f"{rule.id} {hit.message}" for rule, hit, _ in counts[:_SHOWN])
        return f"not started, since security.scan.failOn is {self.threshold}: {told}"

    def _counts(self, found: Found, service: str) -> bool:
        rule, hit, _ = found
        if rule.id.startswith(_BY_FILES) or not (hit.severity or rule.severity).reaches(self.threshold):
            return False
        return not any(today() <= one.expires and is_waived(one, service, found) for one in self.waivers)

    def _check_files(self, service: str, engine: Engine, files: ComposeProject) -> str:
        """Compose reads them itself for this: they have to be those that were looked at."""
        now = mapping(engine.render(files).model.get("services")).get(service)
        if now == self.project.services.get(service):
            return ""
        return "its files are others than those that were scanned, and come in force first"


def make_gate(engine: Engine, target: Target, rendered: RenderedProject, folder: Path) -> Gate | None:
    """None: the manifest lets everything pass. `folder`: where the controller keeps what is its own."""
    written = write_down(target, rendered)
    return gate_of(written, know(engine, folder, rendered)) if written.fail_on is not None else None


def gate_of(written: Written, known: Known) -> Gate | None:
    """The same of what was read, and asked, already."""
    if written.fail_on is None:
        return None
    places = find_places(written)
    project = make_project(written, known, places)
    waivers, findings = read_waivers(written), scan_made(project, places)
    return Gate(written.fail_on, project, findings, waivers, written, not known.is_whole)


def _tell(findings: Sequence[ScanFinding], threshold: FindingSeverity) -> str:
    shown = by_severity(findings)[:_SHOWN]
    told = "; ".join(f"{one.rule.id} {one.message}" + (f" ({one.place})" if one.place else "") for one in shown)
    more = f" and {len(findings) - len(shown)} more" if len(findings) > len(shown) else ""
    return f"not started, since security.scan.failOn is {threshold}: {told}{more}; see controller scan"
