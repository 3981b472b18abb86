"""Updates that begin from trouble: unready old replicas, an edit in mid-update, a dependency that flaps."""

from dataclasses import replace
from itertools import product

import pytest

from controller.engines.simulated_behaviour import crash_after, flaky, never_ready
from controller.model.desired import Condition, FailureAction, Need, Order, UpdatePolicy
from controller.model.observed import Health
from tests.builders import HEALTHY, NOW, checked, job, service, stack
from tests.property.bringing import UP, farm, life_of, live, queue_of, shop, starts
from tests.property.life import Event, begin
from tests.property.rules import floor_of

pytestmark = pytest.mark.unit

POLICIES = [
    pytest.param(order, parallelism, id=f"{order} by {parallelism or 'all'}")
    for order, parallelism in product(Order, (0, 1, 2))
]


@pytest.mark.parametrize(("order", "parallelism"), POLICIES)
@pytest.mark.parametrize("sick", [(0,), (2,), (0, 1), (1, 2), (0, 1, 2)], ids=str)
def test_unready_old_replicas_are_replaced_first_and_cost_no_serving_one(order, parallelism, sick) -> None:
    wanted = farm(3, order, parallelism)
    blows = (Event(UP, "sicken", "web", number) for number in sick)
    play = begin(life_of(wanted, *blows, Event(UP, "edit", "web", 2)))
    play.run(NOW + UP)
    floor = min(floor_of(wanted.services["web"]), 3 - len(sick))
    least = 3
    while play.now < NOW + UP + 60:
        play.run(play.now + 0.1)
        least = min(least, play.rules.serving("web"))
    assert least >= floor
    play.run(NOW + 1000)
    play.rules.check_goal()
    assert play.simulation.containers.made == 6


@pytest.mark.parametrize(("order", "parallelism"), POLICIES)
def test_old_replicas_that_never_became_ready_do_not_block_the_fix_for_themselves(order, parallelism) -> None:
    wanted = farm(3, order, parallelism)
    live(life_of(wanted, Event(UP, "edit", "web", 2), behaviours={("web", "v1"): never_ready()}))


@pytest.mark.parametrize(("order", "parallelism"), POLICIES)
@pytest.mark.parametrize("back", [False, True], ids=["to another revision", "back to where it came from"])
def test_an_edit_at_any_point_of_an_update_ends_where_the_last_one_wants_it(order, parallelism, back) -> None:
    wanted = farm(3, order, parallelism)
    for tenths in range(0, 200, 13):
        again = Event(UP + tenths / 10, "edit", "web", 1 if back else 3)
        play = begin(life_of(wanted, Event(UP, "edit", "web", 2), again))
        least = 3
        play.run(NOW + UP)
        while play.now < NOW + UP + 60:
            play.run(play.now + 0.2)
            least = min(least, play.rules.serving("web"))
        play.run(NOW + 600)
        play.rules.check_goal()
        assert least >= floor_of(wanted.services["web"]), f"edit after {tenths / 10} s"


@pytest.mark.parametrize(("order", "parallelism"), POLICIES)
def test_a_change_of_scale_at_any_point_of_an_update_keeps_who_serves(order, parallelism) -> None:
    for tenths, replicas in product(range(0, 200, 25), (1, 5)):
        scaled = Event(UP + tenths / 10, "scale", "web", replicas)
        live(life_of(farm(3, order, parallelism), Event(UP, "edit", "web", 2), scaled, until=700))


@pytest.mark.parametrize(("order", "parallelism"), POLICIES)
def test_an_edit_with_a_scale_down_makes_nothing_new_before_there_is_room(order: Order, parallelism: int) -> None:
    events = (Event(UP, "scale", "web", 2), Event(UP, "edit", "web", 2))
    live(life_of(farm(5, order, parallelism), *events, until=400))


@pytest.mark.parametrize("period", [0.7, 3.0, 11.0])
def test_a_dependency_that_flaps_in_mid_update_stops_nobody_and_spins_nothing(period: float) -> None:
    """A release that is kept although it fails; one that is taken back flaps for a moment only."""
    wanted = shop(Order.STOP_FIRST, 1, 3)
    db = replace(wanted.services["db"], update=UpdatePolicy(failure_action=FailureAction.CONTINUE))
    wanted = replace(wanted, services={**wanted.services, "db": db})
    life = life_of(
        wanted,
        Event(UP, "edit", "db", 2),
        Event(UP + 8, "edit", "web", 2),
        behaviours={("db", "v2"): flaky(period)},
        until=UP + 1200,
    )
    play = begin(life)
    play.run(NOW + UP)
    least = 3
    while play.now < NOW + UP + 1200:
        play.run(play.now + 1.0)
        least = min(least, play.rules.serving("web"))
    assert least >= 2
    assert starts(play)["web"] == 6, "each replica of each revision started once"


def test_a_dependency_that_crashes_in_mid_update_holds_the_next_batch_and_finishes_the_one_begun() -> None:
    wanted = shop(Order.STOP_FIRST, 1, 3)
    crashes = {("db", "v1"): crash_after(30.0, lives=3)}
    play = live(life_of(wanted, Event(UP, "edit", "web", 2), Event(UP + 1.0, "kill", "db"), behaviours=crashes))
    assert starts(play)["web"] == 6


@pytest.mark.parametrize("order", Order)
def test_dependents_are_updated_after_what_they_depend_on(order: Order) -> None:
    play = live(life_of(shop(order), Event(UP, "edit", "web", 2), Event(UP, "edit", "db", 2)))
    (db,) = play.simulation.containers.of("db")
    for web in play.simulation.containers.of("web"):
        assert (web.started_at or 0.0) > (db.ready_since or 0.0) >= NOW + UP


@pytest.mark.parametrize("after", [1.0, 2.0, 3.0, 5.0])
def test_a_new_replica_that_is_about_to_follow_its_dependency_takes_nobodys_place_yet(after: float) -> None:
    """The dependency is made anew while the new one comes up: when that is ready it has to restart first."""
    web = checked(
        "web", 1, needs={"db": Need(HEALTHY, restart=True)}, update=UpdatePolicy(Order.START_FIRST, 1, monitor=0.0)
    )
    events = (Event(UP, "edit", "web", 2), Event(UP + after, "remove", "db"))
    play = begin(life_of(stack(checked("db"), web), *events, ready={"web": 8.0}))
    play.run(NOW + UP + 4)
    while any(r.base.revision == "v1" and r.up for r in play.simulation.containers.of("web")):
        assert play.now < NOW + UP + 60
        play.run(play.now + 0.1)
    assert [r.health for r in play.simulation.containers.of("web") if r.base.revision == "v2"] == [Health.HEALTHY]
    assert starts(play)["web"] == 3
    play.run(NOW + 600)
    play.rules.check_goal()


@pytest.mark.parametrize("replaced", ["kill", "edit"], ids=["restarted", "replaced"])
def test_restart_true_follows_a_replacement_once_and_no_mere_restart(replaced: str) -> None:
    web = checked("web", 2, needs={"db": Need(Condition.HEALTHY, restart=True)})
    play = live(life_of(stack(checked("db"), web), Event(UP, replaced, "db", 2)))
    assert starts(play)["web"] == (4 if replaced == "edit" else 2)


def test_a_namespace_follows_its_owner_whatever_stands_in_the_way() -> None:
    side = checked("side", needs={"web": HEALTHY}, namespace_of="web")
    live(life_of(stack(checked("web"), side), Event(UP, "edit", "web", 2), Event(UP + 1, "edit", "side", 2)))


def test_a_slot_that_its_waiter_no_longer_wants_goes_to_the_next() -> None:
    wanted = queue_of(checked("a", priority=3), checked("b", priority=2), checked("c", priority=1))
    play = begin(life_of(wanted, Event(3.0, "stop", "b"), ready={"a": 30.0}))
    play.run(NOW + 60)
    assert play.rules.serving("c") == 1


def test_who_never_becomes_ready_gives_its_slot_back_with_the_start_timeout() -> None:
    wanted = queue_of(checked("a", priority=3, start_timeout=20.0), checked("b"))
    play = begin(life_of(wanted, behaviours={("a", ""): never_ready()}))
    play.run(NOW + 200)
    assert play.rules.serving("b") == 1


def test_a_job_that_runs_long_gives_its_slot_back_with_the_start_timeout() -> None:
    wanted = queue_of(job("a", priority=3, start_timeout=20.0), checked("b"))
    play = begin(life_of(wanted, runs=100.0))
    play.run(NOW + 10)
    assert play.rules.serving("b") == 0
    play.run(NOW + 60)
    assert play.rules.serving("b") == 1


def test_a_serving_replica_is_not_stopped_before_its_successor_has_a_slot() -> None:
    wanted = queue_of(checked("a", start_timeout=300.0), checked("web", update=UpdatePolicy(Order.STOP_FIRST, 1)))
    play = begin(
        life_of(wanted, Event(UP, "edit", "a", 2), Event(UP + 5, "edit", "web", 2), ready={"a": 60.0}, until=600)
    )
    for later in (6, 30, 55):
        play.run(NOW + UP + later)
        assert [r.revision for r in play.simulation.view("web", play.now).replicas if r.running] == ["v1"]
    play.run(NOW + 600)
    play.rules.check_goal()


def test_priority_decides_who_gets_a_slot_first() -> None:
    wanted = queue_of(*(checked(name, priority=place) for place, name in enumerate("abcd")))
    play = live(life_of(wanted))
    assert [name for name, action, _ in play.done if action == "start"] == ["d", "c", "b", "a"]


def test_who_restarts_after_one_that_shares_a_namespace_is_updated_after_the_namespaces_owner() -> None:
    """The one in the middle is not edited, and yet is replaced with its owner: it is settled only after that."""
    update = UpdatePolicy(order=Order.START_FIRST, monitor=5.0)
    wanted = stack(
        checked("owner"),
        service("guest", namespace_of="owner", needs={"owner": Need(Condition.STARTED)}),
        checked("web", needs={"guest": Need(Condition.STARTED, restart=True)}, update=update),
    )
    play = begin(life_of(wanted, Event(UP, "edit", "owner", 2), Event(UP, "edit", "web", 2)))
    play.run(NOW + UP)
    least = 1
    while play.now < NOW + UP + 120:
        play.run(play.now + 0.1)
        least = min(least, play.rules.serving("web"))
    play.rules.check_goal()
    assert least == 1
