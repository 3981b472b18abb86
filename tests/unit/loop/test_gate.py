"""The gate: whom it bars by the definition, and what it says of the final request right before a create."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from controller.loop.gate import Gate
from controller.model.desired import Template
from controller.model.names import Revision
from controller.model.running import ImageFacts
from controller.model.scanning import FindingSeverity, ScanFinding
from controller.model.steps import Create
from controller.security.scan import all_rules
from controller.security.subject import Project
from controller.security.waivers import Waived

pytestmark = pytest.mark.unit


def finding(rule: str, service: str | None = "web", path: str | None = None) -> ScanFinding:
    known = all_rules()[rule]
    return ScanFinding(
        known, known.severity, "so it is", known.fix, service, path or f"services.{service}.x", "c.yaml", 3
    )


def gate(*findings: ScanFinding, threshold: str = "high", **more: Any) -> Gate:
    project = more.pop("project", Project("shop", {"web": {}, "db": {}}))
    return Gate(FindingSeverity(threshold), project, findings, **more)


def test_who_has_a_finding_is_barred_with_its_place_and_nobody_else() -> None:
    (told,) = gate(finding("H03"), finding("F03", "db")).barred().items()
    assert told == (
        "web",
        "not started, since security.scan.failOn is high: H03 so it is (c.yaml:3); see controller scan",
    )


def test_what_is_the_projects_bars_all() -> None:
    assert gate(finding("S06", None)).barred().keys() == {"web", "db"}


def test_an_image_that_is_not_here_yet_bars_nobody_for_what_it_does_not_say() -> None:
    silent = finding("F01", path="services.web.user")
    assert gate(silent, threshold="medium").barred() == {}
    known = Project("shop", {"web": {}}, images={"web": ImageFacts()})
    assert gate(silent, threshold="medium", project=known).barred().keys() == {"web"}
    said = Project("shop", {"web": {"user": "root"}})
    assert gate(silent, threshold="medium", project=said).barred().keys() == {"web"}


def create(host: dict[str, Any] | None = None, **config: Any) -> Create:
    body = {"name": "shop-web-1", "platform": None, "create": {"HostConfig": host or {}, **config}, "connects": []}
    template = Template("web", "", "", json.dumps(body))
    return Create("web", 1, Revision("1"), template, "missing")


def nobody(image: str) -> None:
    return None


def test_the_final_request_is_judged_whatever_the_files_say() -> None:
    told = gate().check(create({"Privileged": True}), nobody)
    assert told == "not started, since security.scan.failOn is high: H03 it runs privileged"
    assert gate().check(create({"Binds": ["/var/run/docker.sock:/s:ro"]}), nobody).endswith("is an engine's socket")
    assert gate().check(create(), nobody) == ""


def test_values_of_variables_are_judged_by_the_files_alone() -> None:
    """Where the file has `${PASSWORD}`, the request has what that stands for."""
    assert gate(threshold="low").check(create(Env=["DB_PASSWORD=x7Gh2"]), nobody).count("S01") == 0


def test_the_image_says_what_the_definition_does_not() -> None:
    rooted = gate(threshold="medium").check(create(Image="web:1"), lambda image: ImageFacts(user=""))
    plain = gate(threshold="medium").check(create(Image="web:1"), lambda image: ImageFacts(user="1000"))
    assert "F01" in rooted and "F01" not in plain


@pytest.mark.parametrize(("until", "passes"), [(date(2999, 1, 1), True), (date(2001, 1, 1), False)])
def test_a_waiver_counts_until_its_day(until: date, passes: bool) -> None:
    waived = Waived("H03", "web", "meant so", until)
    assert (gate(waivers=(waived,)).check(create({"Privileged": True}), nobody) == "") is passes
    assert gate(waivers=(waived._replace(service="db"),)).check(create({"Privileged": True}), nobody)
