"""The plan as text: golden, because people read it before they say yes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace as replaced

import pytest

from controller.model.desired import Order
from controller.model.plan import Held, Plan, PlannedStep, PlannedUpdate, PlannedWait
from controller.render.data import plan_data
from controller.render.plan import plan_lines

pytestmark = pytest.mark.unit


def step(at: float | None, action: str, replica: str, because: str = "missing") -> PlannedStep:
    return PlannedStep("shop", at, action, replica.rsplit("-", 1)[0], replica, because)


def update(service: str, order: Order, because: str, parallelism: int = 1, monitor: float = 5.0) -> PlannedUpdate:
    return PlannedUpdate("shop", service, order, because, parallelism, monitor)


def replace(number: int, begin: float) -> Sequence[PlannedStep]:
    name, why = f"web-{number}", "replaced by a newer revision"
    acts = (("stop", 0.0), ("remove", 0.4), ("create", 0.6), ("start", 0.7))
    return tuple(step(begin + after, action, name, why) for action, after in acts)


def test_a_cold_start_with_learned_times() -> None:
    plan = Plan(
        "shop",
        steps=(
            step(0.0, "create", "db-1"),
            step(0.0, "create", "web-1"),
            step(0.1, "start", "db-1"),
            step(1.2, "start", "web-1"),
        ),
        waits=(PlannedWait("shop", 1.2, "web", "db", 1.1),),
        seconds=2.04,
        downtime={"db": 0.0},
    )
    assert plan_lines([plan]) == [
        "shop  4 changes",
        "    +0.0s  create   db-1   missing",
        "    +0.0s  create   web-1  missing",
        "    +0.1s  start    db-1   missing",
        "    +1.2s  wait     web    for db · usually 1.1 s",
        "    +1.2s  start    web-1  missing",
        "  4 changes · time about 2.0 s · downtime none",
    ]


def test_repeats_are_told_once_and_named() -> None:
    plan = Plan("shop", steps=(*replace(3, 0), *replace(2, 5), *replace(1, 10)), seconds=15, downtime={"web": 2.5})
    assert plan_lines([plan]) == [
        "shop  12 changes",
        "    +0.0s  stop     web-3  replaced by a newer revision",
        "    +0.4s  remove   web-3  replaced by a newer revision",
        "    +0.6s  create   web-3  replaced by a newer revision",
        "    +0.7s  start    web-3  replaced by a newer revision",
        "           then the same for web-2 and web-1, until +10.7s",
        "  12 changes · time about 15.0 s · downtime web 2.5 s",
    ]


def test_how_each_service_is_replaced_is_one_line() -> None:
    updates = (
        update("api", Order.START_FIRST, "nothing forbids it"),
        update("db", Order.STOP_FIRST, "mounts the writable volume data", parallelism=0, monitor=0.5),
        replaced(update("new", Order.STOP_FIRST, ""), pre_stop_delay=5.0),
    )
    lines = plan_lines([Plan("shop", steps=replace(1, 0), updates=updates, downtime={"db": 2.5, "new": None})])
    assert lines[-4:] == [
        "  api: start-first (nothing forbids it), 1 at a time, monitor 5 s · drain: none · downtime none",
        "  db: stop-first (mounts the writable volume data), all at once, monitor 0.5 s · drain: none · downtime 2.5 s",
        "  new: stop-first (as asked for), 1 at a time, monitor 5 s · drain: none, out of its names 5 s before its end"
        " · downtime unknown",
        "  4 changes · time unknown (first start) · downtime db 2.5 s, new unknown",
    ]


def test_what_differs_is_never_folded() -> None:
    plan = Plan("shop", steps=(*replace(3, 0), *(step(9, s.action, "web-2", "unhealthy") for s in replace(2, 5))))
    assert "then the same" not in "\n".join(plan_lines([plan]))


def test_a_first_start_has_no_numbers() -> None:
    plan = Plan(
        "shop",
        steps=(step(0.0, "create", "db-1"), step(None, "start", "db-1"), step(None, "start", "web-1")),
        waits=(PlannedWait("shop", None, "web", "db", None),),
    )
    assert plan_lines([plan])[2:] == [
        "        ?  start    db-1   missing",
        "        ?  wait     web    for db · unknown (first start)",
        "        ?  start    web-1  missing",
        "  3 changes · time unknown (first start) · downtime none",
    ]
    assert plan_data([plan])["predictedSeconds"] is None


def test_nothing_to_do_and_why_nothing_is_done() -> None:
    held = Plan("shop", held=(Held("shop", None, "AdoptionHeld", "it would replace web"),))
    assert plan_lines([Plan("blog"), held]) == [
        "blog  as desired, nothing to do (0 changes)",
        "",
        "shop  nothing will be done (0 changes)",
        "     held  whole stack  AdoptionHeld: it would replace web",
    ]


def test_a_plan_that_never_rests_says_so() -> None:
    lines = plan_lines([Plan("shop", steps=(step(0.0, "start", "web-1"),), settles=False)])
    assert lines[-1].strip().startswith("does not settle")


def test_the_shape_for_programs() -> None:
    plan = Plan(
        "shop",
        steps=(step(0.00049, "create", "web-1"),),
        waits=(PlannedWait("shop", 0.5, "web", "db", None),),
        held=(Held("shop", "db", "Paused", "by hand"),),
        updates=(update("web", Order.START_FIRST, "free", 2),),
        seconds=1.23456,
        downtime={"web": None},
    )
    assert plan_data([plan]) == {
        "changes": 1,
        "steps": [
            {
                "stack": "shop",
                "at": 0.0,
                "action": "create",
                "service": "web",
                "replica": "web-1",
                "because": "missing",
                "seconds": None,
            }
        ],
        "held": [{"stack": "shop", "service": "db", "reason": "Paused", "message": "by hand"}],
        "waits": [{"stack": "shop", "at": 0.5, "service": "web", "waitsFor": "db", "seconds": None}],
        "updates": [
            {
                "stack": "shop",
                "service": "web",
                "order": "start-first",
                "because": "free",
                "parallelism": 2,
                "drainSeconds": None,
                "handsOver": False,
                "preStopSeconds": 0.0,
            }
        ],
        "timeline": [],
        "predictedSeconds": 1.235,
        "predictedDowntime": {"shop": {"web": None}},
        "settles": True,
    }


def test_one_unknown_stack_makes_the_whole_time_unknown() -> None:
    assert plan_data([Plan("a", seconds=1.0), Plan("b", seconds=3.0)])["predictedSeconds"] == 3.0
    assert plan_data([Plan("a", seconds=1.0), Plan("b")])["predictedSeconds"] is None
