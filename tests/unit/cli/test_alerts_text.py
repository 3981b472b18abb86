"""How alerts and silences are told, and to programs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.model.alert import Alert, Severity, Silence, Told
from controller.render.alerts import Shown, alert_lines, alerts_data, silence_lines

pytestmark = pytest.mark.unit

DB = Alert(
    "5f0c2d1e", "shop", "db", "ServiceDown", Severity.CRITICAL, "no replica is ready\x1b[31m", 0.0, 60.0,
    affects=("api", "web"), told={"ops": Told(Severity.CRITICAL, 61.0)},
)  # fmt: skip
ENGINE = Alert("00aa00aa", "shop", None, "EngineUnavailable", Severity.WARNING, "no answer", 100.0, 160.0)


def test_a_table_in_the_manner_of_kubectl() -> None:
    assert alert_lines([Shown(DB), Shown(ENGINE, "acknowledged by ada")], 200.0) == [
        "ID         SEVERITY   STATE          AGE     OBJECT    RULE                MESSAGE",
        "5f0c2d1e   critical   Firing         3m20s   shop/db   ServiceDown         "
        "no replica is ready\\x1b[31m (affects api and web)",
        "00aa00aa   warning    Acknowledged   100s    shop      EngineUnavailable   no answer",
    ]
    assert alert_lines([], 0.0) == ["No alerts."]
    assert alert_lines([Shown(DB)], 200.0, wide=True)[1].split()[6] == "ops"


@pytest.mark.parametrize(
    ("shown", "state"),
    [
        (Shown(DB), "Firing"),
        (Shown(DB, "silenced by ada"), "Silenced"),
        (Shown(replace(DB, quiet_since=70.0)), "Settling"),
        (Shown(replace(DB, resolved_at=70.0), "silenced by ada"), "Resolved"),
    ],
)
def test_states(shown: Shown, state: str) -> None:
    assert shown.state == state


def test_silences_are_told_below() -> None:
    silence = Silence(2, 3700.0, "ada", 0.0, ("db",), ("Flapping", "OutOfMemory"), "moving house")
    assert silence_lines([("shop", silence), ("blog", Silence(1, 160.0, "bob", 0.0))], 100.0) == [
        "silence 2: shop, db, rule Flapping or OutOfMemory, for 60m more, by ada: moving house",
        "silence 1: blog, all services, for 60s more, by bob",
    ]


def test_the_shape_for_programs() -> None:
    data = alerts_data([Shown(DB)], [("shop", Silence(1, 160.0, "bob", 0.0))])
    assert data["alerts"][0] == {
        "id": "5f0c2d1e", "stack": "shop", "service": "db", "rule": "ServiceDown", "severity": "critical",
        "state": "Firing", "message": "no replica is ready\x1b[31m", "hushed": "", "since": "1970-01-01T00:00:00.000Z",
        "firedAt": "1970-01-01T00:01:00.000Z", "resolvedAt": None, "affects": ["api", "web"], "also": [], "labels": {},
        "told": {"ops": "1970-01-01T00:01:01.000Z"},
    }  # fmt: skip
    assert data["silences"] == [
        {"id": 1, "stack": "shop", "services": [], "rules": [], "until": "1970-01-01T00:02:40.000Z", "by": "bob",
         "comment": ""}
    ]  # fmt: skip
