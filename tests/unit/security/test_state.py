"""What is known of a stack's protection: whose findings, what came and went, waivers by their days."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from controller.model.scanning import Acceptance, FindingSeverity, FindingSource, Rule, ScanFinding
from controller.security.state import Scanned, compare, judge_waivers, tell_findings
from controller.security.waivers import EXPIRED, Waived

pytestmark = pytest.mark.unit


def finding(
    rule: str, service: str | None = "web", *, severity: str = "high", runs: bool = False, message: str = "m"
) -> ScanFinding:
    worth = FindingSeverity(severity)
    source = FindingSource.RUNNING if runs else FindingSource.COMPOSE
    return ScanFinding(Rule(rule, worth, "t", "w", "f"), worth, message, "f", service, source=source)


def scan(*found: ScanFinding, seen: bool = True) -> Scanned:
    return Scanned(10.0, found, looked_at=10.0 if seen else None)


def test_what_speaks_against_the_engine_is_no_stack_s() -> None:
    engine, stranger = finding("D13", None, runs=True), finding("X03", None, runs=True)
    scanned = scan(engine, stranger, finding("H03"))
    assert scanned.engine == (engine,) and scanned.running == (stranger,)
    assert [one.rule.id for one in scanned.own] == ["X03", "H03"]


def test_what_came_and_what_went() -> None:
    before, after = scan(finding("H03"), finding("N01", "db")), scan(finding("H03"), finding("X03", None, runs=True))
    came, gone = compare(before, after)
    assert [one.rule.id for one in came] == ["X03"] and [one.rule.id for one in gone] == ["N01"]


def test_the_first_scan_tells_nothing_nor_does_the_first_look_at_what_runs() -> None:
    stranger = finding("X03", None, runs=True)
    assert compare(None, scan(stranger)) == ((), ())
    assert compare(scan(seen=False), scan(stranger)) == ((), ())
    [came], _ = compare(scan(seen=False), scan(stranger, finding("H03")))
    assert came.rule.id == "H03"


def test_what_is_accepted_goes_and_comes_with_its_waiver() -> None:
    accepted = replace(finding("H03"), accepted=Acceptance("known", date(2030, 1, 1)))
    assert compare(scan(finding("H03")), scan(accepted))[1] == (finding("H03"),)
    assert compare(scan(accepted), scan(finding("H03")))[0] == (finding("H03"),)


def test_several_in_one_sentence() -> None:
    told = tell_findings([finding("H03", severity="critical"), finding("N01"), finding("R01", severity="low")])
    assert told == ("3 findings: 1 critical, 1 high, 1 low; the worst: web: H03 m", "web", True)
    assert (
        tell_findings([finding("X03", None, severity="medium", runs=True)]).message
        == "medium: project (running): X03 m"
    )
    assert tell_findings([finding("H03"), finding("H03", "db")]).service is None


def test_waivers_by_how_long_they_last() -> None:
    today = date(2026, 11, 27)
    waivers = [
        Waived("N01", "*", "r", date(2026, 12, 27)),
        Waived("H03", "web", "r", date(2026, 11, 27)),
        Waived("A01", "web", "r", date(2026, 11, 20)),
    ]
    over = ScanFinding(EXPIRED, FindingSeverity.MEDIUM, "m", "f", "web")
    found = judge_waivers(
        waivers, [finding("N01"), finding("N01", None), finding("H03"), finding("H03", "db"), over], today
    )
    assert [(one.waiver.id, one.days_left, one.findings) for one in found] == [
        ("A01", -7, 0),
        ("H03", 0, 1),
        ("N01", 30, 2),
    ]
