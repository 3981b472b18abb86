"""The executor and its steps: in order, once, what is noted of a create, what follows what was not done."""

from dataclasses import replace

import pytest

from controller.loop.executor import Batch
from controller.loop.lanes import Lane, deadline_of, lane_of
from controller.model.errors import Rejected, Transient
from controller.model.steps import Build, Pull, Remove, Rename, Restart, Result, Start
from tests.component.steps import PROJECT, create, results, start, stop
from tests.component.waiting import eventually

pytestmark = pytest.mark.unit


def test_steps_are_done_in_order_and_collected_once(executor, port, batch):
    assert executor.submit(batch("web", create("web"), start("web"), stop("web")))
    assert executor.done.acquire(timeout=10)
    (completed,) = executor.collect("s")
    assert port.begun == [("Create", "web"), ("Start", "web"), ("Stop", "web")]
    assert results(completed) == [Result.DONE] * 3
    assert executor.collect("s") == ()


def test_what_the_gate_refuses_is_not_made_and_leaves_no_intent(executor, port, batch, store):
    refused = replace(
        batch("web", create("web"), start("web")), check=lambda step, engine, project: f"{step.service}: no"
    )
    executor.submit(refused)
    assert executor.done.acquire(timeout=10)
    (completed,) = executor.collect("s")
    assert results(completed) == [Result.REJECTED, Result.SKIPPED]
    assert completed.outcomes[0].message == "web: no"
    assert port.begun == [] and store.replicas.open_intents() == ()


def test_a_service_is_busy_until_its_outcome_was_collected(executor, batch):
    assert executor.submit(batch("web"))
    assert executor.done.acquire(timeout=10)
    assert executor.busy("s") == {"web"}
    assert not executor.submit(batch("web"))
    executor.collect("s")
    assert executor.busy("s") == frozenset()
    assert executor.submit(batch("web"))


def test_a_fetch_stands_beside_what_its_service_does_and_beside_that_of_another_image(executor, batch):
    assert executor.submit(batch("web", Pull("web", "web:2", "")))
    assert executor.submit(batch("web", Pull("web", "web:3", "")))
    assert executor.submit(batch("web", start("web")))
    assert not executor.submit(batch("web", Pull("web", "web:2", "")))
    for _ in range(3):
        assert executor.done.acquire(timeout=10)
    assert sorted(done.batch.fetches for done in executor.collect("s")) == ["", "web:2", "web:3"]
    assert executor.busy("s") == frozenset()


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
        (Rename("web", "id", 1, "n"), Lane.SERVING, 30.0),
        (Start("web", "id", 1, "", heals=True), Lane.HEALING, 60.0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_kind_of_step_has_its_lane_and_its_time(step, lane, seconds):
    assert (lane_of(step), deadline_of(step)) == (lane, seconds)
