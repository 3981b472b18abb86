"""The executor's threads: how many at once, which first, what holds up nobody, and their end."""

import os
import threading
import time
from dataclasses import replace

import pytest

from controller.loop.executor import Executor
from controller.loop.lanes import Lane, workers_of
from controller.model.names import ReplicaId
from controller.model.routes import RouteState
from controller.model.steps import Connect, Limit, Pull, Remove, Rename, Restart, Result, Route, Start, Withdraw
from controller.resources.starts import count_cores
from tests.component.steps import create, results, start, stop
from tests.component.waiting import eventually

pytestmark = pytest.mark.unit


def test_no_more_starts_at_once_than_cores_and_one(executor, port, batch):
    limit = len(os.sched_getaffinity(0)) + 1
    names = [f"s{turn}" for turn in range(limit + 4)]
    gate = port.hold(*names)
    for name in names:
        executor.submit(batch(name))
    eventually(lambda: len(port.begun) == limit)
    gate.set()
    eventually(lambda: len(executor.collect("s")) == 0 and not executor.busy("s"))
    assert port.most == limit
    assert len(port.begun) == len(names)


@pytest.fixture
def squeezed(port):
    """An executor on a machine that bears as many starts at once as the test says."""
    bears = [1]
    made = Executor(port, lambda batch: None, lambda: bears[0])
    made.bears = bears
    yield made
    for gate in port.held.values():
        gate.set()
    assert made.close(10)


def test_no_more_starts_at_once_than_the_machine_bears(squeezed, port, batch):
    names = [f"s{turn}" for turn in range(4)]
    gates = {name: port.hold(name) for name in names}
    for name in names:
        squeezed.submit(batch(name))
    for count, name in enumerate(names, 1):
        eventually(lambda: len(port.begun) == count)  # noqa: B023 - it is over before the next turn
        gates[name].set()
    eventually(lambda: len(squeezed.collect("s")) == 0 and not squeezed.busy("s"))
    assert port.most == 1 and [name for _, name in port.begun] == names


def test_one_always_goes_on(squeezed, port, batch):
    squeezed.bears[0] = 0
    squeezed.submit(batch("web"))
    eventually(lambda: len(squeezed.collect("s")) == 1)


def test_when_the_machine_has_room_again_the_others_begin_without_a_word(squeezed, port, batch):
    names = [f"s{turn}" for turn in range(workers_of(Lane.STARTING, count_cores()))]
    port.hold(*names)
    for name in names:
        squeezed.submit(batch(name))
    eventually(lambda: len(port.begun) == 1)
    squeezed.bears[0] = 100
    eventually(lambda: len(port.begun) == len(names))


def test_who_does_not_adapt_starts_as_ever(squeezed, port, batch):
    names = [f"s{turn}" for turn in range(workers_of(Lane.STARTING, count_cores()))]
    port.hold(*names)
    for name in names:
        squeezed.submit(replace(batch(name), adapts=False))
    eventually(lambda: len(port.begun) == len(names))


def test_stops_and_pulls_wait_for_no_room(squeezed, port, batch):
    port.hold("web")
    squeezed.submit(batch("web"))
    eventually(lambda: len(port.begun) == 1)
    for name, step in (("old", stop("old")), ("image", Pull("image", "image", "test")), ("late", start("late"))):
        squeezed.submit(batch(name, step))
    eventually(lambda: {name for _, name in port.begun} == {"web", "old", "image"})


WEB = ReplicaId("id-web-1")
SHORT = [
    Rename("web", WEB, 1, "test"),
    Connect("web", WEB, 1, create("web").template, "test"),
    Limit("web", WEB, 1, create("web").template, (), "test"),
    Withdraw("web", WEB, 1, "test"),
    Route("web", WEB, 1, RouteState.IN, "test"),
    Remove("web", WEB, 1, "test"),
    Restart("web", WEB, 1, 1.0, "test"),
    Start("web", WEB, 1, "test", heals=True),
]


@pytest.mark.parametrize("adapts", [True, False], ids=["where the machine is squeezed", "where all workers start"])
@pytest.mark.parametrize("step", SHORT, ids=lambda step: type(step).__name__)
def test_what_keeps_services_serving_waits_for_no_start_of_any_stack(squeezed, port, batch, step, adapts):
    names = [f"s{turn}" for turn in range(workers_of(Lane.STARTING, count_cores()) + 2)]
    port.hold(*names)
    for name in names:
        squeezed.submit(replace(batch(name, stack="other"), adapts=adapts))
    eventually(lambda: len(port.begun) == (1 if adapts else len(names) - 2))
    squeezed.submit(batch("web", step))
    eventually(lambda: (type(step).__name__, "web") in port.begun)


def test_who_may_begin_is_not_behind_one_that_waits_for_the_machine(squeezed, port, batch):
    port.hold("first", "squeezed")
    squeezed.submit(batch("first"))
    eventually(lambda: len(port.begun) == 1)
    squeezed.submit(batch("squeezed", rank=9.0))
    squeezed.submit(replace(batch("free", rank=1.0), adapts=False))
    eventually(lambda: [name for _, name in port.begun] == ["first", "free"])


def test_the_engines_cores_bound_its_starts(port, batch):
    executor = Executor(port, lambda batch: None, cores=lambda: 5)
    names = [f"s{turn}" for turn in range(9)]
    gate = port.hold(*names)
    for name in names:
        executor.submit(batch(name))
    eventually(lambda: len(port.begun) == 6)
    gate.set()
    eventually(lambda: len(port.begun) == len(names))
    assert port.most == 6 and executor.close(10)


def test_the_longest_path_goes_first(executor, port, batch):
    limit = workers_of(Lane.STARTING, count_cores())
    kept = [f"kept{turn}" for turn in range(limit - 1)]
    port.hold(*kept)
    only_worker = port.hold("first")
    for name in (*kept, "first"):
        executor.submit(batch(name))
    eventually(lambda: len(port.begun) == limit)
    for name, rank in (("low", 1.0), ("high", 3.0), ("mid", 2.0), ("mid2", 2.0)):
        executor.submit(batch(name, rank=rank))
    only_worker.set()
    eventually(lambda: len(port.begun) == limit + 4)
    assert [service for _, service in port.begun[limit:]] == ["high", "mid", "mid2", "low"]


def test_pulls_and_slow_stops_block_no_start(executor, port, batch):
    pulls, stops = [f"p{turn}" for turn in range(6)], [f"t{turn}" for turn in range(8)]
    port.hold(*pulls, *stops)
    for name in pulls:
        executor.submit(batch(name, Pull(name, "image", "test"), create(name)))
    for name in stops:
        executor.submit(batch(name, stop(name)))
    executor.submit(batch("web"))
    assert executor.done.acquire(timeout=10)
    (completed,) = executor.collect("s")
    assert completed.batch.service == "web"
    eventually(lambda: sum(kind == "Stop" for kind, _ in port.begun) == len(stops))


def test_the_end_finishes_the_running_step_and_begins_no_other(port, batch):
    executor = Executor(port, lambda batch: None)
    gate = port.hold("web")
    executor.submit(batch("web", create("web"), start("web")))
    names = [f"s{turn}" for turn in range(6)]
    port.held.update(dict.fromkeys(names, gate))
    for name in names:
        executor.submit(batch(name))
    eventually(lambda: len(port.begun) == workers_of(Lane.STARTING, count_cores()))
    threading.Timer(0.05, gate.set).start()
    assert executor.close(10)
    assert len(port.begun) == workers_of(Lane.STARTING, count_cores())
    assert not executor.submit(batch("late"))
    by_service = {done.batch.service: results(done) for done in executor.collect("s")}
    assert by_service["web"] == [Result.DONE, Result.SKIPPED]
    assert sorted(by_service) == sorted([*names, "web"])


def test_the_end_waits_for_nothing_that_another_lane_would_go_on_with(port, batch):
    """Its workers are gone by then, and none is hired beside those that there were."""
    executor = Executor(port, lambda batch: None)
    names = [f"s{turn}" for turn in range(workers_of(Lane.STARTING, count_cores()))]
    starts = port.hold(*names)
    for name in names:
        executor.submit(batch(name))
    eventually(lambda: len(port.begun) == len(names))
    starts.set()
    gate = port.hold("web")
    executor.submit(batch("web", stop("web"), create("web")))
    eventually(lambda: ("Stop", "web") in port.begun)
    threading.Timer(0.2, gate.set).start()
    assert executor.close(10)
    by_service = {done.batch.service: results(done) for done in executor.collect("s")}
    assert by_service["web"] == [Result.DONE, Result.SKIPPED]


def test_an_image_that_was_asked_for_before_and_is_not_on_its_way_yet_is_fetched_no_more(executor, port, batch):
    busy = [f"p{turn}" for turn in range(workers_of(Lane.IMAGES, count_cores()))]
    gate = port.hold(*busy)
    for name in busy:
        executor.submit(batch(name, Pull(name, "other:1", "test")))
    eventually(lambda: len(port.begun) == len(busy))
    for name, image in (("web", "web:1"), ("db", "web:1"), ("web", "web:2")):
        assert executor.submit(batch(name, Pull(name, image, "test")))
    assert executor.done.acquire(timeout=10)
    (dropped,) = executor.collect("s")
    assert (dropped.batch.key, results(dropped)) == (("s", "web", "web:1"), [Result.SKIPPED])
    assert executor.submit(batch("web", Pull("web", "web:1", "test"))), "it may be asked for again"
    gate.set()
    eventually(lambda: len(port.begun) == len(busy) + 2)
    assert sorted(name for _, name in port.begun[len(busy) :]) == ["db", "web"]


def test_the_end_waits_for_no_fetch(port, batch):
    executor = Executor(port, lambda batch: None)
    gate = port.hold("web")
    executor.submit(batch("web", Pull("web", "web:1", "test")))
    eventually(lambda: port.begun)
    begun = time.monotonic()
    assert executor.close(10)
    assert time.monotonic() - begun < 5
    gate.set()


@pytest.fixture
def scarce(monkeypatch):
    """While it is set, the system gives no thread to workers."""
    none = threading.Event()
    begin = threading.Thread.start

    def start_or_not(thread):
        if none.is_set() and thread.name.startswith("steps-"):
            raise RuntimeError("can't start new thread")
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", start_or_not)
    return none


def test_where_the_system_gives_no_thread_nothing_is_taken_and_later_it_is(executor, batch, scarce):
    scarce.set()
    for _ in range(workers_of(Lane.STARTING, count_cores()) + 1):
        assert not executor.submit(batch("web"))
    assert executor.busy("s") == frozenset()
    scarce.clear()
    assert executor.submit(batch("web"))
    assert executor.done.acquire(timeout=10)
    assert [results(done) for done in executor.collect("s")] == [[Result.DONE]]


def test_what_workers_there_are_do_the_work_of_those_that_could_not_be_had(executor, port, batch, scarce):
    gate = port.hold("web")
    executor.submit(batch("web"))
    eventually(lambda: port.begun)
    scarce.set()
    assert executor.submit(batch("db"))
    gate.set()
    assert executor.done.acquire(timeout=10) and executor.done.acquire(timeout=10)
    assert {done.batch.service for done in executor.collect("s")} == {"web", "db"}


def test_a_batch_that_no_worker_of_its_next_lane_can_go_on_with_ends_there(executor, batch, scarce):
    """The worker that hands it on lives, and its lane goes on."""
    assert executor.submit(batch("db", stop("db")))
    assert executor.done.acquire(timeout=10)
    scarce.set()
    assert executor.submit(batch("web", stop("web"), start("web")))
    assert executor.done.acquire(timeout=10)
    assert executor.submit(batch("cache", stop("cache")))
    assert executor.done.acquire(timeout=10)
    assert {done.batch.service: results(done) for done in executor.collect("s")} == {
        "db": [Result.DONE],
        "web": [Result.DONE, Result.SKIPPED],
        "cache": [Result.DONE],
    }


def test_the_end_does_not_wait_for_ever(port, batch):
    executor = Executor(port, lambda batch: None)
    gate = port.hold("web")
    executor.submit(batch("web"))
    eventually(lambda: port.begun)
    begun = time.monotonic()
    assert not executor.close(0.1)
    assert time.monotonic() - begun < 5
    gate.set()
    assert executor.close(10)
