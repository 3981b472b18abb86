"""What hands set on containers, under the loop: set back once, replaced seldom, told where that is wanted."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.engines.simulated_hands import Hands
from controller.model.names import Instant
from controller.model.steps import Create, Limit, Stop
from tests.component.stage import Stage, load, service

pytestmark = [pytest.mark.unit, pytest.mark.fault("W10")]

ONE = {"web": service(restart="always")}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    made = Stage(tmp_path, load(ONE))
    made.settle(5)
    return made


def touch(stage: Stage, *, in_place: bool = True) -> None:
    (web,) = stage.replicas("web")
    stage.meddle(lambda hands, now: set_on(hands, web.id, now, in_place))


def set_on(hands: Hands, replica, now: Instant, in_place: bool) -> None:
    hands.limit(replica, now, in_place=in_place)


def count(stage: Stage, kind: type) -> int:
    return sum(isinstance(step, kind) for step in stage.bench.steps)


def test_a_limit_is_set_back_in_place(stage: Stage) -> None:
    (before,) = stage.replicas("web")
    touch(stage)
    stage.settle(2)
    (after,) = stage.replicas("web")
    assert (after.life, after.limits, count(stage, Limit)) == (before.life, (), 1)
    assert stage.said("Limited") == 1


def test_somebody_who_sets_it_again_and_again_is_followed_ever_more_slowly(stage: Stage) -> None:
    for _ in range(100):
        if not stage.replicas("web")[0].limits:
            touch(stage)
        stage.settle(1)
    assert 3 <= count(stage, Limit) <= 10


def test_what_only_another_one_is_without_takes_another_one_and_no_more_than_one(stage: Stage) -> None:
    (before,) = stage.replicas("web")
    touch(stage, in_place=False)
    stage.settle(120)
    assert stage.replicas("web")[0].id == before.id, "it is young"
    stage.settle(600)
    (after,) = stage.replicas("web")
    assert after.id != before.id and after.limits == ()
    assert (count(stage, Stop), count(stage, Create)) == (1, 2)


def test_under_report_it_is_told_and_left(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(ONE, reconcile={"drift": "report"}))
    stage.settle(5)
    touch(stage, in_place=False)
    stage.settle(700)
    assert (count(stage, Limit), count(stage, Stop)) == (0, 0)
    (told,) = [c for c in stage.statuses[-1].conditions if c.type == "Drifted"]
    assert "shop-web-1: HostConfig.Memory is 128 MiB, not none" in told.message
    assert stage.statuses[-1].phase == "Converged"
