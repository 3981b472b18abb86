"""What is learned of starts makes the next one quicker, and gives it the time that it takes."""

from __future__ import annotations

import pytest

from tests.engine.checks import hearing
from tests.engine.scenario import Scene, ready_after

pytestmark = pytest.mark.engine

NEEDS = ", depends_on: [first]"


def pair(needs: str = "") -> str:
    return f"quick: {{{ready_after(0.2)}{needs}}}, slow: {{{ready_after(2.0)}{needs}}}"


def begin(scene: Scene, *arguments: str) -> list[str]:
    """Who was started, in the engine's order, by an apply from nothing; all is gone again afterwards."""
    with hearing(scene.name, "start") as heard:
        scene.run("apply", *arguments)
    scene.hand("down", "--timeout", "0")
    return [one.name for one in heard if one.name != "first-1"]


@pytest.mark.slow
def test_what_was_learned_orders_starts_and_gives_them_their_time(scene: Scene) -> None:
    # Both are there, and wait, when the first one has begun; else who was made first would begin.
    scene.compose(f"services: {{first: {{SLEEP}}, {pair(NEEDS)}}}")
    scene.manifest("startup: {maxParallel: 1}")
    with scene.step("two starts, of which nothing was known before"):
        assert begin(scene) == ["quick-1", "slow-1"]
        begin(scene)
    with scene.step("the chart of the next one says which way takes longest"):
        planned = scene.data("plan")
        assert [row["service"] for row in planned["timeline"] if row["critical"]][-2:] == ["quick", "slow"]
        assert planned["predictedSeconds"] > 2.0
        assert "critical path" in scene.done("plan", "--timeline").out
    with scene.step("who takes longest begins, unless that is switched off"):
        assert begin(scene) == ["slow-1", "quick-1"]
        scene.manifest("startup: {maxParallel: 1}\noptimization: {longestPathFirst: false}")
        assert begin(scene) == ["quick-1", "slow-1"]
    with scene.step("a timeout that is shorter than it is known to take cuts no start short"):
        scene.compose(f"services: {{{pair()}}}")
        scene.manifest("startup: {timeout: 1500ms}")
        assert sorted(begin(scene)) == ["quick-1", "slow-1"]
        assert "converged" in scene.story[-2]
    with scene.step("unless what was learned is not to be heeded"):
        scene.manifest("startup: {timeout: 1500ms}\noptimization: {learnedTimeouts: false}")
        assert begin(scene, "--timeout", "5s").count("slow-1") >= 2
