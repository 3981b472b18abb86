"""The simulated world: what calls do over virtual time, judged by what a look shows."""

from __future__ import annotations

import pytest

from controller.engines.simulated_behaviour import create_refused, flaky
from controller.engines.simulated_hands import Hands
from controller.model.names import ReplicaId
from controller.model.observed import Health, Mount, ReplicaPhase, ServiceView
from controller.model.steps import Pull, Rename, Result
from controller.model.timings import Span, Timings
from tests.builders import (
    NOW,
    checked,
    create,
    exited,
    healthy,
    job,
    remove,
    replica,
    restart,
    service,
    start,
    stop,
    view,
)
from tests.unit.engines_simulated.simulations import launch, only, refusal, run, world

pytestmark = pytest.mark.unit


def test_a_created_container_is_seen_when_the_call_is_over() -> None:
    simulation = world(service())
    over = run(simulation, create(1))
    assert simulation.view("web", NOW + 0.05).replicas == ()
    assert simulation.changed(NOW + 0.05) == ()
    assert simulation.next_change(NOW + 0.05) == pytest.approx(over)
    assert simulation.changed(over) == ("web",)
    made = only(simulation, over)
    assert (made.phase, made.number, made.name, made.created_at) == (ReplicaPhase.CREATED, 1, "shop-web-1", over)
    assert simulation.view("web", over).taken_at == over


def test_a_checked_one_is_starting_until_it_is_ready() -> None:
    simulation = world(checked())
    _, over = launch(simulation)
    assert (only(simulation, over).phase, only(simulation, over).health) == (ReplicaPhase.RUNNING, Health.STARTING)
    ready = over + 2.0
    assert simulation.changed(over) == ("web",)
    assert simulation.next_change(over) == pytest.approx(ready)
    assert only(simulation, ready - 0.01).health is Health.STARTING
    seen = only(simulation, ready + 1)
    assert (seen.health, seen.ready_since) == (Health.HEALTHY, pytest.approx(ready))


def test_without_a_check_there_is_no_verdict() -> None:
    simulation = world(service())
    _, over = launch(simulation)
    simulation.changed(over)
    assert only(simulation, over).health is Health.NONE
    assert simulation.next_change(over) is None


def test_a_taken_number_is_a_conflict_and_makes_nothing() -> None:
    simulation = world(service(), views={"web": view(replica(1))})
    assert refusal(simulation.perform([create(1)], NOW)) is Result.CONFLICT
    assert simulation.view("web", NOW + 1).replicas == (replica(1),)


def test_a_number_is_taken_whatever_its_container_is_called() -> None:
    simulation = world(service(), views={"web": view(replica(1, name="somebody"))})
    assert refusal(simulation.perform([create(1)], NOW)) is Result.CONFLICT


def test_a_taken_container_name_is_a_conflict_across_numbers() -> None:
    simulation = world(service(container_name="solo"))
    over = run(simulation, create(1))
    assert refusal(simulation.perform([create(2)], over)) is Result.CONFLICT


def test_after_a_step_that_fails_the_rest_is_skipped() -> None:
    simulation = world(service(), views={"web": view(replica(1))})
    outcomes = simulation.perform([create(1), create(2), stop("web-1-id")], NOW)
    assert [outcome.result for outcome in outcomes] == [Result.CONFLICT, Result.SKIPPED, Result.SKIPPED]
    assert only(simulation, NOW + 60).phase is ReplicaPhase.RUNNING


@pytest.mark.parametrize(
    ("grace", "ends_after", "code"),
    [pytest.param(10.0, 0.5, 143, id="obeys"), pytest.param(0.2, 0.2, 137, id="killed after the grace")],
)
def test_a_stop_ends_with_a_code(grace: float, ends_after: float, code: int) -> None:
    simulation = world(service(), views={"web": view(replica(1))})
    over = run(simulation, stop("web-1-id", grace=grace))
    assert over == pytest.approx(NOW + ends_after)
    seen = only(simulation, over)
    assert (seen.phase, seen.exit_code, seen.finished_at) == (ReplicaPhase.EXITED, code, pytest.approx(over))


def test_nothing_more_is_to_come_of_what_was_removed() -> None:
    simulation = world(checked())
    made, over = launch(simulation)
    Hands(simulation).remove(made, over)
    assert simulation.changed(over) == ("web",)
    assert simulation.next_change(over) is None


def test_a_check_of_the_image_is_known_from_its_other_containers() -> None:
    simulation = world(service(), views={"web": view(healthy(1))})
    over = run(simulation, create(2))
    assert simulation.view("web", over).replicas[1].check == healthy(1).check


def test_removing_is_idempotent_and_refused_while_it_runs() -> None:
    simulation = world(service(), views={"web": view(replica(1))})
    assert refusal(simulation.perform([remove("web-1-id")], NOW)) is Result.CONFLICT
    over = run(simulation, stop("web-1-id"), remove("web-1-id"), remove("web-1-id"))
    assert simulation.view("web", over).replicas == ()
    run(simulation, create(1), at=over)


@pytest.mark.parametrize("step", [start("gone"), stop("gone"), restart("gone")], ids=["start", "stop", "restart"])
def test_an_unknown_id_is_a_conflict(step) -> None:
    assert refusal(world(service()).perform([step], NOW)) is Result.CONFLICT


def test_a_rename_drops_the_temporary_prefix_once_the_name_is_free() -> None:
    temporary = exited(2, id=ReplicaId("b"), name="0123456789ab_shop-web-1", temporary=True)
    simulation = world(service(), views={"web": view(exited(1), temporary)})
    rename = Rename("web", ReplicaId("b"), 2, "test")
    assert refusal(simulation.perform([rename], NOW)) is Result.CONFLICT
    over = run(simulation, remove("web-1-id"), rename)
    assert (only(simulation, over).name, only(simulation, over).temporary) == ("shop-web-1", False)


def test_a_missing_image_is_refused_until_it_is_pulled() -> None:
    simulation = world(service(), views={})
    assert refusal(simulation.perform([create(1)], NOW)) is Result.REJECTED
    over = run(simulation, Pull("web", "web:1", "test"))
    assert simulation.view("web", over).image_id is not None
    assert simulation.view("web", over).pulled == {"web:1"}
    run(simulation, create(1), at=over)


def test_a_sharer_of_a_namespace_starts_only_beside_its_running_holder() -> None:
    side = service("side", namespace_of="web")
    simulation = world(service(), side, views={"web": view(exited(1)), "side": view()})
    over = run(simulation, create(1, service="side", holder=ReplicaId("web-1-id")))
    sharer = only(simulation, over, "side")
    assert sharer.namespace_of == "web-1-id"
    assert refusal(simulation.perform([start(sharer.id, service="side")], over)) is Result.CONFLICT
    over = run(simulation, start("web-1-id"), at=over)
    run(simulation, start(sharer.id, service="side"), at=over)


def test_anonymous_volumes_are_carried_or_made_anew() -> None:
    old = exited(1, mounts=(Mount("/data", "old-volume"),))
    simulation = world(service(), views={"web": view(old)})
    over = run(simulation, create(2, carry=old.mounts), create(3))
    volumes = {seen.number: seen.mounts for seen in simulation.view("web", over).replicas}
    assert volumes[2] == old.mounts
    assert [mount.target for mount in volumes[3]] == ["/data"]
    assert volumes[3] != old.mounts


def test_a_refused_create_makes_nothing() -> None:
    simulation = world(service())
    simulation.behave("web", create_refused())
    assert refusal(simulation.perform([create(1)], NOW)) is Result.REJECTED
    assert simulation.view("web", NOW + 9).replicas == ()


def test_what_is_being_removed_goes_away() -> None:
    simulation = world(service(), views={"web": view(replica(1, phase=ReplicaPhase.REMOVING))})
    assert refusal(simulation.perform([create(1)], NOW)) is Result.CONFLICT
    assert simulation.view("web", NOW + 2).replicas == ()


def test_each_change_is_told_once_and_untouched_views_stay_the_same_object() -> None:
    views = {"web": view(replica(1)), "side": view(replica(1, service="side"))}
    simulation = world(service(), service("side"), views=views)
    over = run(simulation, stop("web-1-id"))
    assert (simulation.changed(over), simulation.changed(over + 1)) == (("web",), ())
    assert simulation.observe(over)["side"] is views["side"]


def test_unlearned_times_are_guessed_and_said() -> None:
    simulation = world(checked(), learned=Timings())
    launch(simulation)
    assert {span for name, span in simulation.guesses if name == "web"} == {Span.CREATE, Span.START, Span.READY}
    told = world(checked())
    launch(told)
    assert told.guesses == frozenset()


def test_times_that_nothing_waits_for_are_not_guesses() -> None:
    views = {"web": view(healthy(1)), "migrate": view(exited(1, exit_code=0, service="migrate"))}
    settled = world(checked(), job(), views=views, learned=Timings())
    assert settled.guesses == frozenset()
    run(settled, restart("web-1-id"))
    assert settled.guesses == {("web", Span.STOP), ("web", Span.START), ("web", Span.READY)}


def test_the_same_calls_give_the_same_world() -> None:
    def play() -> ServiceView:
        simulation = world(checked())
        simulation.behave("web", flaky(3.0))
        _, over = launch(simulation)
        return simulation.view("web", over + 20)

    assert play() == play()


def test_removal_by_hand_is_seen() -> None:
    simulation = world(service(), views={"web": view(replica(1))})
    Hands(simulation).remove(ReplicaId("web-1-id"), NOW)
    assert simulation.changed(NOW) == ("web",)
    assert simulation.view("web", NOW).replicas == ()
