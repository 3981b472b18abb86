"""Rules and channels out of their manifests, and what of them can never hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from controller.intake.alerting import check_rules, read_channels, read_policy
from controller.model.alert import AlertPolicy, Comparison, Rule, Severity, Threshold
from controller.model.channel import Channel
from controller.model.manifest import Controller, Stack
from controller.model.phases import Phase

pytestmark = pytest.mark.unit


def stack(metrics: dict[str, Any] | None = None, **alerting: Any) -> Stack:
    document = {"apiVersion": "controller/v1", "kind": "Stack", "metadata": {"name": "shop"}}
    return Stack.model_validate({**document, "spec": {"alerting": alerting, "metrics": metrics}})


def test_a_bare_project_has_the_built_in_rules_and_all_channels() -> None:
    assert read_policy(None) == read_policy(stack()) == AlertPolicy()


def test_rules() -> None:
    short = {"name": "short", "metric": "ready_ratio", "op": "<", "value": 0.5, "for": "1m", "severity": "critical"}
    slow = {"name": "slow", "phase": "Starting", "services": ["web"], "labels": {"a": "b"}, "channels": ["ops"]}
    assert read_policy(stack(builtin=False, repeat="1h", channels=["x"], rules=[short, slow])) == AlertPolicy(
        builtin=False,
        channels=("x",),
        repeat=3600.0,
        rules=(
            Rule("short", Threshold("ready_ratio", Comparison.BELOW, 0.5), 60.0, Severity.CRITICAL),
            Rule("slow", Phase.STARTING, services=("web",), labels={"a": "b"}, channels=("ops",)),
        ),
    )


def test_a_phase_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError, match="CrashLoopBackOff"):
        stack(rules=[{"name": "x", "phase": "CrashLoop"}])


def test_a_metric_that_nobody_measures_is_told() -> None:
    rule = {"name": "busy", "metric": "cpus", "op": ">", "value": 0.9}
    (finding,) = check_rules(stack(rules=[rule]), ["web"])
    assert "nothing measures 'cpus'" in finding.message
    assert finding.hint == "did you mean 'cpu'?"
    for known in ("cpu", "memory_ratio", "restarts"):
        assert list(check_rules(stack(rules=[{**rule, "metric": known}]), [])) == []
    assert list(check_rules(None, [])) == []


def test_a_metric_of_the_stacks_own_is_known() -> None:
    rule = {"name": "busy", "metric": "jobs", "op": ">", "value": 9}
    jobs = {"name": "jobs", "service": "web", "exec": "echo 1"}
    assert list(check_rules(stack({"custom": [jobs]}, rules=[rule]), [])) == []
    assert len(list(check_rules(stack(rules=[rule]), []))) == 1


def test_a_metric_that_is_switched_off_is_told() -> None:
    rules = [{"name": name, "metric": name, "op": ">", "value": 9} for name in ("cpu", "restarts")]
    (finding,) = check_rules(stack({"enabled": False}, rules=rules), [])
    assert finding.message == "'cpu' is not measured while metrics.enabled is false: the rule never holds"


def test_channels() -> None:
    channels = {
        "b": {"url": "json://here"},
        "a": {"urlFile": "a.url", "minSeverity": "critical"},
        "c": {"urlEnv": "C", "alertmanager": True},
    }
    document = {"apiVersion": "controller/v1", "kind": "Controller", "spec": {"alertChannels": channels}}
    found = read_channels(Controller.model_validate(document), Path("/etc/shop"))
    assert found == (
        Channel("a", url_file=Path("/etc/shop/a.url"), min_severity=Severity.CRITICAL),
        Channel("b", url="json://here"),
        Channel("c", url_env="C", alertmanager=True),
    )
    assert "json://here" not in repr(found)


def test_a_rule_for_a_service_that_is_none_and_a_second_one_of_a_name_are_told() -> None:
    rule = {"name": "up", "phase": "Ready"}
    findings = list(check_rules(stack(rules=[{**rule, "services": ["wbe"]}, rule]), ["web"]))
    assert [finding.message for finding in findings] == [
        "rule 'up' is for service 'wbe', which there is not",
        "a second rule is called 'up': they are taken for one",
    ]
    assert findings[0].hint == "did you mean 'web'?"
