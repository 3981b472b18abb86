"""An engine that is away, or shows half: unknown is not gone, and what was not seen is not decided on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from controller.decide.world import WATCH_AFTER_RECONNECT
from controller.engines.simulated_faults import Faults
from tests.component.stage import NOW, SHOP, Stage, converged, load, service

pytestmark = pytest.mark.unit


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path, load(SHOP))


def test_an_outcome_is_looked_at_also_where_the_first_look_after_it_fails(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(SHOP), Faults(away=((NOW + 1, NOW + 20),)))
    stage.bench.perform(tell=False)
    stage.clock.sleep(2)
    stage.turn("web")
    assert stage.reconciler.unavailable and {"db", "web"} <= stage.reconciler.world.busy
    stage.clock.sleep(20)
    stage.turn("web")
    assert not stage.reconciler.world.busy & {"web"}
    stage.settle()
    assert stage.phases == {"db": "Ready", "web": "Ready"}
    assert stage.actions().count(("Create", "db")) == 1


def test_of_a_stack_that_is_new_half_a_look_decides_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(SHOP), Faults(partial=1.0))
    for _ in range(5):
        stage.settle(10)
    assert stage.actions() == [] and stage.store.histories.load() == {}


@pytest.mark.fault("C1")
@pytest.mark.parametrize("seed", range(3))
def test_a_create_of_unknown_end_is_ours_though_the_first_looks_at_it_are_halves(tmp_path: Path, seed: int) -> None:
    stage = Stage(tmp_path, load(SHOP))
    wanted = stage.reconciler.loaded.desired.services["db"].revision
    stage.store.replicas.confirm = lambda *_: None  # type: ignore[method-assign]  # killed before it is noted
    stage.bench.perform("db", tell=False)
    stage.die()
    stage.clock.sleep(600)
    stage._simulated.world._faults = Faults(partial=1.0, seed=seed)  # type: ignore[attr-defined]
    stage.begin(load(SHOP))
    stage.settle(30)
    assert len(stage.store.replicas.open_intents()) == 1 and not stage.actions()
    stage._simulated.world._faults = Faults()  # type: ignore[attr-defined]
    stage.settle(30)
    (db,) = stage.there("db")
    assert stage.store.replicas.known()[db] == wanted and db in stage.store.replicas.made()
    assert stage.phases == {"db": "Ready", "web": "Ready"} and not stage.store.replicas.open_intents()


def test_half_a_look_is_repeated_ever_more_slowly(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(SHOP), Faults(partial=1.0))
    looks = len(stage.statuses)
    stage.settle(100)
    assert 10 < len(stage.statuses) - looks < 60


@pytest.mark.parametrize("seed", range(6))
def test_a_quiet_project_stays_stopped_though_it_was_seen_in_half_first(tmp_path: Path, seed: int) -> None:
    stage = Stage(tmp_path, load(SHOP, quiet=True), Faults(partial=0.5, seed=seed))
    stage.settle(300)
    assert stage.actions() == []
    assert stage.phases == {"db": "Stopped", "web": "Stopped"}
    assert {h.stopped for h in stage.store.histories.load().values()} == {"NotRunningAtAdoption"}


def test_adopting_asks_also_where_another_service_was_only_half_seen(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(SHOP))
    stage.settle()
    stage.store.stack.save(replace(stage.store.stack.load(), adopted=False))
    stage.die()
    before = {replica.id for replica in stage.replicas()}
    edited = {"db": service(image="busybox:2"), "web": service("db", image="busybox:2")}
    stage.begin(load(edited))
    world = stage.reconciler.world
    assert world.hold is not None and world.hold.reason == "AdoptionHeld"
    world.views["db"] = replace(world.views["db"], complete=False)
    stage.turn("web")
    assert world.hold is not None and world.hold.reason == "AdoptionHeld"
    stage.settle(30)
    assert {replica.id for replica in stage.replicas()} == before


def test_after_a_reconnect_what_fell_over_is_watched_before_it_is_healed(stage: Stage) -> None:
    stage.settle()
    db = stage.replicas("db")[0]
    stage.reconciler.reconnected(stage.clock.now())
    stage.meddle(lambda hands, now: hands.kill(db.id, now))
    done = len(stage.actions())
    stage.settle(WATCH_AFTER_RECONNECT - 0.5)
    assert len(stage.actions()) == done
    stage.settle(5)
    assert stage.phases["db"] == "Ready" and stage.actions()[done:] == [("Start", "db")]


def test_an_engine_that_is_away_changes_nothing_and_is_told_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(SHOP), Faults(away=((NOW + 60, NOW + 700),)))
    stage.settle(50)
    assert converged(stage)
    done = len(stage.actions())
    stage.settle(20)
    stage.reconciler.wake()  # as the end of the event stream does
    stage.settle(30)
    assert stage.said("EngineUnavailable") == 1
    kinds = {condition.type: condition.status for condition in stage.statuses[-1].conditions}
    assert kinds["EngineUnavailable"] == "True" and kinds["Converged"] == "False"
    stage.settle(620)
    assert stage.said("EngineAvailable") == 1 and converged(stage) and len(stage.actions()) == done


def test_what_failed_while_the_engine_went_away_is_told_as_that_alone(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(SHOP), Faults(away=((NOW + 1, NOW + 20),)))
    stage.clock.sleep(2)
    stage.bench.perform("db")
    stage.turn("db")
    assert stage.bench.outcomes[0].may_pass and stage.said("EngineUnavailable") == 1
    stage.settle(60)
    assert converged(stage) and not stage.said("CreateFailed")


@pytest.mark.fault("D3")
def test_an_engine_may_be_away_for_half_a_day(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(SHOP), Faults(away=((NOW, NOW + 43200),)))
    stage.settle(43300, step=5)
    assert converged(stage)
