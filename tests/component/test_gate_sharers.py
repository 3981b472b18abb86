"""Who lives in another one's namespace and may not be started: its owner stays, and what only follows is let follow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from controller.loop.loaded import Loaded
from controller.model.phases import Phase
from tests.component.stage import Stage, converged, load, service

pytestmark = pytest.mark.unit

WHY = "not started, since security.scan.failOn is high: H05 /etc is here"


def shop(version: int, **web: Any) -> dict[str, Any]:
    side = service(network_mode="service:web", depends_on={"web": {"condition": "service_started", "restart": True}})
    return {"web": service(environment={"V": str(version)}, **web), "side": side}


def barred(loaded: Loaded, *names: str) -> Loaded:
    return replace(loaded, desired=replace(loaded.desired, barred=dict.fromkeys(names, WHY)))


def change(stage: Stage, services: dict[str, Any], /, *names: str, **spec: Any) -> None:
    loaded = barred(load(services, stage.reconciler.loaded, **spec), *names)
    stage.reconciler.adopt_generation(stage.commit(loaded), stage.clock.now())
    stage.turn()


def lives(stage: Stage) -> dict[str, Any]:
    return {one.name: one.life for one in stage.replicas()}


@pytest.fixture
def runs(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path, load(shop(1)))
    stage.settle(30, until=lambda: converged(stage))
    assert converged(stage) and stage.running() == 2
    [side], [web] = stage.replicas("side"), stage.replicas("web")
    assert side.namespace_of == web.id
    return stage


def test_who_does_not_live_there_yet_keeps_nobody(tmp_path: Path) -> None:
    """Its present replica has a network of its own: nothing is cut off."""
    stage = Stage(tmp_path, load({**shop(1), "side": service()}))
    stage.settle(30, until=lambda: converged(stage))
    before = lives(stage)
    change(stage, shop(2), "side")
    stage.settle(300, step=1.0)
    [side], [web] = stage.replicas("side"), stage.replicas("web")
    assert side.life == before[side.name] and web.life not in before.values()
    assert stage.reconciler.world.decisions["web"].phase is Phase.READY


@pytest.mark.parametrize("order", ["stop-first", "start-first"])
def test_an_owner_makes_no_way_while_who_lives_in_it_could_not_follow(runs: Stage, order: str) -> None:
    before = lives(runs)
    change(runs, shop(2), "side", services={"web": {"update": {"order": order}}})
    runs.settle(600, step=2.0)
    assert lives(runs) == before
    decision = runs.reconciler.world.decisions["web"]
    assert (decision.phase, decision.reason) == (Phase.DEGRADED, "Insecure")
    assert decision.message == f"stays, since side lives in its namespace and could not follow: {WHY}"
    result = runs.follow(runs.wish("apply"))
    assert result is not None and not result.ok and "side lives in its namespace" in result.message


def test_once_the_finding_is_mended_both_are_replaced(runs: Stage) -> None:
    before = lives(runs)
    change(runs, shop(2), "side")
    runs.settle(60)
    runs.reconciler.refresh(replace(runs.reconciler.loaded, desired=replace(runs.reconciler.loaded.desired, barred={})))
    runs.settle(120)
    assert converged(runs) and not before.items() & lives(runs).items()


def test_once_nobody_lives_in_it_any_more_it_is_replaced_at_once(runs: Stage) -> None:
    [web], [side] = runs.replicas("web"), runs.replicas("side")
    change(runs, shop(2), "side")
    runs.settle(10)
    runs.meddle(lambda hands, now: hands.crash(side.id, now))
    runs.settle(20)
    assert runs.running("web") == 1 and runs.replicas("web")[0].id != web.id
    assert runs.running("side") == 0 and runs.reconciler.world.decisions["side"].reason == "Insecure"


def test_who_runs_follows_an_owner_that_was_only_restarted(runs: Stage) -> None:
    [web], [side] = runs.replicas("web"), runs.replicas("side")
    change(runs, shop(1), "side")
    runs.meddle(lambda hands, now: hands.crash(web.id, now))
    runs.settle(60)
    [after] = runs.replicas("side")
    assert after.id == side.id and after.started_at > side.started_at
    assert runs.running() == 2 and runs.reconciler.world.decisions["side"].phase is Phase.READY


def test_an_owner_that_failed_goes_back_whoever_lives_in_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(shop(1)))
    stage.settle(30)
    [web] = stage.replicas("web")
    change(stage, shop(2, labels={"controller.simulated.crash-after": "0.1"}))
    stage.settle(600, until=lambda: stage.reconciler.world.decisions["web"].phase is Phase.ROLLING_BACK)
    stage.reconciler.refresh(barred(stage.reconciler.loaded, "side"))
    stage.settle(120)
    [back] = stage.replicas("web")
    assert back.revision == web.revision and stage.running("web") == 1
