"""The prober with a hand-moved clock and no threads: when it asks, and what follows from the answers."""

import socket
from dataclasses import replace
from itertools import pairwise

import pytest

from controller.engines.base import Execution
from controller.health.prober import ASK_ANYWAY, Clocks, Prober
from controller.health.verdict import Verdict
from controller.model.observed import Health, ReplicaPhase
from tests.component.probing import PROBE, WALL, World, replica

pytestmark = pytest.mark.unit


@pytest.fixture
def world():
    return World()


def test_it_is_asked_at_once_then_fast_then_at_its_own_pace(world):
    web = replica()
    world.engine.codes[web.id] = 1
    world.prober.watch("s", "web", {web: PROBE})
    world.until(0.11)
    assert world.asked(web) == [0.0, 0.025, 0.05, 0.075, 0.1]
    assert world.health(web) is Health.STARTING
    world.engine.codes[web.id] = 0
    world.until(31.0)
    assert world.asked(web)[5:] == [0.125, 10.125, 20.125, 30.125]
    assert world.prober.verdict(web.life)[:2] == (Health.HEALTHY, WALL + 0.125)


def test_while_it_starts_pauses_grow_to_a_second(world):
    web = replica()
    world.engine.codes[web.id] = 1
    world.prober.watch("s", "web", {web: replace(PROBE, start_period=300.0)})
    world.until(30.0)
    times = world.asked(web)
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert pauses[0] == pytest.approx(0.025)
    assert pauses[-1] == pytest.approx(1.0)
    assert all(later >= earlier - 0.002 for earlier, later in pairwise(pauses))
    assert len(times) < 75


def test_a_change_is_told_once_and_a_repeat_is_not(world):
    web = replica()
    world.prober.watch("s", "web", {web: PROBE})
    world.until(25.0)
    assert world.changes == [(("s", "web"), 0.0)]
    world.engine.codes[web.id] = 1
    world.until(80.0)
    assert [key for key, _ in world.changes] == [("s", "web")] * 2
    assert world.health(web) is Health.UNHEALTHY
    assert world.prober.verdict(web.life).output == "said by web-1"


def test_who_comes_back_is_believed_after_a_second_look_soon_after(world):
    web = replica()
    world.engine.codes[web.id] = 1
    world.prober.watch("s", "web", {web: PROBE})
    world.until(60.0)
    assert world.health(web) is Health.UNHEALTHY
    asked = len(world.asked(web))
    world.engine.codes[web.id] = 0
    world.until(75.0)
    assert world.health(web) is Health.HEALTHY
    first, second = world.asked(web)[asked : asked + 2]
    assert second - first < 1.5


def test_watching_again_changes_nothing_and_a_gone_life_is_left_alone(world):
    one, two = replica(1), replica(2)
    world.prober.watch("s", "web", {one: PROBE, two: PROBE})
    world.prober.watch("s", "db", {replica(3): PROBE})
    world.until(1.0)
    world.prober.watch("s", "web", {one: PROBE, two: PROBE})
    world.until(1.5)
    assert world.asked(one) == [0.0]
    world.prober.watch("s", "web", {two: PROBE})
    world.until(10.0)
    assert (world.asked(one), world.asked(two)) == ([0.0], [0.0, 10.0])
    assert world.prober.verdict(one.life) is None
    world.prober.forget("s")
    world.until(60.0)
    assert world.asked(two) == [0.0, 10.0]
    assert world.prober.verdict(two.life) is None


def test_another_life_of_the_same_container_begins_anew(world):
    web = replica()
    world.prober.watch("s", "web", {web: PROBE})
    world.until(1.0)
    again = replace(web, started_at=WALL + 2, restarts=1)
    world.engine.codes[web.id] = 1
    world.at = 2.0
    world.prober.watch("s", "web", {again: PROBE})
    world.until(2.05)
    assert world.prober.verdict(web.life) is None
    assert world.health(again) is Health.STARTING


def test_a_result_of_an_earlier_life_is_dropped():
    world = World()
    web = replica()
    again = replace(web, started_at=WALL + 1, restarts=1)
    answers = iter([0, 1])

    def restart_while_asked(id_, command, *, timeout):
        code = next(answers)
        if code == 0:
            world.prober.watch("s", "web", {again: PROBE})
        return Execution(code, "")

    world.engine.execute = restart_while_asked
    world.prober.watch("s", "web", {web: PROBE})
    assert world.prober.run_due()
    assert world.prober.verdict(web.life) is None
    assert world.health(again) is Health.STARTING
    assert world.changes == []


def test_another_probe_for_the_same_life_keeps_its_verdict_until_it_speaks(world):
    web = replica()
    world.prober.watch("s", "web", {web: PROBE})
    world.until(1.0)
    world.engine.codes[web.id] = 1
    world.prober.watch("s", "web", {web: replace(PROBE, interval=1.0)})
    world.until(2.5)
    assert world.health(web) is Health.HEALTHY
    world.until(8.0)
    assert world.health(web) is Health.UNHEALTHY


def test_a_closed_port_spares_the_command_and_an_open_one_calls_it_at_once(world):
    web = replica(address="127.0.0.1")
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        world.prober.watch("s", "web", {web: replace(PROBE, command=("curl", f"http://localhost:{port}/"))})
        world.until(0.3)
        assert world.asked(web) == []
        reserved.listen()
        world.until(0.33)
    assert len(world.asked(web)) == 1
    assert 0.3 <= world.asked(web)[0] <= 0.33
    assert world.health(web) is Health.HEALTHY


def test_a_port_that_was_a_wrong_guess_delays_but_never_blocks(world):
    web = replica(address="127.0.0.1")
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        command = ("curl", f"http://localhost:{reserved.getsockname()[1]}/")
        world.prober.watch("s", "web", {web: replace(PROBE, command=command)})
        world.until(2.0)
    assert world.asked(web)[0] == pytest.approx(ASK_ANYWAY, abs=0.03)
    assert world.health(web) is Health.HEALTHY


@pytest.mark.parametrize("docker", [Health.STARTING, Health.HEALTHY], ids=["it has said so", "Docker has"])
def test_the_time_for_a_start_excuses_nothing_once_it_was_ready(world, docker):
    """Nor does a pause give it that time again."""
    web, lenient = replica(health=docker), replace(PROBE, start_period=300.0)
    world.prober.watch("s", "web", {web: lenient})
    world.until(5.0)
    world.engine.codes[web.id] = 1
    for phase in (ReplicaPhase.PAUSED, ReplicaPhase.RUNNING):
        world.prober.watch("s", "web", {replace(web, phase=phase): lenient})
    world.until(5.0 + 4 * PROBE.interval)
    assert world.health(web) is Health.UNHEALTHY


def test_a_clock_that_is_set_disturbs_no_pace(world):
    web = replica()
    world.engine.codes[web.id] = 1
    wall = [WALL]
    world.prober = Prober(
        world.engine, lambda *key: None, Clocks(now=lambda: wall[0], steady=lambda: world.at), workers=0
    )
    world.prober.watch("s", "web", {web: PROBE})
    world.until(5.0)
    asked = len(world.asked(web))
    wall[0] -= 7200
    world.until(6.0)
    assert len(world.asked(web)) > asked
    assert world.health(web) is Health.STARTING
    wall[0] += 14400
    world.until(9.0)
    assert world.health(web) is Health.STARTING


def test_a_bug_in_a_probe_is_unknown_and_ends_nothing(world):
    def execute(replica, command, *, timeout):
        raise RuntimeError("a bug")

    world.engine.execute = execute
    web = replica()
    world.prober.watch("s", "web", {web: PROBE})
    world.until(40.0)
    assert world.prober.verdict(web.life) == Verdict(Health.STARTING, None, "RuntimeError: a bug")
    assert world.prober.next_due() is not None
