"""What a stack goes back to as a whole: noted when it has settled whole, not while a release of it bakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.model.names import split_release
from tests.component.stage import SHOP, Stage, load, service

pytestmark = pytest.mark.unit

POLICY = {"services": {"web": {"update": {"monitor": "2s", "bake": "60s", "scope": "stack"}}}}
EDITED = {"db": service(environment={"V": "2"}), "web": service("db", environment={"V": "2"})}


def noted(stage: Stage) -> dict[str, str]:
    return {name: split_release(release)[0] for name, release in stage.store.stack.load().settled.items()}


def wanted(stage: Stage) -> dict[str, str]:
    return {name: str(want.revision) for name, want in stage.reconciler.loaded.desired.services.items()}


def test_a_release_that_bakes_is_not_yet_what_the_stack_goes_back_to(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(SHOP, **POLICY))
    stage.settle()
    first = wanted(stage)
    assert noted(stage) == first
    edited = stage.commit(load(EDITED, stage.reconciler.loaded, **POLICY))
    stage.reconciler.adopt_generation(edited, stage.clock.now())
    stage.settle(30.0)
    assert stage.reconciler.world.decisions["web"].reason == "Baking"
    assert wanted(stage) != first and noted(stage) == first
    stage.settle(90.0)
    assert noted(stage) == wanted(stage)


def test_a_pass_knows_what_was_noted_without_another_start_of_the_controller(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(SHOP, **POLICY))
    stage.settle()
    assert noted(stage) == wanted(stage)
    assert dict(stage.reconciler.world.settled) == dict(stage.store.stack.load().settled)
