"""The gate: whom it bars by the definition, and what it says of the final request right before a create."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from controller.engines.simulated import SimulatedEngine
from controller.loop.gate import Gate
from controller.model.desired import Template
from controller.model.names import ReplicaId, Revision
from controller.model.project import ComposeProject, RenderedProject
from controller.model.running import ImageFacts
from controller.model.scanning import FindingSeverity, ScanFinding
from controller.model.steps import Build, Create, Start, Step
from controller.security.scan import all_rules
from controller.security.subject import Project
from controller.security.waivers import Waived

pytestmark = pytest.mark.unit

TODAY = date(2026, 5, 1)
FILES = ComposeProject(None, (), Path("/shop"))


class Images(SimulatedEngine):
    """An engine with one image."""

    facts: ImageFacts | None = None
    files: Any = None

    def image_facts(self, image: str, *, deadline: float = 5.0) -> ImageFacts | None:
        return self.facts

    def render(self, project: ComposeProject, *, deadline: float = 60.0) -> RenderedProject:
        return RenderedProject("shop", {"services": self.files})


def check(gate: Gate, step: Step, facts: ImageFacts | None = None, files: Any = None) -> str:
    engine = Images()
    engine.facts, engine.files = facts, files
    return gate.check(step, engine, FILES)


def finding(rule: str, service: str | None = "web", path: str | None = None) -> ScanFinding:
    known = all_rules()[rule]
    return ScanFinding(
        known, known.severity, "so it is", known.fix, service, path or f"services.{service}.x", "c.yaml", 3
    )


def gate(*findings: ScanFinding, threshold: str = "high", **more: Any) -> Gate:
    project = more.pop("project", Project("shop", {"web": {}, "db": {}}))
    return Gate(FindingSeverity(threshold), project, findings, **more)


def test_who_has_a_finding_is_barred_with_its_place_and_nobody_else() -> None:
    (told,) = gate(finding("H03"), finding("F03", "db")).barred(TODAY).items()
    assert told == (
        "web",
        "not started, since security.scan.failOn is high: H03 so it is (c.yaml:3); see controller scan",
    )


def test_what_is_the_projects_bars_all() -> None:
    assert gate(finding("S06", None)).barred(TODAY).keys() == {"web", "db"}


def test_an_image_that_is_not_here_yet_bars_nobody_for_what_it_does_not_say() -> None:
    silent = finding("F01", path="services.web.user")
    assert gate(silent, threshold="medium").barred(TODAY) == {}
    known = Project("shop", {"web": {}}, images={"web": ImageFacts()})
    assert gate(silent, threshold="medium", project=known).barred(TODAY).keys() == {"web"}
    said = Project("shop", {"web": {"user": "root"}})
    assert gate(silent, threshold="medium", project=said).barred(TODAY).keys() == {"web"}


def create(host: dict[str, Any] | None = None, **config: Any) -> Create:
    body = {"name": "shop-web-1", "platform": None, "create": {"HostConfig": host or {}, **config}, "connects": []}
    template = Template("web", "", "", json.dumps(body))
    return Create("web", 1, Revision("1"), template, "missing")


def test_the_final_request_is_judged_whatever_the_files_say() -> None:
    told = check(gate(), create({"Privileged": True}))
    assert told == "not started, since security.scan.failOn is high: H03 it runs privileged"
    assert check(gate(), create({"Binds": ["/var/run/docker.sock:/s:ro"]})).endswith("is an engine's socket")
    assert check(gate(), create()) == ""


def test_values_of_variables_are_judged_by_the_files_alone() -> None:
    """Where the file has `${PASSWORD}`, the request has what that stands for."""
    assert check(gate(threshold="low"), create(Env=["DB_PASSWORD=x7Gh2"])).count("S01") == 0


def test_the_image_says_what_the_definition_does_not() -> None:
    rooted = check(gate(threshold="medium"), create(Image="web:1"), ImageFacts(user=""))
    plain = check(gate(threshold="medium"), create(Image="web:1"), ImageFacts(user="1000"))
    assert "F01" in rooted and "F01" not in plain


@pytest.mark.parametrize(("until", "passes"), [(date(2999, 1, 1), True), (date(2001, 1, 1), False)])
def test_a_waiver_counts_until_its_day(until: date, passes: bool) -> None:
    waived = Waived("H03", "web", "meant so", until)
    assert (check(gate(waivers=(waived,)), create({"Privileged": True})) == "") is passes
    assert check(gate(waivers=(waived._replace(service="db"),)), create({"Privileged": True}))


def test_a_waiver_that_is_over_bars_by_what_it_hid_and_not_by_itself() -> None:
    waived = Waived("H03", "web", "meant so", date(2026, 5, 1))
    assert gate(finding("H03"), waivers=(waived,)).barred(date(2026, 5, 1)) == {}
    assert gate(finding("H03"), waivers=(waived,)).barred(date(2026, 5, 2)).keys() == {"web"}
    assert gate(waivers=(waived._replace(service="*"),), threshold="info").barred(date(2026, 5, 2)) == {}


@pytest.mark.parametrize("step", [Build("web", "web:1", "missing"), None], ids=["built", "started by Compose"])
def test_what_compose_does_itself_is_done_by_the_files_that_were_scanned(step: Step | None) -> None:
    started = Start("web", ReplicaId("1"), 1, "not started yet", by_compose=True)
    made = gate(project=Project("shop", {"web": {"image": "web:1"}}))
    assert check(made, step or started, files={"web": {"image": "web:1"}}) == ""
    told = check(made, step or started, files={"web": {"image": "web:1", "post_start": [{"privileged": True}]}})
    assert told.startswith("its files are others than those that were scanned")


def test_what_is_not_known_of_a_request_is_not_made_up() -> None:
    assert check(gate(threshold="info"), Create("web", 1, Revision("1"), Template("web", "", ""), "missing")) == ""
