"""State that is lost or damaged under services that run, on the real engine: history goes, no service does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.checks import docker, lives, running
from tests.engine.scenario import Scene, eventually
from tests.faults.test_state import cut, flip_all_over, lose_log

pytestmark = [pytest.mark.engine, pytest.mark.fault("S1")]


def database(scene: Scene) -> Path:
    (found,) = scene.state.rglob("state.db")
    return found


LOSSES: dict[str, Callable[[Scene], object]] = {
    "the whole folder": lambda scene: shutil.rmtree(scene.state),
    "half of the file": lambda scene: cut(database(scene)),
    "bytes all over": lambda scene: flip_all_over(database(scene)),
    "the log": lambda scene: lose_log(database(scene)),
}


@pytest.mark.timeout(240)
def test_whatever_is_lost_of_the_state_the_running_stack_is_taken_as_it_is(scene: Scene) -> None:
    scene.compose("services: {a: {SLEEP, deploy: {replicas: 2}}, b: {SLEEP}}")
    scene.done("apply")
    before = scene.containers()
    assert running(before) == {"a-1", "a-2", "b-1"}
    for loss, lose in LOSSES.items():
        with scene.step(f"lost: {loss}"):
            lose(scene)
            scene.done("apply", timeout=120)
            assert lives(scene.containers()) == lives(before)
            assert scene.data("plan")["changes"] == 0


def test_state_that_is_lost_under_a_running_controller_is_begun_anew(scene: Scene) -> None:
    scene.compose("services: {a: {SLEEP}, b: {SLEEP}}")
    with scene.daemon("--watch"):
        scene.await_phase("Converged", 60)
        before = scene.containers()
        with scene.step("the file is deleted, then a container"):
            for file in database(scene).parent.glob("state.db*"):
                file.unlink()
            docker("rm", "-f", before["a-1"].id)
            eventually(lambda: running(scene.containers()) == {"a-1", "b-1"}, 60)
        scene.await_phase("Converged", 60)
        assert lives(scene.containers(), but=["a"]) == lives(before, but=["a"])
