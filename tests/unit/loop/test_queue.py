"""The queue under a hand-moved clock, and its waiting under the real one."""

import threading
import time
from random import Random

import pytest

from controller.loop.queue import JITTER, JITTER_FROM, Queue

pytestmark = pytest.mark.unit


class Clock:
    def __init__(self, now=1000.0):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def queue(clock):
    return Queue(clock, Random(1))


def test_equal_keys_merge_and_order_is_kept(queue):
    for key in "abab":
        queue.add(key)
    assert [queue.get(0), queue.get(0), queue.get(0)] == ["a", "b", None]


def test_a_wake_comes_at_its_instant_and_once(queue, clock):
    queue.add_at("a", 1005.0)
    assert queue.next_wake() == 1005.0
    clock.now = 1004.999
    assert queue.get(0) is None
    clock.now = 1005.0
    assert queue.get(0) == "a"
    assert queue.get(0) is None
    assert queue.next_wake() is None


@pytest.mark.parametrize("newer", [1002.0, 1008.0, None], ids=["earlier", "later", "never"])
def test_a_newer_wake_replaces_the_older_one(queue, clock, newer):
    queue.add_at("a", 1005.0)
    queue.add_at("a", newer)
    seen = []
    for clock.now in (1002.0, 1005.0, 1008.0):
        if queue.get(0):
            seen.append(clock.now)
    assert seen == ([newer] if newer else [])


def test_a_wake_that_was_set_back_and_forth_comes_once(queue, clock):
    for instant in (1005.0, 1003.0, 1005.0):
        queue.add_at("a", instant)
    clock.now = 1010.0
    assert queue.get_all(0) == ("a",)
    assert queue.get_all(0) == ()


def test_an_add_does_not_forget_the_wake(queue, clock):
    queue.add_at("a", 1005.0)
    queue.add("a")
    assert queue.get(0) == "a"
    clock.now = 1005.0
    assert queue.get(0) == "a"


def test_wakes_keep_their_distance_when_the_clock_is_set_back(queue, clock):
    queue.add_at("a", 1005.0)
    clock.now -= 3600.0
    assert queue.get(0) is None
    clock.now += 4.0
    assert queue.get(0) is None
    clock.now += 1.0
    assert queue.get(0) == "a"


def test_all_that_is_due_comes_together(queue, clock):
    queue.add("a")
    queue.add_at("b", 1001.0)
    queue.add_at("c", 1009.0)
    clock.now = 1001.0
    assert queue.get_all(0) == ("a", "b")


def test_near_wakes_are_exact_and_far_ones_are_spread_within_bounds(clock):
    wakes = set()
    for seed in range(200):
        queue = Queue(clock, Random(seed))
        queue.add_at("near", clock.now + JITTER_FROM - 0.001)
        assert queue.next_wake() == clock.now + JITTER_FROM - 0.001
        queue.add_at("near", None)
        queue.add_at("far", clock.now + 300.0)
        wakes.add(queue.next_wake() - clock.now)
    assert min(wakes) >= 300 * (1 - JITTER)
    assert max(wakes) <= 300 * (1 + JITTER)
    assert max(wakes) - min(wakes) > 30
    again = Queue(clock, Random(199))
    again.add_at("far", clock.now + 300.0)
    assert again.next_wake() - clock.now in wakes


def test_replaced_wakes_do_not_pile_up(queue, clock):
    for turn in range(20_000):
        queue.add_at("a", clock.now + 1 + turn / 1e6)
    assert len(queue._heap) <= 65


def test_a_waiter_is_woken_by_an_add_a_wake_and_the_end():
    queue = Queue(time.time)
    got = []
    waiter = threading.Thread(target=lambda: got.extend(iter(queue.get, None)))
    waiter.start()
    queue.add("now")
    queue.add_at("soon", time.time() + 0.05)
    deadline = time.monotonic() + 5
    while len(got) < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    queue.close()
    waiter.join(5)
    assert not waiter.is_alive()
    assert got == ["now", "soon"]


def test_a_nearer_wake_shortens_a_wait_that_has_begun():
    queue = Queue(time.time)
    queue.add_at("late", time.time() + 60)
    threading.Timer(0.02, lambda: queue.add_at("early", time.time() + 0.02)).start()
    assert queue.get(5) == "early"


def test_waiting_ends_after_its_time(queue):
    begun = time.monotonic()
    assert queue.get(0.05) is None
    assert 0.04 < time.monotonic() - begun < 2


def test_nothing_is_lost_or_doubled_between_threads():
    queue = Queue(time.time)
    counts = dict.fromkeys(range(400), 0)
    guard = threading.Lock()

    def work():
        while (key := queue.get(0.5)) is not None:
            with guard:
                counts[key] += 1

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for key in counts:
        queue.add(key)
    for worker in workers:
        worker.join(10)
    assert set(counts.values()) == {1}
