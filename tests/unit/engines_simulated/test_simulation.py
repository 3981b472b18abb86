"""The simulated world: states over virtual time, judged by what a look shows."""

from __future__ import annotations

import pytest

from controller.engines.simulated_behaviour import crash_after, create_refused, flaky, job_fails, never_ready
from controller.engines.simulated_hands import Hands
from controller.engines.simulated_world import Simulation
from controller.model.desired import DockerRestart
from controller.model.names import ReplicaId
from controller.model.observed import Health, Mount, Replica, ReplicaPhase, ServiceView
from controller.model.steps import Outcome, Pull, Rename, Result
from controller.model.timings import Span, Timings
from tests.builders import (
    NOW,
    checked,
    create,
    empty_views,
    exited,
    healthy,
    job,
    remove,
    replica,
    restart,
    service,
    stack,
    start,
    stop,
    timings,
    view,
)

pytestmark = pytest.mark.unit

CALLS = {Span.CREATE: 0.1, Span.START: 0.2, Span.STOP: 0.5, Span.REMOVE: 0.0, Span.READY: 2.0}
LEARNED = timings(web=CALLS, migrate={**CALLS, Span.RUN: 3.0}, side=CALLS)


def world(*services, views=None, learned=LEARNED) -> Simulation:
    wanted = stack(*services)
    return Simulation(wanted, views if views is not None else empty_views(wanted), learned, NOW)


def only(simulation: Simulation, now: float, name: str = "web") -> Replica:
    replicas = simulation.view(name, now).replicas
    assert len(replicas) == 1
    return replicas[0]


def run(simulation: Simulation, *steps, at: float = NOW) -> float:
    """Do the steps, all of which succeed; when they are over."""
    outcomes = simulation.perform(steps, at)
    assert [outcome.result for outcome in outcomes] == [Result.DONE] * len(steps)
    return at + sum(outcome.seconds for outcome in outcomes)


def launch(simulation: Simulation, name: str = "web", revision: str = "v1", at: float = NOW) -> tuple[ReplicaId, float]:
    """Create and start number 1; its id, and when the start is over."""
    over = run(simulation, create(1, revision, service=name), at=at)
    made = only(simulation, over, name).id
    return made, run(simulation, start(made, service=name), at=over)


def refusal(outcomes: tuple[Outcome, ...]) -> Result:
    assert len(outcomes) == 1
    assert outcomes[0].message
    return outcomes[0].result


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


def test_what_was_to_come_of_one_life_does_not_come_in_the_next() -> None:
    simulation = world(checked())
    made, over = launch(simulation)
    again = run(simulation, restart(made), at=over + 1.0)
    assert only(simulation, over + 2.5).health is Health.STARTING
    assert only(simulation, again + 2.1).ready_since == pytest.approx(again + 2.0)


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


def test_a_paused_one_cannot_hear_the_signal_and_start_unpauses_it() -> None:
    simulation = world(service(), views={"web": view(replica(1))})
    hands = Hands(simulation)
    hands.pause(ReplicaId("web-1-id"), NOW)
    assert only(simulation, NOW).phase is ReplicaPhase.PAUSED
    over = run(simulation, start("web-1-id"))
    assert only(simulation, over) == replica(1)
    hands.pause(ReplicaId("web-1-id"), over)
    stopped = run(simulation, stop("web-1-id", grace=4.0), at=over)
    assert stopped == pytest.approx(over + 4.0)
    assert only(simulation, stopped).exit_code == 137


def test_what_was_due_while_paused_happens_afterwards() -> None:
    simulation = world(checked())
    made, over = launch(simulation)
    Hands(simulation).pause(made, over + 1)
    assert only(simulation, over + 60).phase is ReplicaPhase.PAUSED
    run(simulation, start(made), at=over + 60)
    assert only(simulation, over + 61).ready_since == over + 60


def test_what_was_due_while_paused_dies_with_its_life() -> None:
    simulation = world(checked())
    made, over = launch(simulation)
    Hands(simulation).pause(made, over + 1)
    simulation.advance(over + 60)
    again = run(simulation, restart(made), at=over + 60)
    Hands(simulation).pause(made, again)
    run(simulation, start(made), at=again)
    assert only(simulation, again + 1).health is Health.STARTING


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


def test_a_restart_is_another_life_of_the_same_container() -> None:
    simulation = world(service(), views={"web": view(replica(1, restarts=3))})
    over = run(simulation, restart("web-1-id"))
    seen = only(simulation, over)
    assert (seen.id, seen.started_at, seen.restarts) == ("web-1-id", pytest.approx(NOW + 0.7), 0)
    assert seen.life != replica(1, restarts=3).life


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
    assert simulation.view("web", over).pulled_at == pytest.approx(over)
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


def test_a_job_ends_with_0_after_its_time() -> None:
    simulation = world(job())
    _, over = launch(simulation, "migrate")
    assert only(simulation, over + 2.9, "migrate").phase is ReplicaPhase.RUNNING
    seen = only(simulation, over + 3.1, "migrate")
    assert (seen.phase, seen.exit_code, seen.finished_at) == (ReplicaPhase.EXITED, 0, pytest.approx(over + 3.0))


def test_a_job_fails_as_often_as_scripted() -> None:
    simulation = world(job())
    simulation.behave("migrate", job_fails(2, exit_code=7))
    made, over = launch(simulation, "migrate")
    codes = []
    for _ in range(3):
        over += 3.5
        codes.append(only(simulation, over, "migrate").exit_code)
        over = run(simulation, start(made, service="migrate"), at=over)
    assert codes == [7, 7, 0]


@pytest.mark.parametrize(
    ("policy", "exit_code", "returns"),
    [
        (DockerRestart.NO, 1, False),
        (DockerRestart.ALWAYS, 0, True),
        (DockerRestart.UNLESS_STOPPED, 1, True),
        (DockerRestart.ON_FAILURE, 1, True),
        (DockerRestart.ON_FAILURE, 0, False),
    ],
)
def test_dockers_policy_acts_after_a_crash(policy: DockerRestart, exit_code: int, returns: bool) -> None:
    simulation = world(service(docker_restart=policy), views={"web": view(replica(1))})
    Hands(simulation).crash(ReplicaId("web-1-id"), NOW, exit_code)
    down = only(simulation, NOW)
    assert down.phase is (ReplicaPhase.RESTARTING if returns else ReplicaPhase.EXITED)
    assert (down.exit_code, down.finished_at) == (exit_code, NOW)
    later = only(simulation, NOW + 60)
    assert (later.phase is ReplicaPhase.RUNNING, later.restarts) == (returns, int(returns))


def test_dockers_pauses_grow_and_its_counter_too() -> None:
    simulation = world(service(docker_restart=DockerRestart.ALWAYS))
    simulation.behave("web", crash_after(0.01))
    made, over = launch(simulation)
    starts = [only(simulation, at).restarts for at in (over + 0.1, over + 0.3, over + 0.7, over + 1.5, over + 60)]
    assert starts == [0, 1, 2, 3, 9]
    stopped = run(simulation, stop(made), at=over + 60)
    assert only(simulation, stopped + 600).phase is ReplicaPhase.EXITED


def test_stopped_while_it_waits_to_come_back_it_keeps_how_it_ended() -> None:
    simulation = world(service(docker_restart=DockerRestart.ALWAYS), views={"web": view(replica(1))})
    Hands(simulation).crash(ReplicaId("web-1-id"), NOW, 9)
    over = run(simulation, stop("web-1-id"), at=NOW + 0.05)
    seen = only(simulation, over + 60)
    assert (seen.phase, seen.exit_code, seen.finished_at) == (ReplicaPhase.EXITED, 9, NOW)


def test_a_long_life_starts_dockers_pauses_anew() -> None:
    simulation = world(service(docker_restart=DockerRestart.ALWAYS), views={"web": view(replica(1))})
    hands, name, now = Hands(simulation), ReplicaId("web-1-id"), NOW
    for _ in range(6):
        hands.crash(name, now)
        now += 8.0
    hands.crash(name, now)
    assert only(simulation, now + 3.0).phase is ReplicaPhase.RESTARTING
    now += 30.0
    hands.crash(name, now)
    assert only(simulation, now + 0.11).phase is ReplicaPhase.RUNNING


def test_a_kill_by_hand_switches_the_policy_off_until_the_next_start() -> None:
    simulation = world(service(docker_restart=DockerRestart.ALWAYS), views={"web": view(replica(1))})
    hands, name = Hands(simulation), ReplicaId("web-1-id")
    hands.kill(name, NOW)
    assert (only(simulation, NOW + 99).phase, only(simulation, NOW + 99).exit_code) == (ReplicaPhase.EXITED, 137)
    over = run(simulation, start(name), at=NOW + 99)
    hands.crash(name, over + 1)
    assert only(simulation, over + 60).restarts == 1


def test_scripts_are_kept_per_revision() -> None:
    simulation = world(checked())
    simulation.behave("web", never_ready(), "v2")
    _, over = launch(simulation, revision="v2")
    assert only(simulation, over + 900).health is Health.STARTING
    over = run(simulation, create(2, "v1"), at=over + 900)
    made = simulation.view("web", over).replicas[1]
    over = run(simulation, start(made.id, 2), at=over)
    assert simulation.view("web", over + 3).replicas[1].health is Health.HEALTHY


def test_a_refused_create_makes_nothing() -> None:
    simulation = world(service())
    simulation.behave("web", create_refused())
    assert refusal(simulation.perform([create(1)], NOW)) is Result.REJECTED
    assert simulation.view("web", NOW + 9).replicas == ()


def test_a_flaky_one_goes_up_and_down_in_one_life() -> None:
    simulation = world(checked())
    simulation.behave("web", flaky(5.0))
    _, over = launch(simulation)
    seen = [only(simulation, over + 2.0 + at).health for at in (1.0, 6.0, 11.0)]
    assert seen == [Health.HEALTHY, Health.UNHEALTHY, Health.HEALTHY]
    assert only(simulation, over + 14).started_at == pytest.approx(over)


def test_a_crash_may_be_for_the_first_lives_only() -> None:
    simulation = world(service())
    simulation.behave("web", crash_after(1.0, 3, lives=1))
    made, over = launch(simulation)
    assert only(simulation, over + 2).exit_code == 3
    over = run(simulation, start(made), at=over + 2)
    assert only(simulation, over + 99).phase is ReplicaPhase.RUNNING


def test_observed_ones_go_on_where_they_were() -> None:
    starting = replica(1, health=Health.STARTING, check=checked().readiness, started_at=NOW - 1.5)
    simulation = world(checked(), views={"web": view(starting)})
    assert simulation.next_change(NOW) == pytest.approx(NOW + 0.5)
    assert only(simulation, NOW + 1).ready_since == pytest.approx(NOW + 0.5)


def test_an_observed_job_ends_when_its_time_is_over() -> None:
    running = replica(1, service="migrate", started_at=NOW - 2.0)
    simulation = world(job(), views={"migrate": view(running)})
    assert only(simulation, NOW + 0.9, "migrate").phase is ReplicaPhase.RUNNING
    ended = only(simulation, NOW + 5, "migrate")
    assert (ended.exit_code, ended.finished_at) == (0, NOW + 1.0)


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


def test_sickness_lasts_until_the_next_life() -> None:
    simulation = world(checked(), views={"web": view(healthy(1))})
    Hands(simulation).sicken(ReplicaId("web-1-id"), NOW)
    assert only(simulation, NOW + 99).health is Health.UNHEALTHY
    over = run(simulation, restart("web-1-id"), at=NOW + 99)
    assert only(simulation, over + 3).health is Health.HEALTHY
