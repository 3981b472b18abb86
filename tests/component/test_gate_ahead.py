"""Nothing makes way for what the last look would refuse: not for a release, nor for a way back that a person chose."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from controller.loop.gate import Gate
from controller.loop.loaded import Loaded
from controller.model.errors import ControllerError, Transient
from controller.model.phases import Phase
from controller.model.running import ImageFacts
from controller.model.scanning import FindingSeverity
from controller.security.subject import Project
from controller.security.waivers import Waived
from tests.component.releases import BROKEN, done, images, shop
from tests.component.stage import Stage, converged, load, service

pytestmark = pytest.mark.unit

BAD: dict[str, Any] = {"pid": "host"}
WAIVED = Waived("N02", "web", "meant so", date(2999, 1, 1))
STOP_FIRST, START_FIRST = ({"services": {"web": {"update": {"order": one}}}} for one in ("stop-first", "start-first"))


def gated(loaded: Loaded, *waivers: Waived) -> Loaded:
    """With a gate to which the files say nothing: what is wrong shows in the request alone."""
    project = Project("shop", {name: {} for name in loaded.desired.services})
    return replace(loaded, gate=Gate(FindingSeverity.HIGH, project, waivers=waivers))


def change(stage: Stage, services: dict[str, Any], /, *waivers: Waived, **spec: Any) -> None:
    loaded = gated(load(services, stage.reconciler.loaded, **spec), *waivers)
    stage.reconciler.adopt_generation(stage.commit(loaded), stage.clock.now())
    stage.turn()


@pytest.fixture(params=[STOP_FIRST, START_FIRST], ids=["stop first", "start first"])
def undone(tmp_path: Path, request: pytest.FixtureRequest) -> Stage:
    """The first release shares the host's processes; then came one that does not, and the gate."""
    stage = Stage(tmp_path, load(shop(1, **BAD), **request.param))
    stage.settle()
    change(stage, shop(2), **request.param)
    stage.settle()
    assert converged(stage) and images(stage) == {"web:2"}
    return stage


@pytest.mark.parametrize("names", [(), ("web",)], ids=["the stack", "the service"])
def test_an_undo_to_what_may_not_be_started_is_refused_and_touches_nothing(undone: Stage, names: tuple[str]) -> None:
    lives, before = [one.life for one in undone.replicas("web")], len(undone.actions())
    with pytest.raises(ControllerError, match=r"not gone back to generation 1: web not started.*N02") as refused:
        undone.wish("rollout-undo", *names)
    assert refused.value.hint is not None and "waiver" in refused.value.hint
    undone.settle(120)
    assert [one.life for one in undone.replicas("web")] == lives and len(undone.actions()) == before
    assert undone.store.histories.load()["web"].pinned is None
    done(undone, "apply")


def test_an_undo_to_what_is_waived_goes_there(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(shop(1, **BAD)))
    stage.settle()
    change(stage, shop(2), WAIVED)
    stage.settle()
    done(stage, "rollout-undo")
    assert images(stage) == {"web:1"}


def test_what_a_person_went_back_to_before_the_gate_came_runs_on(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(shop(1, **BAD)))
    stage.settle()
    stage.change(shop(2))
    stage.settle()
    done(stage, "rollout-undo")
    stage.reconciler.loaded = gated(stage.reconciler.loaded)
    stage.change(shop(2))
    stage.settle()
    assert images(stage) == {"web:1"}


def test_a_restart_of_what_a_person_went_back_to_stops_nobody(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(shop(1, **BAD)))
    stage.settle()
    stage.change(shop(2))
    stage.settle()
    done(stage, "rollout-undo")
    lives = [one.life for one in stage.replicas("web")]
    stage.reconciler.loaded = gated(stage.reconciler.loaded)
    result = stage.follow(stage.wish("rollout-restart", "web"))
    assert result is not None and not result.ok and "N02" in result.message
    assert [one.life for one in stage.replicas("web")] == lives


@pytest.mark.parametrize("spec", [STOP_FIRST, START_FIRST], ids=["stop first", "start first"])
def test_a_release_that_only_the_last_look_refuses_stops_nobody(tmp_path: Path, spec: dict[str, Any]) -> None:
    stage = Stage(tmp_path, gated(load(shop(1), **spec)))
    stage.settle()
    lives, before = [one.life for one in stage.replicas("web")], len(stage.actions())
    change(stage, shop(2, **BAD), **spec)
    stage.settle(600, step=2.0)
    assert [one.life for one in stage.replicas("web")] == lives
    assert {"Stop", "Remove", "Restart"}.isdisjoint(action for action, _ in stage.actions()[before:])
    assert stage.reconciler.world.decisions["web"].phase is Phase.DEGRADED
    if spec is STOP_FIRST:
        assert stage.reconciler.world.decisions["web"].reason == "Insecure"
        conditions = {one.type: one for one in stage.statuses[-1].conditions}
        assert "web not started" in conditions["Insecure"].message


def test_what_was_refused_comes_by_itself_once_it_may(tmp_path: Path) -> None:
    """A link that was turned back changes no file."""
    stage = Stage(tmp_path, gated(load(shop(1))))
    stage.settle()
    change(stage, shop(2, **BAD))
    stage.settle(30)
    assert images(stage) == {"web:1"} and stage.reconciler.loaded.desired.refused
    stage.reconciler.loaded = replace(
        stage.reconciler.loaded, gate=replace(stage.reconciler.loaded.gate, waivers=(WAIVED,))
    )
    stage.settle(120)
    assert images(stage) == {"web:2"} and converged(stage) and not stage.reconciler.loaded.desired.refused


def test_nobody_makes_way_for_what_nobody_could_look_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(tmp_path, gated(load(shop(1), **STOP_FIRST)))
    stage.settle()
    lives, known = [one.life for one in stage.replicas("web")], stage.engine.image_facts

    def hang(image: str, *, deadline: float = 5.0) -> ImageFacts | None:
        raise Transient("no answer")

    monkeypatch.setattr(stage.engine, "image_facts", hang)
    change(stage, shop(2), **STOP_FIRST)
    stage.settle(120)
    assert [one.life for one in stage.replicas("web")] == lives
    decision = stage.reconciler.world.decisions["web"]
    assert decision.reason == "Insecure" and "cannot be found out now: no answer" in decision.message
    monkeypatch.setattr(stage.engine, "image_facts", known)
    stage.settle(120)
    assert images(stage) == {"web:2"} and converged(stage)


def test_what_is_halted_is_healed_and_asks_for_no_successor(tmp_path: Path) -> None:
    """The old release runs on, whatever the gate says of the one that was halted."""
    stage = Stage(tmp_path, gated(load(shop(1))))
    stage.settle()
    change(stage, shop(2, **BAD))
    stage.wish("rollout-pause", "web")
    stage.settle(30)
    [old] = stage.replicas("web")
    stage.meddle(lambda hands, now: hands.crash(old.id, now))
    stage.settle(60)
    decision = stage.reconciler.world.decisions["web"]
    assert images(stage) == {"web:1"} and stage.running("web") == 1 and decision.successor is None
    assert stage.replicas("web")[0].life != old.life


def test_a_way_back_by_itself_is_open_though_it_would_not_be_let_pass_now(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(shop(1, **BAD)))
    stage.settle()
    change(stage, shop(2, labels=BROKEN))
    stage.settle(600, step=1.0)
    assert images(stage) == {"web:1"} and stage.running("web") == 1


def test_what_is_to_stop_for_good_makes_way_for_nobody(tmp_path: Path) -> None:
    stage = Stage(tmp_path, gated(load({"web": service(scale=3)})))
    stage.settle()
    change(stage, {"web": service(scale=3, **BAD)})
    stage.settle(30)
    assert stage.running("web") == 3
    done(stage, "stop", "web")
    assert stage.running("web") == 0
