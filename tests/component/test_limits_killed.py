"""Limits of who was killed for want of memory: raised before the next life, and no more than that needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from controller.engines.simulated_hands import Hands
from controller.model.errors import ControllerError
from controller.model.observed import Replica
from controller.model.steps import Limit, Outcome, Result, Start
from tests.component.limited import (
    MIB,
    kill,
    limited,
    memory,
    messages,
    name_limit,
    one,
    set_by_hand,
    spec,
    stage_of,
)
from tests.component.stage import Stage, load

pytestmark = pytest.mark.unit


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return stage_of(tmp_path)


def test_one_that_was_killed_has_more_before_it_is_started_again(stage: Stage) -> None:
    before = one(stage)
    kill(stage, before)
    stage.turn()
    (batch,) = stage.bench.waiting
    assert [type(step) for step in batch.steps] == [Limit]
    stage.bench.perform()
    stage.turn()
    (batch,) = stage.bench.waiting
    assert [type(step) for step in batch.steps] == [Start]
    assert messages(stage, "LimitAdjusted") == ["memory 64Mi → 164Mi: the kernel killed shop-web-1 for want of memory"]
    stage.settle(5)
    assert (one(stage).id, memory(stage), stage.running("web")) == (before.id, [164.0], 1)
    stage.settle(120)
    assert stage.said("LimitAdjusted") == 1 and stage.actions().count(("Limit", "web")) == 1


def test_what_was_written_down_is_done_by_who_comes_after_us(stage: Stage) -> None:
    kill(stage, one(stage))
    stage.turn()
    stage.die()
    stage.begin(load({"web": limited()}, **spec()))
    stage.settle(10)
    assert (memory(stage), stage.running("web")) == ([164.0], 1)
    assert messages(stage, "LimitAdjusted") == ["memory 64Mi → 164Mi: the kernel killed shop-web-1 for want of memory"]
    stage.die()
    stage.begin(load({"web": limited()}, **spec()))
    stage.settle(10)
    assert memory(stage) == [164.0] and stage.said("LimitAdjusted") == 1


def test_of_what_could_not_be_written_down_nothing_is_done(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    kill(stage, one(stage))

    def refuse(*_: object) -> None:
        raise ControllerError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(type(stage.store.adjustments), "record", refuse)
        with pytest.raises(ControllerError):
            stage.turn()
        assert stage.bench.waiting == [] and stage.reconciler.limits.kept == {}
    stage.turn()
    stage.settle(5)
    assert memory(stage) == [164.0] and stage.said("LimitAdjusted") == 1


def test_those_that_are_killed_together_are_given_more_once(tmp_path: Path) -> None:
    stage = stage_of(tmp_path, {"web": limited(scale=3)})
    kill(stage, *stage.replicas("web"))
    stage.settle(10)
    assert memory(stage) == [164.0] * 3 and stage.running("web") == 3
    assert stage.said("LimitAdjusted") == 1


def test_one_that_is_killed_again_has_all_that_its_bounds_allow_and_then_that_is_told(stage: Stage) -> None:
    for _ in range(3):
        kill(stage, one(stage))
        stage.settle(20)
    assert memory(stage) == [256.0]
    assert (stage.said("LimitAdjusted"), stage.said("LimitAtBound")) == (2, 1)
    assert stage.reconciler.limits.said["web"] == "it has all that limits.maxMemory allows: 256Mi"


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(spec("recommend"), id="only recommended"),
        pytest.param({**spec(), "services": {}}, id="without bounds"),
    ],
)
def test_where_limits_are_not_to_follow_more_is_recommended_and_kept_in_mind(tmp_path: Path, said: Any) -> None:
    stage = stage_of(tmp_path, **said)
    kill(stage, one(stage))
    stage.settle(10)
    assert memory(stage) == [64.0] and stage.running("web") == 1 and stage.said("LimitAdjusted") == 0
    assert stage.reconciler.limits.said["web"].startswith("raise its memory limit: 164Mi rather than 64Mi")
    need = stage.store.adjustments.load()["web"].need
    assert need is not None and need.memory == 164 * MIB


@pytest.mark.parametrize("mode", ["apply", "off"])
def test_a_plain_crash_and_one_that_was_killed_by_hand_need_no_more_memory(tmp_path: Path, mode: str) -> None:
    stage = stage_of(tmp_path, **spec(mode))
    web = one(stage).id
    stage.meddle(lambda hands, now: hands.crash(web, now, 1))
    stage.settle(10)
    stage.meddle(lambda hands, now: hands.kill(web, now))
    stage.settle(10)
    assert memory(stage) == [64.0] and stage.store.adjustments.load() == {}


def say_killed(stage: Stage, replica: Replica | None = None) -> None:
    """The engine says of its present life that the kernel killed something for want of memory."""
    web = (replica or one(stage)).id

    def mark(hands: Hands, now: float) -> None:
        record = hands._simulation.find(web)
        assert record is not None
        hands._simulation.processes.mark(record, record.phase)
        record.oom_killed = True

    stage.meddle(mark)


def test_a_process_of_it_that_was_killed_while_it_lives_on_counts_once(stage: Stage) -> None:
    before = one(stage)
    say_killed(stage)
    stage.settle(60)
    assert (one(stage).life, memory(stage), stage.said("LimitAdjusted")) == (before.life, [164.0], 1)


def test_one_that_dies_again_before_its_new_limit_is_in_force_needs_no_more_for_that(stage: Stage) -> None:
    """Docker starts it again on its own, or the engine says the same of what was not started yet when it was seen."""
    web = one(stage).id
    kill(stage, one(stage))
    stage.turn()

    def die_again(hands: Hands, now: float) -> None:
        record = hands._simulation.find(web)
        assert record is not None
        record.started_at = now
        hands._simulation.processes.mark(record, record.phase)

    stage.clock.sleep(0.1)
    stage.meddle(die_again)
    stage.settle(20)
    assert (memory(stage), stage.said("LimitAdjusted"), stage.running("web")) == ([164.0], 1, 1)
    kill(stage, one(stage))
    stage.settle(20)
    assert (memory(stage), stage.said("LimitAdjusted")) == ([256.0], 2), "it was seen under the new one"


def test_one_that_docker_started_again_and_that_is_killed_as_it_gets_its_new_limit_needs_no_more(
    tmp_path: Path,
) -> None:
    """The engine names the new limit while it is set; who was killed before that came to its end is told of later."""
    stage = stage_of(tmp_path, {"web": limited(restart="unless-stopped")})
    kill(stage, one(stage))
    stage.turn()
    stage.clock.sleep(0.15)
    stage.turn()
    assert one(stage).running and memory(stage) == [64.0], "Docker started it under what it had"
    name_limit(stage, 164)
    stage.turn()
    stage.clock.sleep(5.0)
    stage.bench.perform()
    stage.turn()
    assert memory(stage) == [164.0] and stage.store.adjustments.load()["web"].reached == (one(stage).id,)
    stage.clock.sleep(0.05)
    kill(stage, one(stage))
    stage.turn()
    assert (memory(stage), stage.said("LimitAdjusted")) == ([164.0], 1)
    stage.clock.sleep(0.25)
    stage.turn()
    assert one(stage).running
    kill(stage, one(stage))
    stage.turn()
    assert stage.said("LimitAdjusted") == 2, "that life began under the new one"
    stage.settle(10)
    assert (memory(stage), stage.running("web")) == ([256.0], 1)


def test_where_a_hand_set_the_cores_memory_is_raised_as_often_as_that_is_needed(tmp_path: Path) -> None:
    stage = stage_of(tmp_path, **spec(reconcile={"drift": "report"}))
    set_by_hand(stage, 64, cores=0.5)
    for raised in (164.0, 256.0):
        kill(stage, one(stage))
        stage.settle(30)
        assert (memory(stage), one(stage).limit.cpu, stage.running("web")) == ([raised], 0.5, 1)


def test_what_follows_a_raise_keeps_nobody_from_having_more_who_is_killed_meanwhile(tmp_path: Path) -> None:
    """The other one has its new limit already, while the first one still waits to be started."""
    stage = stage_of(tmp_path, {"web": limited(scale=2)})
    first, other = stage.replicas("web")
    kill(stage, first)
    stage.turn()
    stage.bench.perform()
    assert memory(stage) == [164.0, 164.0]
    stage.turn()
    assert [type(step) for batch in stage.bench.waiting for step in batch.steps] == [Start]
    stage.clock.sleep(5.0)
    say_killed(stage, other)
    stage.turn()
    stage.settle(60)
    assert (memory(stage), stage.said("LimitAdjusted"), stage.running("web")) == ([256.0, 256.0], 2, 2)


def test_a_limit_that_is_named_while_it_is_set_and_taken_back_as_that_fails_is_set_again(tmp_path: Path) -> None:
    """As 20.10 does where a container ends meanwhile: what it names then is no hand's work."""
    stage = stage_of(tmp_path, **spec(reconcile={"drift": "report"}))
    say_killed(stage)
    stage.turn()
    assert stage.store.adjustments.load()["web"].limit.memory == 164 * MIB and memory(stage) == [64.0]
    name_limit(stage, 164)
    stage.turn()
    assert memory(stage) == [164.0] and stage.store.adjustments.load()["web"].reached == ()
    name_limit(stage, 64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage.engine, "perform", lambda _, steps, **__: [Outcome(steps[0], Result.TRANSIENT, "stopped")])
        stage.bench.perform()
    stage.turn()
    assert not any(condition.type == "Drifted" for condition in stage.statuses[-1].services[0].conditions)
    stage.settle(10)
    assert (memory(stage), stage.said("LimitFailed"), stage.said("LimitAdjusted")) == ([164.0], 1, 1)


def test_an_engine_that_says_so_of_each_later_life_says_nothing_new(stage: Stage) -> None:
    """As 20.10 does; there one that was killed counts, and one that ended by itself does not."""
    web = one(stage).id
    kill(stage, one(stage))
    stage.turn()
    stage.bench.perform()
    stage.turn()
    stage.bench.perform()
    say_killed(stage)
    stage.settle(20)
    assert (memory(stage), stage.said("LimitAdjusted")) == ([164.0], 1)
    stage.meddle(lambda hands, now: hands.crash(web, now, 1, oom=True))
    stage.turn()
    stage.bench.perform()
    say_killed(stage)
    stage.settle(20)
    assert (memory(stage), stage.said("LimitAdjusted")) == ([164.0], 1)
    kill(stage, one(stage))
    stage.settle(20)
    assert (memory(stage), stage.said("LimitAdjusted")) == ([256.0], 2)


def test_of_one_that_a_person_paused_nothing_is_changed_until_he_resumes(stage: Stage) -> None:
    stage.follow(stage.wish("pause", "web"))
    kill(stage, one(stage))
    stage.settle(10)
    assert memory(stage) == [64.0] and stage.said("LimitAdjusted") == 0
    stage.follow(stage.wish("resume", "web"))
    stage.settle(10)
    assert (memory(stage), stage.running("web")) == ([164.0], 1)
