"""The prober with its threads and the real clock."""

import threading
import time
from dataclasses import replace

import pytest

from controller.health.prober import CROWD, HANGS, Prober
from controller.model.observed import Health
from tests.component.probing import PROBE, Port, replica
from tests.component.waiting import eventually

pytestmark = pytest.mark.unit


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


def test_however_many_of_a_service_hang_others_are_asked(live):
    stuck = [started(number) for number in range(40)]
    for one in stuck:
        live.engine.gates[one.id] = threading.Event()
    live.watch("s", "stuck", dict.fromkeys(stuck, PROBE))
    eventually(lambda: len(live.engine.asked) == CROWD)
    web = started(99)
    live.watch("s", "web", {web: PROBE})
    eventually(lambda: live.verdict(web.life).health is Health.HEALTHY)
    for gate in live.engine.gates.values():
        gate.set()
    eventually(lambda: all(live.verdict(one.life).health is Health.HEALTHY for one in stuck))


def test_however_many_services_hang_others_are_asked_once_that_is_known(live):
    stuck = {f"s{number}": started(number) for number in range(12)}
    for name, one in stuck.items():
        live.engine.delays[one.id] = HANGS
        live.watch("s", name, {one: replace(PROBE, interval=0.01)})
    eventually(lambda: all(live.verdict(one.life).health is Health.HEALTHY for one in stuck.values()))
    for one in stuck.values():
        live.engine.gates[one.id] = threading.Event()
    time.sleep(HANGS + 0.5)
    web = started(99)
    live.watch("s", "web", {web: PROBE})
    eventually(lambda: live.verdict(web.life).health is Health.HEALTHY)


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
