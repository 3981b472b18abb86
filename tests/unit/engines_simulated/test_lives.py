"""Lives of simulated containers: how they end, are paused, come back under Docker's policy, behave as told."""

from __future__ import annotations

import pytest

from controller.engines.simulated_behaviour import crash_after, flaky, job_fails, never_ready
from controller.engines.simulated_hands import Hands
from controller.model.desired import DockerRestart
from controller.model.names import ReplicaId
from controller.model.observed import Health, ReplicaPhase
from tests.builders import NOW, checked, create, healthy, job, replica, restart, service, start, stop, view
from tests.unit.engines_simulated.simulations import launch, only, run, world

pytestmark = pytest.mark.unit


def test_what_was_to_come_of_one_life_does_not_come_in_the_next() -> None:
    simulation = world(checked())
    made, over = launch(simulation)
    again = run(simulation, restart(made), at=over + 1.0)
    assert only(simulation, over + 2.5).health is Health.STARTING
    assert only(simulation, again + 2.1).ready_since == pytest.approx(again + 2.0)


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


def test_a_restart_is_another_life_of_the_same_container() -> None:
    simulation = world(service(), views={"web": view(replica(1, restarts=3))})
    over = run(simulation, restart("web-1-id"))
    seen = only(simulation, over)
    assert (seen.id, seen.started_at, seen.restarts) == ("web-1-id", pytest.approx(NOW + 0.7), 0)
    assert seen.life != replica(1, restarts=3).life


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


def test_sickness_lasts_until_the_next_life() -> None:
    simulation = world(checked(), views={"web": view(healthy(1))})
    Hands(simulation).sicken(ReplicaId("web-1-id"), NOW)
    assert only(simulation, NOW + 99).health is Health.UNHEALTHY
    over = run(simulation, restart("web-1-id"), at=NOW + 99)
    assert only(simulation, over + 3).health is Health.HEALTHY
