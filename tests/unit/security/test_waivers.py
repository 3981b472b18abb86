"""Findings that are accepted until a day, and waivers that are over or serve nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from controller.model.scanning import FindingSeverity, ScanFinding, gated
from controller.security.scan import all_rules
from controller.security.waivers import Waived, accept

pytestmark = pytest.mark.unit

TODAY = date(2026, 5, 1)
SOCKET = ScanFinding(all_rules()["H01"], FindingSeverity.CRITICAL, "x", "y", "web")
FLAT = ScanFinding(all_rules()["W07"], FindingSeverity.MEDIUM, "x", "y", "db")
HOST = ScanFinding(all_rules()["D06"], FindingSeverity.LOW, "x", "y")


def waiver(id_: str, service: str, days: int = 1) -> Waived:
    return Waived(id_, service, "known", TODAY + timedelta(days=days), "shop.yaml", 7, 9, "spec.waivers[0]")


def told(found: tuple[ScanFinding, ...]) -> list[tuple[str, str | None, str, bool]]:
    return [(one.rule.id, one.service, str(one.severity), one.accepted is not None) for one in found]


@pytest.mark.parametrize("days", [0, 1])
def test_accepted(days: int) -> None:
    """Its last day counts."""
    found = accept([SOCKET, FLAT], [waiver("H01", "web", days)], TODAY)
    assert told(found) == [("H01", "web", "critical", True), ("W07", "db", "medium", False)]
    assert gated(found, FindingSeverity.HIGH) == []


def test_over() -> None:
    """It is as bad as what it hid, which counts again."""
    found = accept([SOCKET], [waiver("H01", "web", -1)], TODAY)
    assert told(found) == [("H01", "web", "critical", False), ("A01", "web", "critical", False)]
    assert found[1].message == "the waiver of H01 ended on 2026-04-30"
    assert (found[1].place, found[1].column, found[1].path) == ("shop.yaml:7", 9, "spec.waivers[0]")
    assert [one.rule.id for one in gated(found, FindingSeverity.HIGH)] == ["H01", "A01"]


def test_over_and_for_nothing() -> None:
    """Nothing is there that it would still hide."""
    assert told(accept([], [waiver("H01", "web", -1)], TODAY)) == [("A01", "web", "info", False)]


def test_of_the_project_alone() -> None:
    both = [HOST, replace(HOST, service="web")]
    assert [accepted for *_, accepted in told(accept(both, [waiver("D06", "-")], TODAY))] == [True, False]
    idle = accept([replace(HOST, service="web")], [waiver("D06", "-")], TODAY)[1]
    assert (idle.rule.id, idle.service) == ("A02", None)


@pytest.mark.parametrize("only", ["volumes[0]", "services.web.volumes[0]"])
def test_of_one_place(only: str) -> None:
    found = [replace(SOCKET, path=f"services.web.volumes[{number}]") for number in (0, 1)]
    assert [accepted for *_, accepted in told(accept(found, [waiver("H01", "web")._replace(only=only)], TODAY))] == [
        True, False
    ]  # fmt: skip


def test_of_what_is_about_to_start() -> None:
    one = waiver("H01", "web")
    assert one.is_of("H01", "web") and waiver("H01", "*").is_of("H01", "web")
    assert not one.is_of("H02", "web") and not one.is_of("H01", "db") and not waiver("H01", "-").is_of("H01", "web")
    narrow = one._replace(only="volumes[0]")
    assert narrow.is_of("H01", "web", "volumes[0]") and not narrow.is_of("H01", "web", "volumes[1]")


@pytest.mark.parametrize("which", [waiver("H02", "web"), waiver("H01", "db")])
def test_idle(which: Waived) -> None:
    found = accept([SOCKET], [which], TODAY)
    assert told(found) == [("H01", "web", "critical", False), ("A02", which.service, "info", False)]


def test_of_all_services() -> None:
    """And of what is no service's."""
    found = accept([SOCKET, replace(SOCKET, service="db"), HOST], [waiver("H01", "*"), waiver("D06", "*")], TODAY)
    assert [accepted for *_, accepted in told(found)] == [True, True, True]


def test_one_that_holds_beside_one_that_is_over() -> None:
    found = accept([SOCKET], [waiver("H01", "web", -1), waiver("H01", "web", 5)], TODAY)
    assert told(found)[0] == ("H01", "web", "critical", True)
    assert told(found)[1] == ("A01", "web", "info", False)
    assert gated(found, FindingSeverity.LOW) == []


def test_one_that_holds_for_some_of_it() -> None:
    """What no other one hides counts, and the waiver that is over with it."""
    both = [replace(SOCKET, path=f"services.web.volumes[{number}]") for number in (0, 1)]
    narrow = waiver("H01", "web")._replace(only="volumes[0]")
    assert told(accept(both, [waiver("H01", "web", -1), narrow], TODAY))[2] == ("A01", "web", "critical", False)


@pytest.mark.parametrize("id_", ["A01", "A02"])
def test_of_waivers_themselves(id_: str) -> None:
    (found,) = accept([], [waiver(id_, "web")], TODAY)
    assert found.message == f"the waiver of {id_} is for nothing: what is said of waivers cannot be waived"


@pytest.mark.parametrize(
    ("word", "meant"),
    [("h01", "H01"), ("H1", "H01"), ("CL-0001", "H01"), ("d6355c88", "H01"), ("W077", "W07"), ("privileged", None)],
)
def test_of_a_rule_that_there_is_not(word: str, meant: str | None) -> None:
    (found,) = accept([], [waiver(word, "web")], TODAY)
    ending = f"; did you mean {meant}?" if meant else ", docs/security.md lists them"
    assert found.message == f"the waiver of {word} is for nothing: there is no rule {word}{ending}"
    assert told((found,)) == [("A02", "web", "info", False)]
