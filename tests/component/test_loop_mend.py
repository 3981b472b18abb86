"""A name that a stranger holds can never be given back: the service goes on without it, and it is asked for seldom."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from controller.engines.simulated_hands import Hands
from controller.model.steps import Rename, Result
from tests.component.stage import Stage, load, service

pytestmark = [pytest.mark.unit, pytest.mark.fault("W10")]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Two replicas run; the name of the first was changed, and another container has it now."""
    made = Stage(tmp_path, load({"web": service(scale=2)}))
    made.settle()
    first, _ = made.replicas("web")

    def rename(hands: Hands, now: float) -> None:
        record = hands._simulation.find(first.id)
        assert record is not None
        hands._simulation.containers.rename(record, "x")
        record.base = replace(record.base, proper_name=first.name)
        hands._simulation.processes.mark(record, record.phase)

    made.meddle(rename)
    made.refuse(Rename, Result.CONFLICT, "the name is already in use")
    made.turn()
    made.settle(20)
    assert ("Rename", "web") in made.actions()
    return made


def test_one_that_fell_is_put_up(stage: Stage) -> None:
    _, second = stage.replicas("web")
    for _ in range(3):
        stage.meddle(lambda hands, now: hands.crash(second.id, now))
        stage.turn()
        stage.settle(5)
        assert stage.running("web") == 2


def test_it_is_scaled_and_updated(stage: Stage) -> None:
    stage.change({"web": service(scale=3)})
    stage.settle(30)
    assert stage.running("web") == 3
    stage.change({"web": service(scale=3, environment={"V": "2"})})
    stage.settle(120)
    wanted = stage.reconciler.world.desired.services["web"].revision
    assert [replica.revision for replica in stage.reconciler.world.views["web"].replicas] == [wanted] * 3


def test_the_name_is_asked_for_less_and_less(stage: Stage) -> None:
    stage.settle(3600, step=1.0)
    assert 10 <= stage.actions().count(("Rename", "web")) <= 30
    assert stage.phases == {"web": "Ready"}
