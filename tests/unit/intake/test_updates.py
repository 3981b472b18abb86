"""How a service is to be updated: Compose's words, the manifest's over them, and the patience that they need."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from controller.model.desired import FailureAction, Order, Scope, UpdatePolicy, Watch
from tests.unit.intake.builders import resolved, service, stack

pytestmark = pytest.mark.unit

UPDATE: dict[str, Any] = {
    "Compose": (
        {
            "parallelism": 2,
            "delay": "1m30s",
            "monitor": "500ms",
            "failure_action": "pause",
            "max_failure_ratio": 0.3,
            "order": "stop-first",
        },
        None,
        UpdatePolicy(Order.STOP_FIRST, 2, 90.0, 0.5, FailureAction.PAUSE, 0.3, 600.0),
    ),
    "the manifest over Compose, key by key": (
        {"parallelism": 2, "delay": "10s"},
        {
            "parallelism": 0,
            "monitor": "0s",
            "failureAction": "continue",
            "progressDeadline": "1m",
            "order": "stop-first",
        },
        UpdatePolicy(Order.STOP_FIRST, 0, 10.0, 0.0, FailureAction.CONTINUE, 0.0, 60.0),
    ),
    "what Compose has no word for": (
        {},
        {"order": "start-first", "bake": "2m", "watch": "ready", "scope": "stack"},
        UpdatePolicy(Order.START_FIRST, bake=120.0, watch=Watch.READY, scope=Scope.STACK),
    ),
}
PATIENCE = [
    ("ten minutes", {}, {}, 600.0),
    ("a watch that is as long, of Compose", {"monitor": "10m"}, {}, 1200.0),
    ("a watch that is longer, of the manifest", {}, {"monitor": "1h"}, 7200.0),
    ("what is given stays", {"monitor": "10m"}, {"progressDeadline": "11m"}, 660.0),
    ("no watch at all", {}, {"watch": "ready", "monitor": "2m", "progressDeadline": "1m"}, 60.0),
]


@pytest.mark.parametrize(("config", "said", "deadline"), [pytest.param(*row[1:], id=row[0]) for row in PATIENCE])
def test_how_long_an_update_may_go_without_progress(config, said, deadline: float) -> None:
    web = service({"deploy": {"update_config": config, "rollback_config": config}}, {"update": said, "rollback": said})
    assert (web.update.progress_deadline, web.rollback.progress_deadline) == (deadline, deadline)


@pytest.mark.parametrize("section", ["update", "rollback"])
@pytest.mark.parametrize("monitor", ["1m", "2m"])
def test_a_watch_that_is_as_long_as_the_time_for_progress_is_an_error(section: str, monitor: str) -> None:
    said = {"services": {"web": {section: {"monitor": monitor, "progressDeadline": "1m"}}}}
    (found,) = resolved({"web": {}}, said).errors
    assert found.path == f"spec.services.web.{section}.progressDeadline"
    assert "every update would fail after 60 s" in found.message and "shorter monitor" in (found.hint or "")


def test_such_a_watch_of_a_startup_profile_is_told_there() -> None:
    short = {"web": {"update": {"progressDeadline": "3s"}}}
    said = {"startupProfiles": {"quick": {"services": ["web"], "overrides": short}}, "profile": "quick"}
    (found,) = resolved({"web": {}}, said).errors
    assert found.path == "spec.startupProfiles.quick.overrides.web.update.progressDeadline"


@pytest.mark.parametrize("case", UPDATE)
def test_update_policy(case: str) -> None:
    config, policy, expected = UPDATE[case]
    web = service({"deploy": {"update_config": config}}, None if policy is None else {"update": policy})
    assert web.update == expected


@pytest.mark.parametrize(
    ("said", "irreversible"),
    [
        ({}, None),
        ({"irreversible": True}, True),
        ({"irreversible": False}, False),
        ({"reversible": True}, False),
        ({"reversible": False}, True),
    ],
)
def test_whether_the_stack_goes_back_over_it(said: dict[str, bool], irreversible: bool | None) -> None:
    assert service({}, said).irreversible is irreversible


def test_both_words_on_going_back_are_refused() -> None:
    with pytest.raises(ValidationError, match="one of irreversible and reversible"):
        stack({"services": {"web": {"irreversible": True, "reversible": False}}})
