"""Rules over what was measured: unknown is never an alert."""

from __future__ import annotations

import pytest

from controller.alerts.rules import find_symptoms
from controller.model.alert import MEASURED, METRICS, AlertPolicy, Comparison, Rule, Threshold
from controller.model.phases import Phase
from controller.model.usage import Figures, ServiceUsage
from tests.unit.alerts.story import service, status

pytestmark = pytest.mark.unit

MIB = 1 << 20
TOTAL = Figures(0.5, 90 * MIB, 100 * MIB, 1024.0, 2048.0, 0.0, 4096.0, 7, 1.0)


def told(metric: str, value: float, usage: dict[str, ServiceUsage], phase: Phase = Phase.READY) -> list[str]:
    rule = Rule("r", Threshold(metric, Comparison.ABOVE, value))
    seen = status(service("web", phase))
    return [one.message for one in find_symptoms(seen, AlertPolicy(False, rules=(rule,)), {}, "", usage)]


USED = {"web": ServiceUsage(TOTAL, custom={"jobs": 17.0})}


@pytest.mark.parametrize(
    ("metric", "value", "message"),
    [
        ("cpu", 0.4, "cpu is 0.5 (> 0.4)"),
        ("cpu_ratio", 0.4, "cpu_ratio is 0.5 (> 0.4)"),
        ("memory", 64 * MIB, "memory is 90Mi (> 64Mi)"),
        ("memory_ratio", 0.8, "memory_ratio is 0.9 (> 0.8)"),
        ("network_received", 1000, "network_received is 1Ki (> 0.977Ki)"),
        ("network_sent", 1024, "network_sent is 2Ki (> 1Ki)"),
        ("disk_written", 0, "disk_written is 4Ki (> 0B)"),
        ("processes", 6, "processes is 7 (> 6)"),
        ("jobs", 16, "jobs is 17 (> 16)"),
    ],
)
def test_what_passes_a_value(metric: str, value: float, message: str) -> None:
    assert told(metric, value, USED) == [message]
    assert told(metric, 1e18, USED) == []


@pytest.mark.parametrize("metric", [*MEASURED, "jobs"])
@pytest.mark.parametrize("usage", [{}, {"web": ServiceUsage()}, {"db": USED["web"]}])
def test_unknown_is_never_an_alert(metric: str, usage: dict[str, ServiceUsage]) -> None:
    assert told(metric, -1.0, usage) == []


def test_every_metric_is_had() -> None:
    assert {metric for metric in METRICS if told(metric, -1.0, USED)} == set(METRICS)


def test_nothing_of_what_a_person_stopped() -> None:
    assert told("cpu", 0.1, USED, Phase.STOPPED) == []


def test_only_rules_that_ask_for_it_need_what_was_measured() -> None:
    policy = lambda metric: AlertPolicy(rules=(Rule("r", Threshold(metric, Comparison.ABOVE, 1)),))  # noqa: E731
    assert policy("cpu").measures and policy("jobs").measures
    assert not policy("restarts").measures and not AlertPolicy(rules=(Rule("r", Phase.FAILED),)).measures
