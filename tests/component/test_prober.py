"""The prober with a hand-moved clock and no threads, then with its threads and the real clock."""

import socket
import threading
import time
from dataclasses import replace
from itertools import pairwise

import pytest

from controller.engines.base import Execution
from controller.health.prober import ASK_ANYWAY, Clocks, Prober
from controller.health.verdict import Verdict
from controller.model.desired import Probe, ProbeKind
from controller.model.observed import Health, Replica, ReplicaPhase

pytestmark = pytest.mark.unit

WALL = 1_000_000.0
PROBE = Probe(ProbeKind.EXEC, ("check",), interval=10.0, timeout=2.0, retries=3)


class Port:
    """Answers each replica's command by what the case set, and remembers when it was asked."""

    def __init__(self, clock=time.monotonic):
        self.codes = {}
        self.asked = []
        self.gates = {}
        self._clock = clock

    def execute(self, replica, command, *, timeout):
        self.asked.append((replica, self._clock()))
        if replica in self.gates:
            assert self.gates[replica].wait(20)
        return Execution(self.codes.get(replica, 0), f"said by {replica}")


class World:
    """A prober without threads: `until` moves the clock from visit to visit."""

    def __init__(self):
        self.at = 0.0
        self.changes = []
        self.engine = Port(lambda: self.at)
        clocks = Clocks(now=lambda: WALL + self.at, steady=lambda: self.at)
        self.prober = Prober(self.engine, lambda *key: self.changes.append((key, self.at)), clocks, workers=0)

    def until(self, at):
        while (due := self.prober.next_due()) is not None and due <= at:
            self.at = max(self.at, due)
            assert self.prober.run_due()
        self.at = at

    def asked(self, replica):
        return [round(at, 3) for id_, at in self.engine.asked if id_ == replica.id]

    def health(self, replica):
        return self.prober.verdict(replica.life).health


@pytest.fixture
def world():
    return World()


def replica(number=1, **others):
    fields = {"started_at": WALL, "health": Health.STARTING, **others}
    return Replica(f"web-{number}", f"p-web-{number}", "web", number, "r1", ReplicaPhase.RUNNING, **fields)


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
    assert world.prober.verdicts() == {}


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


# --- with threads


def eventually(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not come about"
        time.sleep(0.002)


@pytest.fixture
def live():
    engine = Port()
    changes = []
    prober = Prober(engine, lambda *key: changes.append(key))
    prober.engine, prober.changes = engine, changes
    yield prober
    for gate in engine.gates.values():
        gate.set()
    prober.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "probe"]


def started(number=1, **others):
    return replica(number, started_at=time.time(), **others)


def test_threads_notice_a_start_within_a_moment(live):
    web = started()
    live.engine.codes[web.id] = 1
    live.watch("s", "web", {web: PROBE})
    eventually(lambda: len(live.engine.asked) >= 2)
    live.engine.codes[web.id] = 0
    ready = time.monotonic()
    eventually(lambda: live.changes == [("s", "web")])
    assert time.monotonic() - ready < 1.0


def test_probes_that_hang_hold_up_nobody(live):
    stuck = [started(number) for number in range(5)]
    for one in stuck:
        live.engine.gates[one.id] = threading.Event()
    live.watch("s", "stuck", dict.fromkeys(stuck, PROBE))
    web = started(99)
    live.watch("s", "web", {web: PROBE})
    eventually(lambda: live.verdict(web.life).health is Health.HEALTHY)
    assert len({id_ for id_, _ in live.engine.asked}) == 6
    assert all(live.verdict(one.life).health is Health.STARTING for one in stuck)


def test_a_nearer_probe_is_not_kept_waiting_by_a_far_one(live):
    far = started(1)
    live.watch("s", "far", {far: replace(PROBE, interval=3600.0)})
    eventually(lambda: live.verdict(far.life).health is Health.HEALTHY)
    time.sleep(0.05)
    near = started(2)
    live.watch("s", "near", {near: PROBE})
    eventually(lambda: live.verdict(near.life).health is Health.HEALTHY, seconds=2)


def test_many_at_their_own_pace_cost_next_to_nothing(live):
    many = [started(number) for number in range(30)]
    live.watch("s", "web", dict.fromkeys(many, PROBE))
    eventually(lambda: len(live.changes) == 30)
    before = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - before < 0.05
    assert len(live.engine.asked) == 30


def test_closing_is_quick_though_a_probe_hangs(live):
    web = started()
    live.engine.gates[web.id] = threading.Event()
    live.watch("s", "web", {web: PROBE})
    eventually(lambda: live.engine.asked)
    begun = time.monotonic()
    live.close(0.2)
    assert time.monotonic() - begun < 2
    live.engine.gates[web.id].set()
    live.close()
    assert live.changes == []
