"""A list that shows nothing of what exists: the loop says so, does nothing, and goes on when it is whole again."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.engines.simulated_faults import Faults
from tests.component.stage import SHOP, Stage, load

pytestmark = [pytest.mark.unit, pytest.mark.fault("D6")]


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


def test_what_is_really_gone_is_put_up_again_at_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(SHOP))
    stage.settle()
    gone = stage.there("web")
    stage.meddle(lambda hands, now: hands.remove(gone[0], now))
    stage.settle(10)
    assert stage.phases == {"db": "Ready", "web": "Ready"} and stage.there("web") != gone
