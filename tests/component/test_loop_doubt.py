"""A list that lies, a socket that may not be used: the loop says so, does nothing, and goes on when that is over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from controller.engines.errors import map_exception
from controller.engines.simulated_faults import Faults
from controller.model.errors import Transient
from controller.model.observed import Observed
from controller.model.steps import Outcome, Result, Step
from tests.component.stage import SHOP, Stage, load, service

pytestmark = pytest.mark.unit


@pytest.mark.fault("D6")
def test_empty_lists_now_and_then_remove_and_create_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(SHOP))
    stage.settle()
    done = stage.actions()
    stage._simulated.world._faults = Faults(vanished=0.5, seed=1)  # type: ignore[attr-defined]
    for _ in range(20):
        stage.turn()
        stage.settle(3)
    assert stage.said("EngineUnavailable") and stage.said("EngineAvailable")
    assert stage.actions() == done and len(stage.there("db")) == len(stage.there("web")) == 1


@pytest.mark.fault("D6")
def test_a_controller_that_begins_with_an_empty_list_believes_its_own_record(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(SHOP))
    stage.settle()
    done = stage.actions()
    stage.die()
    stage._simulated.world._faults = Faults(vanished=1.0)  # type: ignore[attr-defined]
    stage.begin(load(SHOP))
    stage.settle(30)
    assert "which exist" in (stage.reconciler.unavailable or "")
    assert stage.actions() == done[: len(stage.actions())] and not stage.bench.steps
    stage._simulated.world._faults = Faults()  # type: ignore[attr-defined]
    stage.settle(30)
    assert stage.phases == {"db": "Ready", "web": "Ready"} and not stage.bench.steps


@pytest.mark.fault("D6")
def test_a_controller_that_begins_with_an_orphan_of_its_own_takes_the_list_for_true(tmp_path: Path) -> None:
    """Also where nothing but its record tells of it: in no file, and in no generation any more."""
    stage = Stage(tmp_path, load({**SHOP, "old": service()}))
    stage.settle()
    stage.die()
    stage.begin(load(SHOP))
    stage.settle()
    assert stage.reconciler.unavailable is None and not stage.said("EngineUnavailable")
    assert stage.phases == {"db": "Ready", "web": "Ready"} and len(stage.there("old")) == 1


@pytest.mark.fault("D6")
def test_what_is_really_gone_is_put_up_again_at_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(SHOP))
    stage.settle()
    gone = stage.there("web")
    stage.meddle(lambda hands, now: hands.remove(gone[0], now))
    stage.settle(10)
    assert stage.phases == {"db": "Ready", "web": "Ready"} and stage.there("web") != gone


@pytest.mark.fault("D10")
def test_a_socket_that_may_not_be_used_any_more_is_said_and_forgiven_when_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the step that was refused for it is tried again at once, not after the longest pause."""
    stage = Stage(tmp_path, load(SHOP))
    stage.settle()
    db = stage.replicas("db")[0]

    def refuse(*_: object, **__: object) -> Observed:
        raise map_exception(PermissionError(13, "Permission denied", "/var/run/docker.sock"), "GET /containers/json")

    def refuse_steps(project: object, steps: Sequence[Step], *, deadline: float) -> Sequence[Outcome]:
        return [Outcome(step, Result.REJECTED, "no permission to use Docker's socket") for step in steps]

    stage.meddle(lambda hands, now: hands.kill(db.id, now))
    stage.turn("db")
    with monkeypatch.context() as lost:
        lost.setattr(stage.engine, "observe", refuse)
        lost.setattr(stage.engine, "perform", refuse_steps)
        stage.settle(60)
        assert "no permission to use Docker's socket" in (stage.reconciler.unavailable or "")
        assert stage.said("EngineUnavailable") == 1
    stage.settle(30, until=lambda: stage.phases.get("db") == "Ready" and stage.running("db") == 1)
    assert stage.running("db") == 1 and stage.replicas("db")[0].id == db.id


@pytest.mark.fault("D5")
@pytest.mark.parametrize("result", [Result.REJECTED, Result.TRANSIENT])
def test_a_look_that_fails_once_takes_no_pause_from_what_failed_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, result: Result
) -> None:
    """An image that nobody has is not asked for anew after each failed look."""
    stage = Stage(tmp_path, load({"db": service()}))

    def fail(project: object, steps: Sequence[Step], *, deadline: float) -> Sequence[Outcome]:
        return [Outcome(step, result, "no such image") for step in steps]

    def lose(*_: object, **__: object) -> Observed:
        raise Transient("no answer")

    monkeypatch.setattr(stage.engine, "perform", fail)
    stage.settle(60)
    troubles = stage.reconciler.senses.troubles
    before = troubles.get("db")
    assert before is not None
    with monkeypatch.context() as lost:
        lost.setattr(stage.engine, "observe", lose)
        stage.turn()
        assert stage.reconciler.unavailable is not None
    stage.turn()
    assert stage.reconciler.unavailable is None and troubles.get("db") == before
    assert stage.reconciler.world.views["db"].trouble == before
