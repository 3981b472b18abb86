"""Rows of bars out of a rehearsal: who does what when, what is not known, and which way takes longest."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from controller.decide.rehearsal import rehearse
from controller.decide.world import make_world
from controller.engines.simulated_behaviour import create_refused
from controller.engines.simulated_world import Simulation
from controller.model.desired import Condition, DesiredService, Order, StackPolicy, StartupMode, UpdatePolicy
from controller.model.observed import Health, Replica, ServiceView
from controller.model.plan import Plan, Row
from controller.model.resources import NO_ROOM_KNOWN, Admission, Amount, Claims, Limit, Room
from controller.model.timings import Span, Timings
from tests.builders import HEALTHY, NOW, checked, empty_views, healthy, job, replica, service, stack, timings, view

pytestmark = pytest.mark.unit

CALLS = {Span.PULL: 4.0, Span.CREATE: 0.1, Span.START: 0.3, Span.STOP: 0.4, Span.REMOVE: 0.1, Span.READY: 1.0}
TIMES = timings(web=CALLS, db=CALLS, cache={**CALLS, Span.READY: 0.2}, slow={**CALLS, Span.READY: 9.0})


def planned(
    *services: DesiredService,
    views: Mapping[str, ServiceView] | None = None,
    known: Timings = TIMES,
    policy: StackPolicy | None = None,
    room: Room = NO_ROOM_KNOWN,
) -> Plan:
    wanted = stack(*services, policy=policy or StackPolicy())
    seen = {**empty_views(wanted), **(views or {})}
    world = make_world(wanted)
    world.views = dict(seen)
    world.measure(room, {})
    return rehearse(world, Simulation(wanted, seen, known, NOW), NOW)


def rows(plan: Plan) -> dict[str, str]:
    """`web: wait 0-1.4 (db), start 1.4-1.7 …` by service."""
    return {row.service: tell(row) for row in plan.timeline}


def tell(row: Row) -> str:
    bars = [f"{bar.doing} {bar.at:g}-{bar.end:.4g}{f' ({bar.of})' if bar.of else ''}" for bar in row.bars]
    why = row.unknown_doing or row.unknown_after
    unknown = [] if row.unknown_from is None else [f"unknown from {row.unknown_from:g} ({why})"]
    return ("* " if row.critical else "") + ", ".join([*bars, *unknown])


def test_a_cold_start_has_its_calls_its_waits_and_the_times_to_ready() -> None:
    plan = planned(checked("db"), checked("web", needs={"db": HEALTHY}))
    assert rows(plan) == {
        "db": "* create 0-0.1, start 0.1-0.4, ready 0.4-1.4",
        "web": "* create 0-0.1, wait 0.1-1.4 (db), start 1.4-1.7, ready 1.7-2.7",
    }
    assert plan.seconds == pytest.approx(2.7)


def test_an_image_ahead_of_need_is_fetched_while_others_start() -> None:
    away = {"web": view(image_id=None)}
    row = rows(planned(checked("db"), checked("web", needs={"db": HEALTHY}), views=away))["web"]
    assert row == "* pull 0-4, create 4-4.1, start 4.1-4.4, ready 4.4-5.4"


def test_the_critical_path_goes_from_who_is_done_last_to_whom_it_waited_for_last() -> None:
    needs = {"slow": HEALTHY, "db": HEALTHY}
    plan = planned(checked("db"), checked("slow"), checked("cache"), checked("web", needs=needs))
    assert [row.service for row in plan.timeline if row.critical] == ["slow", "web"]


def test_who_is_held_up_by_itself_begins_the_path() -> None:
    away = {"slow": view(image_id=None)}
    plan = planned(checked("db"), checked("slow", needs={"db": HEALTHY}), views=away)
    assert [row.service for row in plan.timeline if row.critical] == ["slow"]


def test_a_service_that_is_only_started_is_waited_for_until_it_runs() -> None:
    plan = planned(checked("db"), checked("web", needs={"db": Condition.STARTED}))
    assert rows(plan)["web"] == "* create 0-0.1, wait 0.1-0.4 (db), start 0.4-0.7, ready 0.7-1.7"


def test_a_service_without_a_check_gets_ready_by_running_for_a_while() -> None:
    assert rows(planned(service("web")))["web"] == "* create 0-0.1, start 0.1-0.4, ready 0.4-1.4"


def test_a_job_runs_to_its_end() -> None:
    known = Timings({**TIMES.samples, **timings(migrate={**CALLS, Span.RUN: 5.0}).samples})
    plan = planned(job(), checked("web", needs={"migrate": Condition.COMPLETED}), known=known)
    assert rows(plan)["migrate"] == "* create 0-0.1, start 0.1-0.4, run 0.4-5.4"
    assert "wait 0.1-5.4 (migrate)" in rows(plan)["web"]


def test_who_waits_for_a_slot_waits_for_nobody() -> None:
    plan = planned(checked("db"), checked("web"), policy=StackPolicy(mode=StartupMode.SEQUENTIAL))
    assert rows(plan)["web"] == "* create 0-0.1, wait 0.1-1.4, start 1.4-1.7, ready 1.7-2.7"
    assert plan.waits == ()
    assert rows(plan)["db"].startswith("* "), "which has had the slot"


SHORT = Room(memory=64 * 2**20, most=Limit(memory=512 * 2**20))
LARGE = Claims(reserved=Amount(memory=128 * 2**20))


def lacks(*services: DesiredService, known: Timings = TIMES, room: Room = NO_ROOM_KNOWN, limit: int | None = None):
    """What each waits for that is no service, in the end or where it is not known how it goes on."""
    policy = StackPolicy(max_parallel=limit, admission=Admission.ENFORCE)
    return {row.service: row.lack for row in planned(*services, known=known, policy=policy, room=room).timeline}


def test_what_is_waited_for_of_the_machine_has_its_name() -> None:
    plan = planned(checked("db"), checked("web"), policy=StackPolicy(mode=StartupMode.SEQUENTIAL))
    assert [(bar.of, bar.lack) for row in plan.timeline for bar in row.bars if bar.doing == "wait"] == [
        ("", "a start slot")
    ]
    assert lacks(checked("db"), checked("web"), limit=1) == {"db": "", "web": ""}, "it gets one, and it is known when"
    assert lacks(checked("db"), checked("web"), limit=1, known=Timings()) == {"db": "", "web": "a start slot"}
    assert lacks(checked("db"), checked("web", claims=LARGE), room=SHORT) == {"db": "", "web": "memory"}
    assert lacks(checked("web", claims=LARGE), room=SHORT, known=Timings()) == {"web": "memory"}


def serving(count: int) -> dict[str, ServiceView]:
    return {"web": view(*(healthy(number) for number in range(1, count + 1)))}


def test_a_replacement_that_starts_first_is_watched_before_the_old_one_goes() -> None:
    update = UpdatePolicy(Order.START_FIRST, 1, monitor=2.0)
    plan = planned(checked("web", 1, "v2", update=update), views=serving(1))
    assert rows(plan)["web"] == (
        "* create 0-0.1, start 0.1-0.4, ready 0.4-1.4, watch 1.4-3.4, stop 3.4-3.8, remove 3.8-3.9"
    )
    assert {bar.replica for row in plan.timeline for bar in row.bars} == {"web-1", "web-2"}


def test_a_replacement_that_stops_first_makes_room() -> None:
    update = UpdatePolicy(Order.STOP_FIRST, 1, monitor=2.0)
    plan = planned(checked("web", 1, "v2", update=update), views=serving(1))
    assert rows(plan)["web"] == (
        "* stop 0-0.4, remove 0.4-0.5, create 0.5-0.6, start 0.6-0.9, ready 0.9-1.9, watch 1.9-3.9"
    )


def test_who_is_out_of_its_names_drains_until_it_stops() -> None:
    update = UpdatePolicy(Order.START_FIRST, 1, monitor=0.0)
    old = {"web": view(healthy(1, by_name=True))}
    plan = planned(checked("web", 1, "v2", update=update, pre_stop_delay=3.0), views=old)
    assert rows(plan)["web"].endswith("ready 0.4-1.4, drain 1.4-4.4, stop 4.4-4.8, remove 4.8-4.9")


def test_who_is_too_much_drains_too() -> None:
    both = {"web": view(healthy(1, by_name=True), healthy(2, by_name=True))}
    plan = planned(checked("web", 1, pre_stop_delay=3.0), views=both)
    assert rows(plan)["web"] == "* drain 0-3, stop 3-3.4, remove 3.4-3.5"
    assert [step.action for step in plan.steps] == ["disconnect", "stop", "remove"] and plan.settles


def test_a_first_start_is_unknown_and_so_is_all_that_waits_for_it() -> None:
    plan = planned(checked("new"), checked("db"), checked("web", needs={"db": HEALTHY, "new": HEALTHY}))
    assert rows(plan) == {
        "db": "create 0-0.1, start 0.1-0.4, ready 0.4-1.4",
        "new": "unknown from 0 (create)",
        "web": "create 0-0.1, wait 0.1-1.4 (db), unknown from 1.4 (new)",
    }
    assert not any(row.critical for row in plan.timeline)


def test_what_comes_before_the_first_unknown_is_known() -> None:
    known = timings(web={span: seconds for span, seconds in CALLS.items() if span is not Span.STOP})
    plan = planned(
        checked("web", 1, "v2", update=UpdatePolicy(Order.START_FIRST, monitor=0.0)), views=serving(1), known=known
    )
    assert rows(plan)["web"] == "create 0-0.1, start 0.1-0.4, ready 0.4-1.4, unknown from 1.4 (stop)"


def test_steps_have_the_seconds_that_were_measured() -> None:
    plan = planned(checked("new"), checked("db"))
    assert {(step.service, step.action): step.seconds for step in plan.steps} == {
        ("db", "create"): 0.1,
        ("db", "start"): 0.3,
        ("new", "create"): None,
        ("new", "start"): None,
    }


def test_what_never_comes_is_waited_for_to_the_end() -> None:
    wanted = stack(checked("db"), checked("web", needs={"db": HEALTHY}))
    simulation = Simulation(wanted, empty_views(wanted), TIMES, NOW)
    simulation.behave("db", create_refused())
    plan = rehearse(make_world(wanted), simulation, NOW)
    (row,) = plan.timeline
    assert not plan.settles and row.service == "web"
    assert [bar.doing for bar in row.bars] == ["create", "wait"] and row.bars[-1].of == "db"


def test_who_does_nothing_has_no_row() -> None:
    plan = planned(checked("web"), checked("db"), views={"web": view(healthy()), "db": view(_running("db"))})
    assert plan.timeline == ()


def _running(name: str) -> Replica:
    return healthy(service=name)


def test_a_restart_is_one_stretch() -> None:
    sick = replica(phase=healthy().phase, alive=Health.UNHEALTHY, health=Health.UNHEALTHY, check=healthy().check)
    plan = planned(checked("web", liveness=healthy().check), views={"web": view(sick)})
    assert rows(plan)["web"] == "* restart 0-0.7, ready 0.7-1.7"
