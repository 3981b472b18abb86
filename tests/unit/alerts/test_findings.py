"""What of a scan somebody has to hear of: what runs, the worst first, and waivers that are over."""

from __future__ import annotations

from datetime import date

import pytest

from controller.alerts.findings import RULE, WAIVER, find_findings
from controller.model.alert import Severity
from controller.model.scanning import Acceptance, FindingSeverity, FindingSource, Rule, ScanFinding

pytestmark = pytest.mark.unit

RUNNING = FindingSource.RUNNING


def finding(
    rule: str, severity: str, service: str | None = "web", source: FindingSource = RUNNING, *, waived: bool = False
) -> ScanFinding:
    worth = FindingSeverity(severity)
    accepted = Acceptance("known", date(2030, 1, 1)) if waived else None
    made = Rule(rule, worth, "title", "why", f"mend {rule}")
    return ScanFinding(made, worth, f"says {rule}", made.fix, service, source=source, accepted=accepted)


def test_what_only_files_say_or_is_waived_or_is_not_bad_is_no_alert() -> None:
    found = [finding("H03", "critical", source=FindingSource.COMPOSE), finding("X02", "medium")]
    assert find_findings([*found, finding("H01", "high", waived=True)]) == ()


def test_of_a_service_the_worst_is_named_with_its_mend_and_the_sum_is_not() -> None:
    [one] = find_findings([finding("X01", "high"), finding("N01", "high"), finding("H03", "critical")])
    assert (one.rule, one.service, one.severity) == (RULE, "web", Severity.CRITICAL)
    assert one.message == "what runs: H03 says H03; mend: mend H03; and 1 more, see controller scan"
    [alone] = find_findings([finding("X01", "high")])
    assert (alone.severity, alone.message) == (Severity.WARNING, "what runs: X01 says X01; mend: mend X01")


def test_each_service_has_its_own_and_what_is_no_service_s_is_the_stack_s() -> None:
    found = find_findings([finding("X03", "high", None), finding("H01", "high", "db"), finding("H01", "high")])
    assert {one.service for one in found} == {None, "db", "web"}
    assert all(one.alone and not one.follows for one in found)


@pytest.mark.parametrize(("hid", "severity"), [("medium", Severity.INFO), ("high", Severity.WARNING)])
def test_waivers_that_are_over_are_one_alert(hid: str, severity: Severity) -> None:
    source = FindingSource.COMPOSE
    [one] = find_findings([finding("A01", "medium", "db", source), finding("A01", hid, None, source)])
    assert (one.rule, one.service, one.severity) == (WAIVER, None, severity)
    assert "db: says A01" in one.message and "project: says A01" in one.message
