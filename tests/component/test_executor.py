"""The executor on real threads with an engine that does what each case tells it, one step at a time."""

import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from controller.loop.executor import Batch, Executor
from controller.loop.lanes import Lane, deadline_of, lane_of
from controller.loop.store import Store
from controller.model.desired import Template
from controller.model.errors import Rejected, Transient
from controller.model.project import ComposeProject
from controller.model.steps import Build, Create, Outcome, Pull, Remove, Rename, Restart, Result, Start, Stop

pytestmark = pytest.mark.unit

PROJECT = ComposeProject(None, (), Path("/"))


@dataclass
class Port:
    """The part of an engine that the executor uses: each step may be held, fail, raise or make a replica."""

    answers: dict = field(default_factory=dict)
    held: dict = field(default_factory=dict)
    begun: list = field(default_factory=list)
    most: int = 0
    _now: int = 0
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def perform(self, project, steps, *, deadline):
        (step,) = steps
        with self._guard:
            self.begun.append((type(step).__name__, step.service))
            self._now += 1
            self.most = max(self.most, self._now)
        gate = self.held.get(step.service)
        if gate is not None:
            assert gate.wait(20)
        with self._guard:
            self._now -= 1
        answer = self.answers.get((type(step).__name__, step.service), Result.DONE)
        if isinstance(answer, Exception):
            raise answer
        made = f"id-{step.service}-{step.number}" if isinstance(step, Create) and answer is Result.DONE else None
        return (Outcome(step, answer, replica=made),)

    def hold(self, *services):
        gate = threading.Event()
        self.held.update(dict.fromkeys(services, gate))
        return gate


@pytest.fixture
def port():
    return Port()


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "e" / "s")
    yield made
    made.close()


@pytest.fixture
def executor(port):
    done = threading.Semaphore(0)
    made = Executor(port, lambda batch: done.release())
    made.done = done
    yield made
    for gate in port.held.values():
        gate.set()
    assert made.close(10)


@pytest.fixture
def batch(store):
    def make(service, *steps, rank=0.0, stack="s"):
        return Batch(stack, service, steps or (start(service),), PROJECT, store.replicas, rank)

    return make


def start(service, number=1):
    return Start(service, f"id-{service}-{number}", number, "test")


def create(service, number=1, revision="r1"):
    return Create(service, number, revision, Template(service, "h", "f"), "test")


def stop(service, grace=1.0):
    return Stop(service, f"id-{service}-1", 1, grace, "test")


def results(completed):
    return [outcome.result for outcome in completed.outcomes]


def eventually(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "did not come about"
        time.sleep(0.002)


def test_steps_are_done_in_order_and_collected_once(executor, port, batch):
    assert executor.submit(batch("web", create("web"), start("web"), stop("web")))
    assert executor.done.acquire(timeout=10)
    (completed,) = executor.collect("s")
    assert port.begun == [("Create", "web"), ("Start", "web"), ("Stop", "web")]
    assert results(completed) == [Result.DONE] * 3
    assert executor.collect("s") == ()


def test_a_service_is_busy_until_its_outcome_was_collected(executor, batch):
    assert executor.submit(batch("web"))
    assert executor.done.acquire(timeout=10)
    assert executor.busy("s") == {"web"}
    assert not executor.submit(batch("web"))
    executor.collect("s")
    assert executor.busy("s") == frozenset()
    assert executor.submit(batch("web"))


def test_stacks_are_kept_apart(executor, batch):
    executor.submit(batch("web", stack="a"))
    executor.submit(batch("web", stack="b"))
    assert executor.done.acquire(timeout=10) and executor.done.acquire(timeout=10)
    assert executor.busy("a") == executor.busy("b") == {"web"}
    assert [done.batch.stack for done in executor.collect("a")] == ["a"]
    assert executor.busy("a") == frozenset() and executor.busy("b") == {"web"}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Result.CONFLICT, Result.CONFLICT),
        (Transient("away"), Result.TRANSIENT),
        (Rejected("no such image"), Result.REJECTED),
        (RuntimeError("a bug"), Result.TRANSIENT),
    ],
)
def test_after_a_step_that_was_not_done_the_rest_is_skipped(executor, port, batch, answer, expected):
    port.answers["Start", "web"] = answer
    executor.submit(batch("web", create("web"), start("web"), stop("web")))
    assert executor.done.acquire(timeout=10)
    (completed,) = executor.collect("s")
    assert results(completed) == [Result.DONE, expected, Result.SKIPPED]
    assert len(port.begun) == 2


def test_an_empty_batch_is_not_taken(executor, store):
    assert not executor.submit(Batch("s", "web", (), PROJECT, store.replicas))
    assert executor.busy("s") == frozenset()


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


def test_the_longest_path_goes_first(executor, port, batch):
    limit = Lane.STARTING.workers
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


def test_a_create_is_noted_before_and_confirmed_after(executor, port, batch, store):
    gate = port.hold("web")
    executor.submit(batch("web", create("web", 2)))
    eventually(lambda: port.begun)
    assert [(intent.number, intent.revision) for intent in store.replicas.open_intents()] == [(2, "r1")]
    gate.set()
    assert executor.done.acquire(timeout=10)
    assert store.replicas.open_intents() == ()
    assert store.replicas.made() == {"id-web-2"}


@pytest.mark.parametrize(
    ("answer", "stays_open"),
    [(Transient("timed out"), True), (Result.CONFLICT, True), (Result.REJECTED, False), (OSError("x"), True)],
)
def test_a_create_of_unknown_effect_stays_open(executor, port, batch, store, answer, stays_open):
    port.answers["Create", "web"] = answer
    executor.submit(batch("web", create("web")))
    assert executor.done.acquire(timeout=10)
    assert bool(store.replicas.open_intents()) is stays_open
    assert store.replicas.known() == {}


def test_what_cannot_be_noted_is_not_created(executor, port, batch, store):
    store._database.execute("DROP TABLE replicas")
    executor.submit(batch("web", create("web")))
    assert executor.done.acquire(timeout=10)
    (completed,) = executor.collect("s")
    assert results(completed) == [Result.TRANSIENT]
    assert port.begun == []


def test_a_removed_replica_is_forgotten(executor, batch, store):
    store.replicas.confirm(store.replicas.intend("web", 1, "r1"), "id-web-1")
    executor.submit(batch("web", Remove("web", "id-web-1", 1, "test")))
    assert executor.done.acquire(timeout=10)
    assert store.replicas.known() == {}


def test_the_end_finishes_the_running_step_and_begins_no_other(port, batch):
    executor = Executor(port, lambda batch: None)
    gate = port.hold("web")
    executor.submit(batch("web", create("web"), start("web")))
    names = [f"s{turn}" for turn in range(6)]
    port.held.update(dict.fromkeys(names, gate))
    for name in names:
        executor.submit(batch(name))
    eventually(lambda: len(port.begun) == Lane.STARTING.workers)
    threading.Timer(0.05, gate.set).start()
    assert executor.close(10)
    assert len(port.begun) == Lane.STARTING.workers
    assert not executor.submit(batch("late"))
    by_service = {done.batch.service: results(done) for done in executor.collect("s")}
    assert by_service["web"] == [Result.DONE, Result.SKIPPED]
    assert sorted(by_service) == sorted([*names, "web"])


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
    for _ in range(Lane.STARTING.workers + 1):
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


@pytest.mark.parametrize(
    ("step", "lane", "seconds"),
    [
        (Pull("web", "i", ""), Lane.IMAGES, 3600.0),
        (Build("web", "i", ""), Lane.IMAGES, 7200.0),
        (create("web"), Lane.STARTING, 30.0),
        (start("web"), Lane.STARTING, 60.0),
        (Start("web", "id", 1, "", by_compose=True), Lane.STARTING, 120.0),
        (stop("web", 25.0), Lane.LEAVING, 35.0),
        (Restart("web", "id", 1, 5.0, ""), Lane.LEAVING, 45.0),
        (Remove("web", "id", 1, ""), Lane.LEAVING, 30.0),
        (Rename("web", "id", 1, "n"), Lane.STARTING, 30.0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_kind_of_step_has_its_lane_and_its_time(step, lane, seconds):
    assert (lane_of(step), deadline_of(step)) == (lane, seconds)
