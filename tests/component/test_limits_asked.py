"""What a person says of limits: undone, resumed, given back; and what comes of it where that cannot be had."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from controller.loop import acts
from controller.loop.limits import Limits
from controller.loop.store import Store
from controller.model.adjustment import Adjustment
from controller.model.decision import Hold
from controller.model.errors import ControllerError
from controller.model.resources import Limit as Most
from controller.model.wish import Wish
from tests.component.limited import MIB, Loop, kill, limited, memory, one, refuse_limits, spec, stage_of
from tests.component.stage import NOW, Stage, load, service

pytestmark = pytest.mark.unit


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return stage_of(tmp_path)


def test_undone_it_stays_so_until_a_person_or_the_manifest_says_otherwise(stage: Stage) -> None:
    loop, before = Loop(stage), one(stage).life
    loop.measure(30, 60)
    result = stage.follow(stage.wish("resources-undo", "web"))
    assert result is not None and result.ok and memory(stage) == [64.0] and one(stage).life == before
    assert "memory 72Mi → 64Mi" in result.message and "controller resources resume web" in result.message
    loop.measure(120, 60)
    assert memory(stage) == [64.0]
    stage.follow(stage.wish("resources-resume", "web"))
    loop.measure(10, 60)
    assert memory(stage) == [72.0]
    stage.follow(stage.wish("resources-undo", "web"))
    changed = spec()
    changed["services"]["web"]["limits"]["maxMemory"] = "300m"
    stage.change({"web": limited()}, **changed)
    loop.measure(120, 60)
    assert memory(stage) == [72.0]


def test_undone_the_kernel_may_kill_it_without_another_change(stage: Stage) -> None:
    stage.follow(stage.wish("resources-undo", "web"))
    kill(stage, one(stage))
    stage.settle(10)
    assert (memory(stage), stage.running("web")) == ([64.0], 1)


def test_it_is_not_undone_below_what_it_uses_unless_that_is_confirmed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    Loop(stage).measure(30, 60)
    monkeypatch.setattr(Limits, "used", lambda self, stack, now: {"web": 66 * MIB})
    with pytest.raises(ControllerError, match="uses 66Mi now, and its own memory limit is 64Mi"):
        stage.wish("resources-undo", "web")
    result = stage.follow(stage.wish("resources-undo", "web", confirm=True))
    assert result is not None and result.ok and memory(stage) == [64.0]


@pytest.mark.parametrize("verb", ["resources-undo", "release"])
def test_what_nobody_measures_is_not_undone_unless_that_is_confirmed(stage: Stage, verb: str) -> None:
    Loop(stage).measure(30, 60)
    stage.settle(60)
    with pytest.raises(ControllerError, match="what web uses now is not known, and its own memory limit is 64Mi"):
        stage.wish(verb)
    assert memory(stage) == [72.0] and stage.reconciler.limits.kept["web"].held_over is None
    result = stage.follow(stage.wish(verb, confirm=True))
    assert result is not None and result.ok and memory(stage) == [64.0]


def test_what_is_stopped_is_undone_whatever_is_known_of_it(stage: Stage) -> None:
    Loop(stage).measure(30, 60)
    stage.follow(stage.wish("stop", "web"))
    stage.settle(60)
    stage.wish("resources-undo", "web")
    stage.follow(stage.wish("start", "web"))
    assert (memory(stage), stage.running("web")) == ([64.0], 1)


def test_what_the_engine_refuses_is_the_end_of_the_wish_and_of_nothing_else(stage: Stage) -> None:
    Loop(stage).measure(30, 60)
    refuse_limits(stage)
    result = stage.follow(stage.wish("resources-undo", "web"))
    assert result is not None and not result.ok and result.message == "web: device or resource busy"
    kill(stage, one(stage))
    stage.settle(10)
    assert stage.running("web") == 1


def test_a_wish_that_comes_to_nothing_leaves_nothing_behind(stage: Stage) -> None:
    Loop(stage).measure(30, 60)
    before = stage.store.adjustments.load()["web"]
    perform = stage.engine.perform
    refuse_limits(stage)
    follower = stage.wish("resources-undo", "web")
    result = stage.follow(follower)
    assert result is not None and not result.ok
    acts.end(stage.reconciler, follower.wish, ok=result.ok)
    stage.engine.perform = perform  # type: ignore[method-assign]
    stage.settle(400)
    after = stage.store.adjustments.load()["web"]
    assert (after.limit, after.held_over) == (before.limit, None) and memory(stage) == [72.0]


def hold(stage: Stage, services: dict[str, Any], /, **said: Any) -> None:
    loaded = stage.commit(load(services, stage.reconciler.loaded, **said))
    held = replace(loaded, hold=Hold("MassRemovalHeld", "that may be a mistake"))
    stage.reconciler.adopt_generation(held, stage.clock.now())
    stage.settle(10)


def test_while_the_stack_is_held_a_wish_is_refused_and_leaves_nothing_behind(stage: Stage) -> None:
    Loop(stage).measure(30, 60)
    before = stage.store.adjustments.load()["web"]
    hold(stage, {"web": limited()}, **spec())
    follower = stage.wish("resources-undo", "web", confirm=True)
    result = stage.follow(follower, 10)
    assert result is not None and result.outcome == "held"
    acts.end(stage.reconciler, follower.wish, ok=result.ok)
    assert stage.store.adjustments.load()["web"].limit == before.limit


def test_two_wishes_that_come_to_nothing_leave_nothing_behind_either(stage: Stage) -> None:
    Loop(stage).measure(30, 60)
    before = stage.store.adjustments.load()["web"]
    hold(stage, {"web": limited()}, **spec())
    both = [stage.wish("resources-undo", "web", confirm=True) for _ in range(2)]
    results = [stage.follow(follower, 10) for follower in both]
    assert [result is not None and result.outcome for result in results] == ["held", "held"]
    for follower in both:
        acts.end(stage.reconciler, follower.wish, ok=False)
    after = stage.store.adjustments.load()["web"]
    assert (after.limit, after.held_over) == (before.limit, None)


def test_a_wish_that_could_not_be_written_down_is_none_to_lead_back_over(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ControllerError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(type(stage.store.adjustments), "record", refuse)
        with pytest.raises(ControllerError, match="the disk is full"):
            stage.wish("resources-undo", "web")
    Loop(stage).measure(30, 60)
    before = stage.store.adjustments.load()["web"]
    hold(stage, {"web": limited()}, **spec())
    follower = stage.wish("resources-undo", "web", confirm=True)
    result = stage.follow(follower, 10)
    assert result is not None and not result.ok
    acts.end(stage.reconciler, follower.wish, ok=result.ok)
    assert stage.store.adjustments.load()["web"].limit == before.limit


def test_while_the_stack_is_held_nothing_is_forgotten_or_given_back(tmp_path: Path) -> None:
    """What it is held for may be a mistake: its limits are wanted again as soon as that is mended."""
    stage = stage_of(tmp_path, {"web": limited(), "db": service()})
    loop = Loop(stage)
    loop.measure(30, 60)
    hold(stage, {"web": limited()}, **{**spec(), "services": {}})
    loop.measure(10, 20)
    assert stage.store.adjustments.load()["web"].limit.memory == 72 * MIB and memory(stage) == [72.0]
    hold(stage, {"db": service()}, **{**spec(), "services": {}})
    assert stage.store.adjustments.load().keys() == {"web"}
    stage.change({"web": limited(), "db": service()}, **spec())
    stage.settle(30)
    assert memory(stage) == [72.0]


def test_nothing_can_be_taken_of_what_nobody_measured(stage: Stage) -> None:
    with pytest.raises(ControllerError, match="nothing is known of what web uses"):
        stage.wish("resources-apply", "web")


def test_alone_a_wish_about_limits_does_nothing_else(stage: Stage) -> None:
    """Files that were edited meanwhile are another matter."""
    Loop(stage).measure(30, 60)
    stage.die()
    stage.open(load({"web": limited(environment={"V": "2"})}, stage.reconciler.loaded, **spec()))
    wish = Wish("resources-undo", ("web",))
    follower = stage.wish("resources-undo", "web")
    acts.narrow(stage.reconciler, wish)
    before = one(stage).life
    result = stage.follow(follower)
    assert result is not None and result.ok
    assert (one(stage).life, memory(stage)) == (before, [64.0])
    assert {type(step).__name__ for step in stage.bench.steps} == {"Limit"}
    assert stage.store.histories.load()["web"].attempt is None, "nothing was begun of which nothing was done"


def test_what_is_given_back_has_its_own_limits_and_nothing_is_remembered(stage: Stage) -> None:
    Loop(stage).measure(30, 60)
    before = one(stage).life
    follower = stage.wish("release")
    result = stage.follow(follower)
    assert result is not None and result.ok
    acts.end(stage.reconciler, follower.wish)
    assert (one(stage).life, memory(stage), stage.store.adjustments.load()) == (before, [64.0], {})
    stage.settle(10)
    assert memory(stage) == [64.0]


def test_what_is_down_is_given_back_too_and_holds_nothing_up(tmp_path: Path) -> None:
    own = Most(64 * MIB, 1.0)
    Store(tmp_path, lambda: NOW).adjustments.record({"job": Adjustment(own, own._replace(memory=80 * MIB))})
    job = limited(labels={"controller.simulated.job": "true", "controller.simulated.run": "1"}, restart="no")
    needs = {"job": {"condition": "service_completed_successfully", "required": True}}
    said = spec()
    said["services"]["job"] = said["services"]["web"]
    stage = stage_of(tmp_path, {"web": limited(depends_on=needs), "job": job}, **said)
    Loop(stage).measure(30, 60)
    assert stage.phases["job"] == "Completed" and memory(stage, "job") == [80.0]
    stage.follow(stage.wish("stop", "web"))
    follower = stage.wish("release")
    result = stage.follow(follower, 30)
    assert result is not None and result.ok, result
    acts.end(stage.reconciler, follower.wish)
    assert (memory(stage), memory(stage, "job"), stage.running()) == ([64.0], [64.0], 0)
    assert stage.store.adjustments.load() == {}


def test_what_was_gone_back_to_is_given_back_by_what_it_was_made_from(stage: Stage) -> None:
    stage.change({"web": limited("96m", environment={"V": "2"})}, **spec())
    stage.settle(30)
    Loop(stage).measure(30, 92)
    stage.follow(stage.wish("rollout-undo"))
    stage.settle(30)
    assert memory(stage) == [64.0]
    Loop(stage).measure(70, 60)
    assert memory(stage) == [111.0]
    follower = stage.wish("release")
    result = stage.follow(follower, 30)
    assert result is not None and result.ok, result
    acts.end(stage.reconciler, follower.wish)
    assert memory(stage) == [64.0]


def test_what_held_for_an_earlier_release_is_given_back_too(stage: Stage) -> None:
    Loop(stage).measure(30, 60)
    stage.change({"web": limited("128m", environment={"V": "2"})}, **spec())
    stage.settle(30)
    Loop(stage).measure(5, 60)
    stage.follow(stage.wish("rollout-undo"))
    stage.settle(30)
    assert memory(stage) == [72.0]
    follower = stage.wish("release", confirm=True)
    result = stage.follow(follower, 30)
    assert result is not None and result.ok, result
    acts.end(stage.reconciler, follower.wish)
    assert (memory(stage), stage.store.adjustments.load()) == ([64.0], {})


def test_what_was_gone_back_to_is_not_given_back_below_what_it_uses(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest files have more for it than what it was made from."""
    Loop(stage).measure(30, 60)
    stage.change({"web": limited("256m", environment={"V": "2"})}, **spec())
    stage.settle(30)
    stage.follow(stage.wish("rollout-undo"))
    stage.settle(30)
    assert memory(stage) == [72.0]
    monkeypatch.setattr(Limits, "used", lambda self, stack, now: {"web": 70 * MIB})
    with pytest.raises(ControllerError, match="web uses 70Mi now, and its own memory limit is 64Mi"):
        stage.wish("release")
    stage.reconciler.world.known = {}
    with pytest.raises(ControllerError, match="what shop-web-1 was made from is not known any more"):
        stage.wish("release")
    assert memory(stage) == [72.0]


def test_what_the_engine_did_not_give_back_is_not_forgotten(stage: Stage) -> None:
    Loop(stage).measure(30, 60)
    refuse_limits(stage)
    follower = stage.wish("release", timeout=5.0)
    result = stage.follow(follower)
    assert result is not None and not result.ok
    acts.end(stage.reconciler, follower.wish)
    assert memory(stage) == [72.0] and stage.store.adjustments.load()["web"].limit.memory == 72 * MIB


def test_a_service_that_is_gone_is_forgotten(stage: Stage) -> None:
    Loop(stage).measure(30, 60)
    stage.reconciler.adopt_generation(stage.commit(load({"db": service()})), stage.clock.now())
    stage.settle(10)
    assert stage.store.adjustments.load() == {}
