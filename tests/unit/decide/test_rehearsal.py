"""The rehearsal where not all goes well: what is refused, crashes or never settles."""

import pytest

from controller.decide.rehearsal import HORIZON, rehearse
from controller.decide.world import make_world
from controller.engines.simulated_behaviour import Behaviour, crash_after, create_refused, never_ready
from controller.engines.simulated_world import Simulation
from controller.model.decision import Hold
from controller.model.desired import Order, UpdatePolicy
from controller.model.observed import Health, Replica
from controller.model.plan import Plan, PlannedUpdate
from controller.model.timings import Span
from tests.builders import HEALTHY, NOW, checked, empty_views, healthy, probe, replica, stack, timings, view

pytestmark = pytest.mark.unit

CALLS = {Span.CREATE: 0.1, Span.START: 0.3, Span.STOP: 0.4, Span.REMOVE: 0.1, Span.READY: 1.0}
TIMES = timings(web=CALLS, db=CALLS, slow={**CALLS, Span.READY: 20.0})


def rehearsed(*services, **behaviours: Behaviour) -> Plan:
    wanted = stack(*services)
    simulation = Simulation(wanted, empty_views(wanted), TIMES, NOW)
    for name, behaviour in behaviours.items():
        simulation.behave(name, behaviour)
    return rehearse(make_world(wanted), simulation, NOW)


def actions(plan: Plan, name: str) -> list[str]:
    return [step.action for step in plan.steps if step.service == name]


def test_what_is_refused_is_no_step_and_holds_nobody_else_up() -> None:
    plan = rehearsed(checked("db"), checked("web", 3), db=create_refused())
    assert actions(plan, "db") == []
    assert actions(plan, "web") == ["create"] * 3 + ["start"] * 3
    assert not plan.settles


def test_who_waits_for_what_is_refused_is_made_and_not_started() -> None:
    plan = rehearsed(checked("db"), checked("web", needs={"db": HEALTHY}), db=create_refused())
    assert actions(plan, "web") == ["create"]
    assert not plan.settles


def test_a_crash_that_passes_settles_and_its_gaps_add_up() -> None:
    plan = rehearsed(checked("web"), checked("slow"), web=crash_after(3.0, lives=2))
    assert actions(plan, "web") == ["create", "start", "start", "start"]
    assert plan.settles
    assert plan.downtime == {"web": pytest.approx(2.6)}


def test_one_that_is_not_alive_is_restarted_once() -> None:
    """What a probe says of one life says nothing of the next."""
    wanted = stack(checked("web", liveness=probe()))
    dead = replica(health=Health.UNHEALTHY, alive=Health.UNHEALTHY, check=probe())
    world = make_world(wanted)
    world.views = {"web": view(dead)}
    plan = rehearse(world, Simulation(wanted, world.views, TIMES, NOW), NOW)
    assert actions(plan, "web") == ["restart"]
    assert plan.settles


def test_one_that_is_never_ready_and_alive_is_not_restarted() -> None:
    plan = rehearsed(checked("web", liveness=probe()), web=never_ready())
    assert actions(plan, "web") == ["create", "start"]
    assert not plan.settles


@pytest.mark.parametrize("behaviour", [crash_after(0.5), never_ready()], ids=["crashes", "never ready"])
def test_what_never_settles_is_said_and_ends(behaviour: Behaviour) -> None:
    plan = rehearsed(checked("web"), web=behaviour)
    assert not plan.settles
    assert plan.seconds is not None and plan.seconds <= HORIZON + 300


def test_what_is_replaced_is_told_with_its_order_and_what_only_starts_or_goes_is_not() -> None:
    by_choice = UpdatePolicy(Order.STOP_FIRST, 2, monitor=1.0, because="it has a volume")
    wanted = stack(checked("web", 2, "v2", update=by_choice), checked("db"), checked("slow"))
    views = {"web": view(healthy(1), healthy(2)), "db": view(), "slow": view(*(of("slow", n) for n in (1, 2)))}
    plan = rehearse(make_world(wanted), Simulation(wanted, views, TIMES, NOW), NOW)
    assert plan.updates == (PlannedUpdate("shop", "web", Order.STOP_FIRST, "it has a volume", 2, 1.0),)


def of(service: str, number: int) -> Replica:
    return healthy(number, service=service)


def test_a_held_stack_is_one_line() -> None:
    wanted = stack(checked("web"))
    world = make_world(wanted)
    world.hold = Hold("AdoptionHeld", "ask first")
    plan = rehearse(world, Simulation(wanted, empty_views(wanted), TIMES, NOW), NOW)
    assert [(held.service, held.reason, held.message) for held in plan.held] == [(None, "AdoptionHeld", "ask first")]
    assert plan.steps == ()


def test_times_are_unknown_from_the_first_guess_on() -> None:
    wanted = stack(checked("web"))
    plan = rehearse(make_world(wanted), Simulation(wanted, {"web": view(image_id=None)}, timings(), NOW), NOW)
    assert [step.at for step in plan.steps] == [0.0, None, None]
    assert plan.seconds is None
