"""`describe`: the conditions of a service as kubectl shows them, and what a hand changed, in text and in JSON."""

from __future__ import annotations

import pytest

from controller.model.observed import Difference, Replica
from controller.model.phases import Phase
from controller.render.data import replica_data
from controller.render.describe import describe_service
from tests.builders import NOW, healthy
from tests.unit.cli.statuses import condition, service_status, stack_status

pytestmark = pytest.mark.unit

GREW = Difference("HostConfig.Memory", "64 MiB", "128 MiB")


def shown(web: Replica, *conditions) -> list[str]:
    service = service_status("web", Phase.READY, web, conditions=conditions)
    return describe_service(stack_status(service), service, (), NOW)


def test_conditions_stand_between_the_fields_and_the_replicas() -> None:
    lines = shown(healthy(1), condition("Ready", "True", "Ready", "1 of 1 replica ready"), condition("Stable", "False"))
    at = lines.index("Conditions:")
    assert lines[at + 1 : at + 5] == [
        "  TYPE     STATUS   REASON    SINCE   MESSAGE",
        "  Ready    True     Ready     30s     1 of 1 replica ready",
        "  Stable   False    Because   30s     a sentence.",
        "Replicas:",
    ]
    assert "Conditions: <none>" in shown(healthy(1)), "as an older version kept it"


def test_a_wake_is_called_a_try_only_where_something_is_wrong() -> None:
    loops = service_status("web", Phase.CRASH_LOOP, healthy(1), wake_at=NOW + 4, restarted={"web-1-id": 7})
    coming = service_status("web", Phase.STARTING, healthy(1), wake_at=NOW + 4)
    fell, starts = (describe_service(stack_status(one), one, (), NOW) for one in (loops, coming))
    assert ("Next try:   in 4s" in fell, "Next look:  in 4s" in starts) == (True, True)
    assert "    Restarts:  7" in fell, "whoever started it again"


@pytest.mark.parametrize(
    ("change", "text", "data"),
    [
        ({}, "<none>", []),
        ({"drift": ()}, "<none>", []),
        (
            {"limits": (GREW,), "drift": ("Memory",)},
            "HostConfig.Memory is 128 MiB, not 64 MiB",
            [{"path": "HostConfig.Memory", "wanted": "64 MiB", "seen": "128 MiB"}],
        ),
        (
            {"lost": ("front",), "proper_name": "shop-web-2"},
            "Networks.front is not connected, Name is shop-web-1, not shop-web-2",
            [
                {"path": "Networks.front", "wanted": "connected", "seen": "not connected"},
                {"path": "Name", "wanted": "shop-web-2", "seen": "shop-web-1"},
            ],
        ),
        (
            {"lost": ("front",), "by_name": False},
            "Networks.front is not found by its names",
            [{"path": "Networks.front", "wanted": "found by its names", "seen": "not found by its names"}],
        ),
        (
            {"otherwise": ("Env",), "drift": ("Env",)},
            "Env is not as asked for",
            [{"path": "Env", "wanted": "as asked for", "seen": "not as asked for"}],
        ),
        (
            {"drift": ("Cmd", "Env")},
            "Cmd, Env",
            [{"path": "Cmd", "wanted": None, "seen": None}, {"path": "Env", "wanted": None, "seen": None}],
        ),
    ],
)
def test_what_differs_is_told_alike_in_text_and_in_json(change, text, data) -> None:
    web = healthy(1, **change)
    assert f"    Drift:     {text}" in shown(web)
    assert replica_data(web)["drift"] == data
