"""The pass on the simulated engine: which views it decides on, what it records first, what it leaves alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from controller.model.errors import ControllerError
from controller.model.steps import Create, Result, Start
from tests.component.stage import SHOP, Stage, converged, load, service

pytestmark = pytest.mark.unit


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Two services, of which one waits for the other; nothing done yet."""
    return Stage(tmp_path, load(SHOP))


def test_a_stack_converges_and_is_then_left_alone(stage: Stage) -> None:
    stage.settle()
    assert stage.phases == {"db": "Ready", "web": "Ready"}
    assert stage.actions() == [("Create", "db"), ("Create", "web"), ("Start", "db"), ("Start", "web")]
    stage.settle(600)
    assert len(stage.actions()) == 4 and not stage.queue.get_all(timeout=0)


def test_nobody_is_decided_on_a_view_from_before_his_last_outcome(stage: Stage) -> None:
    """db's turn also collects that web was created, and wakes web; what is known of web is from before."""
    stage.bench.perform("db")
    stage.turn("db")
    stage.bench.perform("db")
    stage.clock.sleep(5)
    stage.bench.perform("web", tell=False)
    stage.turn("db")
    assert [type(step) for batch in stage.bench.waiting for step in batch.steps] == [Start]
    stage.settle()
    assert stage.phases == {"db": "Ready", "web": "Ready"} and len(stage.replicas()) == 2


@pytest.mark.fault("I6")
def test_what_cannot_be_recorded_is_not_done(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.settle()
    db = stage.replicas("db")[0]
    stage.meddle(lambda hands, now: hands.kill(db.id, now))

    def full(changed: object) -> None:
        raise ControllerError("disk full")

    monkeypatch.setattr(stage.store.histories, "record", full)
    done = len(stage.actions())
    with pytest.raises(ControllerError, match="disk full"):
        stage.turn()
    stage.bench.perform()
    assert len(stage.actions()) == done
    assert not stage.reconciler.world.histories["db"].restarts
    monkeypatch.undo()
    stage.turn()
    stage.settle(10)
    assert stage.phases["db"] == "Ready"


def test_a_store_that_fails_in_the_middle_of_several_outcomes_leaves_nobody_busy_for_ever(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.bench.perform()

    def full(event: object) -> None:
        raise ControllerError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(stage.store.events, "append", full)
        with pytest.raises(ControllerError):
            stage.turn()
    stage.turn()
    stage.settle()
    assert stage.phases == {"db": "Ready", "web": "Ready"}


def test_what_is_told_holds_up_no_step(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.settle()
    db = stage.replicas("db")[0]
    stage.meddle(lambda hands, now: hands.kill(db.id, now))

    def check(*told: object) -> None:
        assert [type(step) for batch in stage.bench.waiting for step in batch.steps] == [Start]
        raise ControllerError("disk full")

    monkeypatch.setattr(stage.reconciler.chronicle, "note_decisions", check)
    with pytest.raises(ControllerError, match="disk full"):
        stage.turn()
    monkeypatch.undo()
    stage.settle(10)
    assert stage.phases["db"] == "Ready" and stage.replicas("db")[0].id == db.id


def test_a_wish_that_cannot_be_recorded_changes_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(memory: object) -> None:
        raise ControllerError("disk full")

    monkeypatch.setattr(stage.store.stack, "save", full)
    with pytest.raises(ControllerError):
        stage.wish("adopt")
    assert stage.reconciler.ledger.memory.adoption_granted is None


def test_what_nobody_could_be_had_to_do_is_tried_again_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(tmp_path, load(SHOP))
    stage.settle()
    db = stage.replicas("db")[0]
    stage.meddle(lambda hands, now: hands.kill(db.id, now))
    with monkeypatch.context() as nobody:
        nobody.setattr(stage.bench, "submit", lambda batch: False)
        stage.turn("db")
        stage.settle(5)
        assert stage.running("db") == 0
    stage.settle(2)
    assert stage.running("db") == 1


def test_the_longest_way_is_gone_first(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load({"alone": service(), "db": service(), "web": service("db")}))
    ranks = {batch.service: batch.rank for batch in stage.bench.waiting}
    assert ranks["db"] > ranks["web"] == ranks["alone"]


def test_services_that_follow_their_dependency_are_not_taken_for_somebody_elses_work(tmp_path: Path) -> None:
    """Two restarts of ours end within a second; for a moment both containers are down."""
    needs = {"db": {"condition": "service_healthy", "restart": True, "required": True}}
    services = {"db": service(), "a": service(depends_on=needs), "b": service(depends_on=needs)}
    stage = Stage(tmp_path, load(services))
    stage.settle()
    stage.change({**services, "db": service(environment={"A": "1"})})
    stage.settle(until=lambda: {batch.service for batch in stage.bench.waiting} == {"a", "b"})
    for name in "ab":  # in the middle of a restart
        (replica,) = stage.replicas(name)
        stage.meddle(lambda hands, now, id_=replica.id: hands.kill(id_, now))  # type: ignore[misc]
    stage.turn("a", "b")
    assert stage.said("ForeignWriter") == 0
    stage.settle()
    assert set(stage.phases.values()) == {"Ready"}


def test_what_no_event_tells_is_seen_by_the_next_look_at_all(stage: Stage) -> None:
    stage.settle()
    done = len(stage.actions())
    (replica,) = stage.replicas("db")
    stage.meddle(lambda hands, now: hands.kill(replica.id, now))
    assert "db" in stage.changed()  # heard by nobody
    stage.settle(stage.reconciler.loaded.desired.policy.resync + 10)
    assert stage.actions()[done:] == [("Start", "db")] and stage.phases["db"] == "Ready"


def test_several_replicas_put_down_by_somebody_else_are_left_alone_for_a_while(stage: Stage) -> None:
    stage.settle()
    for replica in stage.replicas():
        stage.meddle(lambda hands, now, replica=replica: hands.kill(replica.id, now))  # type: ignore[misc]
    done = len(stage.actions())
    stage.settle(3)
    assert stage.said("ForeignWriter") == 1 and len(stage.actions()) == done
    stage.settle(30)
    assert stage.phases == {"db": "Ready", "web": "Ready"}


@pytest.mark.parametrize("batches", range(5))
def test_killed_after_any_number_of_batches_the_end_is_the_same(tmp_path: Path, batches: int) -> None:
    services = {"db": service(), "web": service("db", scale=2), "api": service("db")}
    stage = Stage(tmp_path, load(services))
    for _ in range(batches):
        if stage.bench.waiting:
            stage.bench.perform(stage.bench.waiting[0].service, tell=False)
        stage.turn()
    steps = list(stage.bench.steps)
    stage.die()
    stage.begin(load(services))
    stage.settle()
    steps += stage.bench.steps
    assert stage.phases == {"api": "Ready", "db": "Ready", "web": "Ready"}
    assert len(stage.replicas()) == 4 and stage.running() == 4
    assert sum(type(step).__name__ == "Create" for step in steps) == 4
    assert stage.store.replicas.made() == {replica.id for replica in stage.replicas()}


def test_a_create_that_lands_after_its_controller_died_is_ours_and_the_only_one(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load({"db": service()}))
    late = stage.bench.waiting[0]
    create = late.steps[0]
    assert isinstance(create, Create)
    stage.store.replicas.intend("db", create.number, create.revision)
    stage.die()
    stage.begin(load({"db": service()}))
    stage.engine.perform(late.project, (create,), deadline=30)  # the dead one's call arrives now
    stage.settle(120)
    assert [o.result for o in stage.bench.outcomes].count(Result.CONFLICT) == 1
    assert len(stage.replicas()) == 1 and stage.phases == {"db": "Ready"}
    assert stage.store.replicas.made() == {stage.replicas()[0].id}


def test_a_newer_generation_in_the_middle_of_a_start_wins(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(SHOP))
    stage.settle(1)
    stage.change({"db": service(environment={"A": "2"}), "web": service("db", scale=2)})
    stage.settle()
    assert stage.phases == {"db": "Ready", "web": "Ready"}
    assert [len(stage.replicas(name)) for name in ("db", "web")] == [1, 2]
    wanted = stage.reconciler.world.desired.services
    views = stage.reconciler.world.views
    assert {r.revision for r in views["db"].replicas} == {wanted["db"].revision}


def test_a_mass_removal_stays_held_through_another_edit(tmp_path: Path) -> None:
    """Half a file, saved twice, is no confirmation."""
    prune = {"reconcile": {"prune": True}}
    many = {name: service() for name in ("a", "b", "c", "d")}
    stage = Stage(tmp_path, load(many, **prune))
    stage.settle()
    for edit in ("1", "2", "3"):
        stage.change({"a": service(environment={"EDIT": edit})}, **prune)
        stage.settle(20)
        hold = stage.reconciler.world.hold
        assert hold is not None and hold.reason == "MassRemovalHeld"
    assert len(stage.replicas()) == 4
    follower = stage.wish("confirm")
    result = stage.follow(follower)
    assert result is not None and result.ok
    assert [replica.service for replica in stage.replicas()] == ["a"]


def test_what_was_remembered_by_another_hand_is_not_written_over(stage: Stage) -> None:
    stage.settle()
    loaded = load({**SHOP, "web": service("db", scale=2)}, stage.reconciler.loaded)
    committed = stage.commit(loaded, profile="minimal")
    stage.reconciler.adopt_generation(committed, stage.clock.now())
    stage.wish("confirm")
    stage.settle()
    assert converged(stage) and stage.store.stack.load().profile == "minimal"


def test_the_store_holds_no_more_after_a_thousand_passes(stage: Stage) -> None:
    def rows() -> int:
        with sqlite3.connect(stage.folder / "state.db") as base:
            tables = [name for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return sum(base.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables)

    stage.settle()
    before = rows()
    for _ in range(1000):
        stage.turn()
    assert rows() == before
