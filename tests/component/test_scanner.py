"""Scans beside a running controller: real threads and files, simulated containers, and what others see of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controller.engines.base import Nudge, NudgeAt
from controller.loop import daemon as daemons
from controller.loop.controller import Controller
from controller.loop.ground import Ground
from controller.loop.reachbook import keep_reach
from controller.loop.scanner import Pace, Scanning
from controller.model.errors import Transient
from controller.model.reach import Pair, Reach, Verdict
from controller.model.running import Running, Stranger
from tests.component.house import House, Reading, open_house
from tests.component.served import Visit, converge, visit
from tests.component.waiting import eventually

pytestmark = pytest.mark.unit

FILE = """
name: NAME
services:
  db: {image: busybox, labels: {controller.simulated.start: '0.01'}, ports: [PORT]}
  web: {image: busybox, labels: {controller.simulated.start: '0.01'}, depends_on: {db: NEED}}
""".replace("PORT", '{target: 5432, published: "5432", protocol: tcp, mode: ingress}').replace(
    "NEED", "{condition: service_started, required: true}"
)
SCAN = ", security: {scan: {}}"
STRANGER = Running(strangers=(Stranger("other-1", "network", "shop_default", "default"),))
PRIVILEGED = Running(services={"web": ({"image": "busybox", "privileged": True},)})


class Watched(Reading):
    """Tells what runs as a test says it does."""

    running = Running()
    blind = False
    looks = 0

    def look_around(self, stack: str, *, deadline: float = 10.0) -> Running:
        self.looks += 1
        if self.blind:
            raise Transient("no answer")
        return self.running

    def say(self, network: str) -> None:
        """Somebody came to a network, or left it."""
        for listener in self._listeners:
            listener.append(NudgeAt(Nudge.NETWORK, network=network))


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path, Watched(tmp_path / "world")) as house:
        yield house


def engine(house: House) -> Watched:
    assert isinstance(house.engine, Watched)
    return house.engine


@pytest.fixture
def scanners(monkeypatch: pytest.MonkeyPatch) -> list[Scanning]:
    """Those that daemons make from now on; quick ones, which look by themselves only after an hour."""
    made: list[Scanning] = []

    def make(controller: Controller, ground: Ground) -> Scanning:
        made.append(Scanning(controller, ground, Pace(3600.0, soon=0.02, gap=0.05, most=50, window=1.0, again=0.1)))
        return made[-1]

    monkeypatch.setattr(daemons, "Scanning", make)
    return made


def rules(scanners: list[Scanning], stack: str = "shop") -> set[str]:
    """Of what it found."""
    found = scanners[-1].latest.get(stack) if scanners else None
    return {one.rule.id for one in found.findings} if found is not None else set()


def open_alerts(there: Visit) -> dict[str, Any]:
    return {one["rule"]: one for one in there.get("/v1/stacks/shop/alerts")["alerts"] if one["state"] != "resolved"}


def test_a_stranger_on_a_network_is_an_event_an_alert_and_a_figure_and_is_gone_when_it_goes(
    watched: House, scanners: list[Scanning]
) -> None:
    watched.write("shop", FILE, SCAN)

    def script(there: Visit) -> None:
        converge(there)
        eventually(lambda: "W02" in rules(scanners))
        assert "Findings" not in open_alerts(there)
        engine(watched).running = STRANGER
        engine(watched).say("shop_default")
        eventually(lambda: "Findings" in open_alerts(there))
        alert = open_alerts(there)["Findings"]
        assert (
            alert["severity"] == "warning"
            and alert["service"] is None
            and alert["message"].startswith("what runs: X03")
        )
        state = there.get("/v1/stacks/shop/security")
        assert state["sources"]["running"]["high"] == 1
        assert (
            'controller_scan_findings{stack="shop",severity="high",source="running"} 1.0'
            in there.http.get("/metrics").text
        )
        engine(watched).running = Running()
        engine(watched).say("shop_default")
        eventually(lambda: watched.ear.said("FindingGone"))

    visit(watched, script)
    [came], [gone] = watched.ear.said("FindingAppeared"), watched.ear.said("FindingGone")
    assert came.startswith("high: project (running): X03") and gone == came


def test_a_container_that_was_replaced_by_a_privileged_one_is_critical(
    watched: House, scanners: list[Scanning]
) -> None:
    watched.write("shop", FILE, SCAN)

    def script(there: Visit) -> None:
        converge(there)
        eventually(lambda: "W02" in rules(scanners))
        engine(watched).running = PRIVILEGED
        web = there.get("/v1/stacks/shop/services/web")["replicas"][0]["id"]
        watched.engine.meddle("shop", lambda hands, now: hands.remove(web, now))
        eventually(lambda: "Findings" in open_alerts(there))
        alert = open_alerts(there)["Findings"]
        assert (alert["service"], alert["severity"]) == ("web", "critical") and "H03" in alert["message"]
        assert "mend: " in alert["message"] and "and 1 more" not in alert["message"]

    visit(watched, script)


def test_an_engine_that_is_away_is_no_finding_and_takes_none_away(watched: House, scanners: list[Scanning]) -> None:
    watched.write("shop", FILE, SCAN)
    engine(watched).running = STRANGER

    def script() -> None:
        eventually(lambda: "X03" in rules(scanners))
        before = scanners[-1].latest["shop"]
        engine(watched).blind = True
        engine(watched).say("shop_default")
        eventually(lambda: scanners[-1].latest["shop"].trouble)
        blind = scanners[-1].latest["shop"]
        assert "X03" in rules(scanners) and blind.looked_at == before.looked_at and blind.trouble == "no answer"
        engine(watched).blind = False
        eventually(lambda: not scanners[-1].latest["shop"].trouble)

    assert watched.run(script, watched.asked("shop")) == 0
    assert not watched.ear.said("FindingAppeared") and not watched.ear.said("FindingGone")


def test_a_newer_file_is_scanned_anew_and_one_that_asks_no_more_is_forgotten(
    watched: House, scanners: list[Scanning]
) -> None:
    watched.write("shop", FILE, SCAN)

    def script() -> None:
        eventually(lambda: "W02" in rules(scanners))
        watched.write("shop", FILE.replace("{target", "{host_ip: 127.0.0.1, target"), SCAN)
        eventually(lambda: rules(scanners) and "W02" not in rules(scanners))
        watched.write("shop", FILE)
        eventually(lambda: not scanners[-1].latest)
        assert not scanners[-1].symptoms

    assert watched.run(script, watched.asked("shop"), watch=True) == 0
    assert any("W02" in told for told in watched.ear.said("FindingGone"))


def test_a_stack_that_asks_for_nothing_is_not_looked_at(watched: House, scanners: list[Scanning]) -> None:
    watched.write("bare", FILE.replace('"5432"', '"5433"'))
    watched.write("shop", FILE, SCAN)

    def script(there: Visit) -> None:
        converge(there, "bare")
        eventually(lambda: "W02" in rules(scanners))
        assert "bare" not in scanners[-1].latest
        state = there.get("/v1/stacks/bare/security")
        assert (state["asked"], state["scannedAt"], state["findings"]) == (False, None, [])
        assert [one["reachableFrom"] for one in state["network"]["published"]] == ["everyone"]
        figures = there.http.get("/metrics").text
        assert (
            'controller_scan_time_seconds{stack="shop"}' in figures and 'scan_time_seconds{stack="bare"}' not in figures
        )

    visit(watched, script, "shop", "bare")


def test_what_is_served_is_gate_waivers_and_the_last_netcheck(watched: House, scanners: list[Scanning]) -> None:
    waiver = "{id: N01, service: db, reason: known, expires: 2020-01-31}"
    watched.write(
        "shop", FILE, f", security: {{networkPolicy: dependencies, scan: {{failOn: high, waivers: [{waiver}]}}}}"
    )

    def script(there: Visit) -> None:
        eventually(lambda: "A01" in rules(scanners))
        state = there.get("/v1/stacks/shop/security")
        assert state["gate"]["failOn"] == "high" and [one["service"] for one in state["gate"]["barred"]] == ["db"]
        [told] = state["waivers"]
        assert told["daysLeft"] < 0 and told["reason"] == "known"
        assert (state["network"]["policy"], state["network"]["check"]) == ("dependencies", None)
        pair = Pair("web", "db", 5432, True, True, False, Verdict.BLOCKED, counts=True)
        keep_reach(there.server._window.folder_of("shop"), Reach("shop", True, time.time(), (pair,)))
        check = there.get("/v1/stacks/shop/security")["network"]["check"]
        assert (check["differences"], check["pairs"][0]["verdict"]) == (1, "blocked")
        eventually(lambda: "WaiverExpired" in open_alerts(there))
        assert open_alerts(there)["WaiverExpired"]["severity"] == "info"
        figures = there.http.get("/metrics").text
        assert 'controller_scan_barred_services{stack="shop"} 1.0' in figures
        assert 'controller_scan_waivers{stack="shop"} 0.0' in figures

    visit(watched, script)


def test_who_has_no_key_is_told_nothing_and_a_stack_that_is_none_is_not_found(watched: House) -> None:
    watched.write("shop", FILE, SCAN)

    def script(there: Visit) -> None:
        converge(there)
        assert there.stranger.get("/v1/stacks/shop/security").status_code == 401
        assert there.http.get("/v1/stacks/none/security").status_code == 404

    visit(watched, script)


def test_scans_of_what_changes_all_the_time_are_bounded() -> None:
    from controller.loop.scanner import _Watch

    pace, watch = Pace(), _Watch()
    times, now = [], 0.0
    while now < 600.0:
        watch.asked = True
        now = max(now, watch.due_at(pace))
        times.append(now)
        watch.times.append(now)
        while len(watch.times) > pace.most:
            watch.times.popleft()
        now += 0.1
    assert times[:6] == pytest.approx([0.0, 3.0, 6.0, 9.0, 12.0, 15.0])
    assert all(later - first >= 180.0 for first, later in zip(times, times[6:], strict=False))
