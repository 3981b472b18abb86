"""The shapes that programs rely on (docs/cli.md): every key, and no other."""

from __future__ import annotations

import json

import pytest

from controller.model.applied import ServiceResult, StackResult
from controller.model.errors import Finding
from controller.model.phases import Phase
from controller.render.data import endpoints_data, events_data, findings_data, service_data, status_data
from controller.render.result import result_data
from tests.builders import NOW, exited, healthy, replica
from tests.unit.cli.statuses import condition, event, service_status, stack_status

pytestmark = pytest.mark.unit

READY = {
    "type": "Ready",
    "status": "True",
    "reason": "Because",
    "message": "a sentence.",
    "lastTransitionTime": "1970-01-01T00:16:10.000Z",
}


def test_status() -> None:
    stack = stack_status(
        service_status("web", Phase.READY, healthy(1, restarts=2), conditions=(condition("Ready", "True"),)),
        conditions=(condition("Ready", "True"),),
    )
    assert status_data([stack]) == {
        "stacks": [
            {
                "name": "shop",
                "phase": "Converged",
                "generation": 3,
                "conditions": [READY],
                "services": [
                    {
                        "name": "web",
                        "phase": "Ready",
                        "reason": "Ready",
                        "message": "",
                        "desired": 1,
                        "ready": 1,
                        "updated": 1,
                        "restarts": 2,
                        "since": "1970-01-01T00:15:40.000Z",
                        "waitsFor": None,
                        "nextTry": None,
                        "conditions": [READY],
                        "replicas": [
                            {
                                "id": "web-1-id",
                                "name": "shop-web-1",
                                "phase": "running",
                                "health": "healthy",
                                "restarts": 2,
                                "configHash": "hash-v1",
                                "image": "web:1",
                                "drift": [],
                                "exitCode": None,
                                "oomKilled": False,
                            }
                        ],
                    }
                ],
            }
        ]
    }


def test_what_programs_are_told_of_one_that_keeps_falling_over() -> None:
    fell = exited(1, exit_code=137, oom_killed=True, last_output="no room\n")
    again = replica(2, exit_code=1, oom_killed=True)
    web = service_status("web", Phase.CRASH_LOOP, fell, again, wake_at=NOW + 4, restarted={fell.id: 7}, waits_for="db")
    told = service_data(web)
    assert (told["restarts"], told["waitsFor"], told["nextTry"]) == (7, "db", "1970-01-01T00:16:44.000Z")
    assert [(one["restarts"], one["exitCode"], one["oomKilled"]) for one in told["replicas"]] == [
        (0, 137, True),
        (0, None, False),
    ], "how an earlier life ended is nothing that the present one is"
    assert [one["lastOutput"] for one in service_data(web, words=True)["replicas"]] == ["no room\n", ""]
    assert "lastOutput" not in told["replicas"][0]


@pytest.mark.parametrize("phase", [Phase.READY, Phase.STARTING, Phase.UPDATING, Phase.PAUSED])
def test_a_wake_of_one_with_which_nothing_is_wrong_is_no_try(phase: Phase) -> None:
    assert service_data(service_status("web", phase, wake_at=NOW + 4))["nextTry"] is None


def test_nothing_known() -> None:
    assert status_data([]) == {"stacks": []}


def test_apply_of_one_stack_and_of_several() -> None:
    web = ServiceResult("web", "Ready", 1.23456, "db", 2, None)
    one = StackResult("shop", 4, "Converged", True, 2.5, (web,))
    shape = {
        "stack": "shop",
        "generation": 4,
        "outcome": "Converged",
        "seconds": 2.5,
        "services": [
            {
                "name": "web",
                "outcome": "Ready",
                "seconds": 1.235,
                "waitedFor": "db",
                "attempts": 2,
                "downtimeSeconds": None,
            }
        ],
    }
    assert result_data([one]) == shape
    assert result_data([one, one]) == {"stacks": [shape, shape]}


def test_validate() -> None:
    finding = Finding("is not a duration", "a.yaml", 3, 7, "spec.startup.timeout", "write 10s")
    assert findings_data([finding, Finding("broken")]) == {
        "errors": [
            {
                "file": "a.yaml",
                "line": 3,
                "column": 7,
                "path": "spec.startup.timeout",
                "message": "is not a duration",
                "hint": "write 10s",
            },
            {"file": None, "line": None, "column": None, "path": None, "message": "broken", "hint": None},
        ]
    }


def test_endpoints_and_events_are_plain_json() -> None:
    ready = healthy(1, address="172.18.0.2", published=("127.0.0.1:80->80/tcp",))
    data = endpoints_data([stack_status(service_status("web", Phase.READY, ready))])
    assert data["endpoints"][0] == {
        "stack": "shop",
        "service": "web",
        "addresses": ["172.18.0.2"],
        "published": ["127.0.0.1:80->80/tcp"],
        "exposed": [
            {
                "service": "web",
                "address": "127.0.0.1:80->80/tcp",
                "target": 80,
                "protocol": "tcp",
                "reachableFrom": "machine",
            }
        ],
    }
    told = events_data([event(count=3, first_at=NOW - 65)])["events"][0]
    assert (told["count"], told["firstTime"], told["time"]) == (
        3,
        "1970-01-01T00:15:35.000Z",
        "1970-01-01T00:16:35.000Z",
    )
    json.dumps([data, told])
