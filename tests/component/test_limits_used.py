"""Limits that follow use, under the loop: written down before anything is done, brought about in place, given back."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from controller.loop.limits import Limits
from controller.model.adjustment import limit_of
from controller.model.errors import ControllerError
from controller.model.observed import Replica
from controller.model.resources import Limit as Most
from controller.model.room import Facts, Source
from controller.model.steps import Create
from controller.model.usage import EngineView
from tests.component.limited import (
    MIB,
    Loop,
    kill,
    limited,
    memory,
    messages,
    off,
    one,
    refuse_limits,
    set_by_hand,
    spec,
    stage_of,
)
from tests.component.stage import NOW, Stage, converged, load

pytestmark = pytest.mark.unit


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return stage_of(tmp_path)


def test_use_moves_the_limit_both_ways_in_place(stage: Stage) -> None:
    loop, before = Loop(stage), one(stage).life
    loop.measure(400, 20)
    assert memory(stage) == [24.0]
    loop.measure(70, 23)
    loop.measure(30, 60)
    assert memory(stage) == [117.0] and one(stage).life == before
    told = messages(stage, "LimitAdjusted")
    assert told[-1] == "memory 32Mi → 117Mi: uses 60Mi, at most 60Mi in 2m59s, 37Mi more than a cool-down ago"
    times = [event.at for event in stage.events if event.reason == "LimitAdjusted"]
    assert all(later - earlier >= 60.0 for earlier, later in pairwise(times))
    assert {type(step).__name__ for step in stage.bench.steps[2:]} == {"Limit"}


def test_what_was_needed_in_the_last_day_or_since_the_start_is_not_taken(stage: Stage) -> None:
    """A start needs more than what comes later: the next one would be killed."""
    loop = Loop(stage)
    loop.measure(20, 40)
    loop.measure(400, 20)
    assert memory(stage) == [48.0]
    for _ in range(4):
        stage.clock.sleep(30_000)
        loop.measure(10, 20)
    loop.measure(400, 20)
    assert memory(stage) == [48.0]
    stage.meddle(lambda hands, now: hands.crash(one(stage).id, now, 1))
    stage.settle(10)
    loop.measure(400, 20)
    assert memory(stage) == [24.0]


def test_of_whose_start_nobody_measured_nothing_is_taken(stage: Stage) -> None:
    loop = Loop(stage)
    stage.clock.sleep(3600)
    loop.measure(400, 20)
    assert memory(stage) == [64.0]
    stage.meddle(lambda hands, now: hands.crash(one(stage).id, now, 1))
    stage.settle(10)
    loop.measure(400, 20)
    assert memory(stage) == [24.0]


def lowered(stage: Stage) -> None:
    Loop(stage).measure(400, 20)
    assert memory(stage) == [24.0]


def test_who_is_killed_under_a_lowered_limit_has_its_own_again_and_that_is_no_fault_of_its_own(stage: Stage) -> None:
    lowered(stage)
    kill(stage, one(stage))
    stage.settle(5)
    assert (memory(stage), stage.running("web")) == ([124.0], 1)
    assert stage.reconciler.world.histories["web"].restarts == {}
    kill(stage, one(stage))
    stage.settle(10)
    assert stage.reconciler.world.histories["web"].restarts != {}, "that was not our limit"


def test_who_has_all_that_its_bounds_allow_is_started_with_growing_pauses_though_its_file_says_more(
    tmp_path: Path,
) -> None:
    stage = stage_of(tmp_path, {"web": limited("512m")})
    Loop(stage).measure(10, 100)
    assert memory(stage) == [256.0], "into its bounds"
    kill(stage, one(stage))
    stage.turn()
    assert stage.reconciler.world.histories["web"].restarts != {}
    assert (stage.store.adjustments.load()["web"].excused, stage.said("LimitAtBound")) == ((), 1)


def test_who_is_killed_again_since_the_engine_refuses_its_limit_waits_as_after_any_crash(stage: Stage) -> None:
    lowered(stage)
    refuse_limits(stage)
    web = one(stage).id
    for _ in range(3):
        kill(stage, one(stage))
        stage.settle(30, until=lambda: stage.running("web") == 1)
    assert memory(stage) == [24.0] and stage.reconciler.world.histories["web"].restarts[web].tries >= 2
    assert len(stage.store.adjustments.load()["web"].excused) == 1


def test_who_is_killed_under_a_lowered_limit_has_its_own_again_though_nothing_follows_use_any_more(
    stage: Stage,
) -> None:
    lowered(stage)
    stage.change({"web": limited()}, **spec("recommend"))
    stage.settle(5)
    assert memory(stage) == [24.0]
    kill(stage, one(stage))
    stage.settle(5)
    assert (memory(stage), stage.running("web")) == ([64.0], 1)


def test_a_release_that_is_killed_under_a_lowered_limit_has_not_failed(stage: Stage) -> None:
    lowered(stage)
    before, said = one(stage).id, spec()
    said["services"]["web"]["update"] = {"monitor": "10s", "failureAction": "rollback"}
    stage.change({"web": limited(environment={"V": "2"})}, **said)

    def there() -> list[Replica]:
        return [found for found in stage.replicas("web") if found.id != before and found.running]

    stage.settle(30, until=lambda: bool(there()))
    kill(stage, *there())
    stage.settle(60)
    assert converged(stage) and memory(stage) == [124.0] and one(stage).id != before
    assert stage.reconciler.world.histories["web"].failed == {}


def test_changes_in_quick_succession_are_no_contest_with_anybody(stage: Stage) -> None:
    loop = Loop(stage)
    for number in range(8):
        loop.measure(65, 58 + 8 * number)
    assert len(messages(stage, "LimitAdjusted")) >= 5 and stage.reconciler.senses.troubles.get("web") is None


@pytest.mark.parametrize("reconcile", [{"drift": "report"}, {"drift": "ignore"}, {"selfHeal": False}])
def test_whatever_becomes_of_drift_and_of_what_fell_over(tmp_path: Path, reconcile: dict[str, Any]) -> None:
    stage = stage_of(tmp_path, **spec(reconcile=reconcile))
    Loop(stage).measure(30, 60)
    assert memory(stage) == [72.0]
    assert not any(condition.type == "Drifted" for condition in stage.statuses[-1].services[0].conditions)


def test_no_limit_is_raised_that_the_machine_has_no_room_for(tmp_path: Path) -> None:
    said = spec()
    said["resources"]["admission"] = "enforce"
    machine = Facts(NOW, Source.HOST, cores=4, memory_total=1024 * MIB, memory_available=67 * MIB)
    stage = Stage(tmp_path, load({"web": limited()}, **said), machine=machine)
    stage.settle(10)
    loop = Loop(stage)
    loop.measure(30, 60)
    short = "needs 8Mi more of memory, 3Mi is free: short 5Mi"
    assert memory(stage) == [64.0] and messages(stage, "LimitHeld") == [f"memory 64Mi → 72Mi waits: {short}"]
    kill(stage, one(stage))
    stage.settle(10)
    assert memory(stage) == [64.0] and "memory 64Mi → 164Mi waits: needs 100Mi" in stage.reconciler.limits.said["web"]
    stage.machine = replace(machine, memory_available=800 * MIB)
    loop.measure(30, 60)
    assert memory(stage) == [164.0], "what it was found to need it has as soon as there is room"


def test_none_is_raised_by_hand_either_that_the_machine_has_no_room_for(tmp_path: Path) -> None:
    said = spec("recommend")
    said["resources"]["admission"] = "enforce"
    machine = Facts(NOW, Source.HOST, cores=4, memory_total=1024 * MIB, memory_available=67 * MIB)
    stage = Stage(tmp_path, load({"web": limited()}, **said), machine=machine)
    stage.settle(10)
    Loop(stage).measure(30, 60)
    with pytest.raises(ControllerError, match="web: no room for memory 64Mi → 72Mi: needs 8Mi more of memory, 3Mi is"):
        stage.wish("resources-apply", "web")
    assert stage.reconciler.world.raised == 0 and memory(stage) == [64.0]


def test_there_are_as_many_cores_as_the_engine_has_wherever_it_is(tmp_path: Path) -> None:
    said = spec()
    said["services"]["web"]["limits"] = {"minCpu": "0.1", "maxCpu": 8}
    stage = stage_of(tmp_path, **said)
    elsewhere = EngineView(2, 8 * 2**30, False)
    Loop(stage).measure(1200, 20, cores=7.9, engine=elsewhere)
    assert 1.9 <= (one(stage).limit.cpu or 0.0) <= 2.0


@pytest.mark.parametrize("mebibytes", [96, 64])
def test_what_a_hand_sets_is_drift_and_is_not_taken_for_a_change_of_ours(tmp_path: Path, mebibytes: int) -> None:
    """Also where that is what the Compose file says, or was ours once."""
    stage = stage_of(tmp_path, **spec(reconcile={"drift": "report"}))
    loop = Loop(stage)
    loop.measure(30, 60)
    set_by_hand(stage, mebibytes)
    assert memory(stage) == [float(mebibytes)]
    assert any(condition.type == "Drifted" for condition in stage.statuses[-1].services[0].conditions)
    loop.measure(300, 90)
    assert memory(stage) == [float(mebibytes)] and stage.said("LimitAdjusted") == 1, "nothing is told that is not done"
    kill(stage, one(stage))
    stage.settle(10)
    assert memory(stage) == [float(mebibytes)] and stage.said("LimitAdjusted") == 1


@pytest.mark.parametrize("mode", ["off", "recommend"])
def test_nothing_is_changed_that_is_only_to_be_recommended(tmp_path: Path, mode: str) -> None:
    stage = stage_of(tmp_path, **spec(mode))
    Loop(stage).measure(400, 60)
    assert memory(stage) == [64.0] and stage.store.adjustments.load() == {}


def test_while_another_release_comes_nothing_is_changed_and_it_has_the_same_limit(stage: Stage) -> None:
    loop = Loop(stage)
    loop.measure(30, 60)
    stage.change({"web": limited(environment={"V": "2"})}, **spec())
    stage.turn()
    assert not loop.stage.said("LimitAdjusted") > 1
    stage.settle(30)
    made = [step for step in stage.bench.steps if isinstance(step, Create)]
    assert limit_of(made[-1].template.body) == Most(72 * MIB, 1.0) and memory(stage) == [72.0]
    assert stage.actions().count(("Limit", "web")) == 1


def test_another_limit_in_the_compose_file_holds_as_it_stands(stage: Stage) -> None:
    loop = Loop(stage)
    loop.measure(30, 60)
    stage.change({"web": limited("128m")}, **spec())
    stage.settle(30, until=lambda: memory(stage) == [128.0])
    stage.settle(10)
    assert memory(stage) == [128.0]
    loop.measure(5, 60)
    assert stage.store.adjustments.load()["web"].limit == Most()
    stage.change({"web": limited("64m")}, **spec())
    stage.settle(30)
    assert memory(stage) == [72.0], "what held for that limit is remembered"


def test_a_way_back_over_another_limit_leads_to_what_held_before(stage: Stage) -> None:
    """What the older release was given, as it needed it: with the file's own it would be killed again."""
    loop = Loop(stage)
    loop.measure(30, 60)
    stage.change({"web": limited("96m", environment={"V": "2"})}, **spec())
    stage.settle(30)
    loop.measure(70, 90)
    assert memory(stage) == [144.0]
    stage.follow(stage.wish("rollout-undo"))
    stage.settle(30)
    assert memory(stage) == [72.0]
    assert {pair[0].memory for pair in stage.store.adjustments.load()["web"].former} == {64 * MIB}
    stage.change({"web": limited("96m", environment={"V": "3"})}, **spec())
    stage.settle(30)
    assert memory(stage) == [144.0]
    stage.follow(stage.wish("resources-undo", "web", confirm=True))
    assert stage.store.adjustments.load()["web"].former == ()


def test_without_bounds_it_is_given_back_once_it_uses_less(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    loop, used = Loop(stage), {"web": 70 * MIB}
    monkeypatch.setattr(Limits, "used", lambda self, stack, now: used)
    loop.measure(30, 60)
    stage.change({"web": limited()}, **{**spec(), "services": {}})
    stage.settle(10)
    assert memory(stage) == [72.0], "it uses more than its own"
    used["web"] = 20 * MIB
    loop.measure(5, 20)
    assert memory(stage) == [64.0]
    assert messages(stage, "LimitAdjusted")[-1].startswith("memory 72Mi → 64Mi, as the Compose file says: no bounds")


def test_without_bounds_what_nobody_measures_keeps_what_it_has(stage: Stage) -> None:
    loop = Loop(stage)
    loop.measure(30, 60)
    stage.settle(60)
    stage.change({"web": limited()}, **{**spec(), "services": {}})
    stage.settle(60)
    assert memory(stage) == [72.0] and stage.store.adjustments.load()["web"].limit.memory == 72 * MIB
    loop.measure(5, 20)
    assert memory(stage) == [64.0]


def gone_back(folder: Path) -> Stage:
    """An earlier release runs, lowered; the files have another limit for the present one."""
    stage = stage_of(folder)
    lowered(stage)
    stage.change({"web": limited("128m", environment={"V": "2"})}, **spec())
    stage.settle(30)
    Loop(stage).measure(5, 20)
    stage.follow(stage.wish("rollout-undo"))
    stage.settle(30)
    assert memory(stage) == [24.0]
    return stage


def test_what_holds_for_an_earlier_release_that_runs_is_given_back_too(tmp_path: Path) -> None:
    stage = gone_back(tmp_path)
    stage.change({"web": limited("128m", environment={"V": "2"})}, **off())
    stage.settle(10)
    assert memory(stage) == [64.0]
    assert messages(stage, "LimitAdjusted")[-1].startswith("memory 24Mi → 64Mi, as the Compose file says: no bounds")


def test_who_is_killed_under_a_lowered_limit_has_its_own_again_with_mode_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = gone_back(tmp_path)
    monkeypatch.setattr(Limits, "_settle_one", lambda *_: None)
    stage.change({"web": limited("128m", environment={"V": "2"})}, **off())
    stage.settle(5)
    assert memory(stage) == [24.0]
    kill(stage, one(stage))
    stage.settle(5)
    assert (memory(stage), stage.running("web")) == ([64.0], 1)
    told = stage.reconciler.limits.said["web"]
    kill(stage, one(stage))
    stage.settle(20)
    assert memory(stage) == [64.0] and "resources apply" not in stage.reconciler.limits.said["web"] != told
