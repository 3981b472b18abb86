"""While an image is on its way, which takes up to hours, the loop goes on with all that does not need it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from controller.model.decision import Grant
from controller.model.generation import Ending
from controller.model.steps import Pull, Start
from tests.component.releases import endings
from tests.component.stage import Stage, load, service

pytestmark = [pytest.mark.unit, pytest.mark.fault("I1")]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Two of `web` serve, and an edit asks for an image that is not here; nobody has fetched it yet."""
    made = Stage(tmp_path, load({"web": service(image="web:1", scale=2)}))
    made._simulated._missing = frozenset({"web:2", "web:3"})
    made.settle(10)
    made.change({"web": service(image="web:2", scale=2)})
    made.turn()
    assert fetched(made) == ["web:2"]
    return made


def fetched(stage: Stage) -> list[str]:
    """What is on its way."""
    return [step.image for batch in stage.bench.waiting for step in batch.steps if isinstance(step, Pull)]


def begun(stage: Stage) -> list[str]:
    """Who is being put up again."""
    return [step.replica for batch in stage.bench.waiting for step in batch.steps if isinstance(step, Start)]


def let_act(stage: Stage) -> None:
    """Have everything done but what fetches, which takes long."""
    held = [batch for batch in stage.bench.waiting if batch.fetches]
    stage.bench.waiting = [batch for batch in stage.bench.waiting if not batch.fetches]
    stage.bench.perform()
    stage.bench.waiting += held


def fall(stage: Stage) -> None:
    victim = stage.replicas("web")[0].id
    stage.meddle(lambda hands, now: hands.kill(victim, now))
    stage.turn("web")


def test_who_falls_meanwhile_is_put_up_again_and_the_image_asked_for_once(stage: Stage) -> None:
    victim = stage.replicas("web")[0].id
    fall(stage)
    assert begun(stage) == [victim] and fetched(stage) == ["web:2"]
    let_act(stage)
    stage.clock.sleep(2.0)
    stage.turn("web")
    assert stage.running("web") == 2 and fetched(stage) == ["web:2"] and stage.phases["web"] == "Updating"
    stage.settle(60)
    assert {replica.image for replica in stage.replicas("web")} == {"web:2"} and stage.phases["web"] == "Ready"
    assert sum(isinstance(step, Pull) for step in stage.bench.steps) == 1


def test_who_has_fallen_when_it_is_asked_for_is_put_up_before_it_is_here(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load({"web": service(image="web:1", scale=2)}))
    stage._simulated._missing = frozenset({"web:2"})
    stage.settle(10)
    victim = stage.replicas("web")[0].id
    stage.meddle(lambda hands, now: hands.kill(victim, now))
    stage.change({"web": service(image="web:2", scale=2)})
    stage.turn()
    assert (begun(stage), fetched(stage)) == ([victim], ["web:2"])
    let_act(stage)
    assert stage.running("web") == 2 and fetched(stage) == ["web:2"]


def test_what_is_asked_for_instead_does_not_wait_for_the_first(stage: Stage) -> None:
    stage.change({"web": service(image="web:3", scale=2)})
    stage.turn()
    assert fetched(stage) == ["web:2", "web:3"]
    first = [batch for batch in stage.bench.waiting if batch.fetches == "web:2"]
    stage.bench.waiting = [batch for batch in stage.bench.waiting if batch.fetches == "web:3"]
    stage.settle(60)
    assert {replica.image for replica in stage.replicas("web")} == {"web:3"} and stage.phases["web"] == "Ready"
    assert endings(stage)[-1] is Ending.CONVERGED, "what nobody needs any more holds up no end"
    stage.bench.waiting += first
    stage.settle(60)
    assert {replica.image for replica in stage.replicas("web")} == {"web:3"} and stage.phases["web"] == "Ready"


def test_an_image_that_is_always_pulled_is_pulled_once_whatever_ends_late(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load({"web": service(image="web:1", pull_policy="always", scale=2)}))
    stage.settle(10)
    for image in ("web:2", "web:3"):
        stage.change({"web": service(image=image, pull_policy="always", scale=2)})
        stage.turn()
    assert fetched(stage) == ["web:2", "web:3"]
    first = [batch for batch in stage.bench.waiting if batch.fetches == "web:2"]
    stage.bench.waiting = [batch for batch in stage.bench.waiting if batch.fetches == "web:3"]
    stage.settle(60, until=lambda: "web:3" in {replica.image for replica in stage.replicas("web")})
    stage.bench.waiting += first
    stage.settle(60)
    assert {replica.image for replica in stage.replicas("web")} == {"web:3"} and stage.phases["web"] == "Ready"
    assert [step.image for step in stage.bench.steps if isinstance(step, Pull)] == ["web:1", "web:3", "web:2"]


def test_a_wish_is_not_given_up_while_what_mends_it_is_on_its_way(tmp_path: Path) -> None:
    """That what runs was restarted often says nothing of what is asked for."""
    stage = Stage(tmp_path, load({"web": service(image="web:1")}))
    stage._simulated._missing = frozenset({"web:2"})
    stage.settle(10)
    world = stage.reconciler.world
    (web,) = stage.replicas("web")
    world.remember("web", replace(world.histories["web"], restarts={web.id: Grant(9, stage.clock.now() - 5)}))
    stage.change({"web": service(image="web:2")})
    follower = stage.wish("apply")
    stage.turn()
    assert fetched(stage) == ["web:2"] and follower.look(stage.clock.now()) is None
    result = stage.follow(follower)
    assert result is not None and result.ok


def test_a_stop_does_not_wait_for_it(stage: Stage) -> None:
    follower = stage.wish("stop", "web")
    stage.turn()
    for _ in range(20):
        let_act(stage)
        stage.clock.sleep(1.0)
        stage.turn()
    result = follower.look(stage.clock.now())
    assert result is not None and result.outcome == "stopped" and stage.running("web") == 0
    assert fetched(stage) == ["web:2"]
