"""What may not be started for a finding, under the loop: nothing of it comes up, and nothing that runs is touched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from controller.loop.loaded import Loaded
from controller.model.phases import Phase
from controller.model.routes import IngressPolicy
from tests.component.stage import Stage, converged, load, service

pytestmark = pytest.mark.unit

WHY = "not started, since security.scan.failOn is high: H03 it runs privileged"


def barred(loaded: Loaded, *names: str) -> Loaded:
    return replace(loaded, desired=replace(loaded.desired, barred=dict.fromkeys(names, WHY)))


def change(stage: Stage, services: dict[str, Any], *names: str) -> None:
    """Other files, of which these services have a finding."""
    loaded = barred(load(services, stage.reconciler.loaded), *names)
    stage.reconciler.adopt_generation(stage.commit(loaded), stage.clock.now())
    stage.turn()


def test_what_is_barred_is_not_made_and_all_else_is(tmp_path: Path) -> None:
    stage = Stage(tmp_path, barred(load({"db": service(), "web": service()}), "web"))
    stage.settle(60)
    decision = stage.reconciler.world.decisions["web"]
    assert (decision.phase, decision.reason, decision.message) == (Phase.FAILED, "Insecure", WHY)
    assert stage.there("web") == [] and stage.running("db") == 1
    assert not {"Create", "Pull", "Build", "Start"} & {action for action, name in stage.actions() if name == "web"}


def test_who_waits_for_it_waits(tmp_path: Path) -> None:
    stage = Stage(tmp_path, barred(load({"db": service(), "web": service("db")}), "db"))
    stage.settle(60)
    assert stage.running("web") == 0 and stage.reconciler.world.decisions["web"].phase is Phase.WAITING


def test_mended_it_starts(tmp_path: Path) -> None:
    stage = Stage(tmp_path, barred(load({"web": service()}), "web"))
    stage.settle(20)
    assert stage.there("web") == []
    change(stage, {"web": service()})
    stage.settle(20)
    assert converged(stage) and stage.running("web") == 1


@pytest.fixture
def runs(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path, load({"web": service()}))
    stage.settle(20, until=lambda: converged(stage))
    assert converged(stage)
    return stage


def test_what_runs_is_left_alone_by_a_release_that_may_not_come(runs: Stage) -> None:
    before = runs.replicas("web")
    done = len(runs.actions())
    change(runs, {"web": service(environment={"A": "1"})}, "web")
    runs.settle(1200, step=5.0)
    assert runs.replicas("web")[0].life == before[0].life and runs.actions()[done:] == []
    decision = runs.reconciler.world.decisions["web"]
    assert (decision.phase, decision.reason) == (Phase.DEGRADED, "Insecure")
    assert decision.history.failed == {}, "the release has not failed: it was never tried"


def test_what_runs_as_it_is_to_be_stays_ready_and_the_stack_says_so(runs: Stage) -> None:
    change(runs, {"web": service()}, "web")
    runs.settle(30)
    assert runs.reconciler.world.decisions["web"].phase is Phase.READY
    conditions = {one.type: one for one in runs.statuses[-1].conditions}
    assert conditions["Insecure"].status == "True" and WHY in conditions["Insecure"].message


@pytest.mark.parametrize("how", ["ends", "sickens"])
def test_what_runs_and_falls_over_is_not_put_up_again(runs: Stage, how: str) -> None:
    change(runs, {"web": service()}, "web")
    web, done = runs.replicas("web")[0].id, len(runs.actions())
    if how == "ends":
        runs.meddle(lambda hands, now: hands.crash(web, now))
    else:
        runs.meddle(lambda hands, now: hands.sicken(web, now))
    runs.settle(60)
    assert runs.actions()[done:] == []
    decision = runs.reconciler.world.decisions["web"]
    assert decision.reason == "Insecure" and decision.phase in (Phase.FAILED, Phase.DEGRADED)


def test_what_an_earlier_definition_made_is_kept_in_shape(runs: Stage) -> None:
    before = runs.replicas("web")[0]
    change(runs, {"web": service(environment={"A": "1"})}, "web")
    runs.settle(5)
    runs.meddle(lambda hands, now: hands.crash(before.id, now))
    runs.settle(30)
    assert (runs.replicas("web")[0].id, runs.running("web")) == (before.id, 1)


def test_a_job_that_runs_makes_way_for_none_that_may_not_come(tmp_path: Path) -> None:
    job = service(labels={"controller.simulated.job": "true", "controller.simulated.run": "500"})
    stage = Stage(tmp_path, load({"job": job}, services={"job": {"job": True}}))
    stage.settle(10)
    before = [one.life for one in stage.replicas("job")]
    assert stage.running("job") == 1
    other = {**job, "environment": {"A": "1"}}
    loaded = barred(load({"job": other}, stage.reconciler.loaded, services={"job": {"job": True}}), "job")
    stage.reconciler.adopt_generation(stage.commit(loaded), stage.clock.now())
    stage.turn()
    stage.settle(30)
    assert [one.life for one in stage.replicas("job")] == before


def test_an_update_that_is_under_way_takes_no_more_of_the_old_ones_down(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load({"web": service(scale=3)}))
    stage.settle(30, until=lambda: converged(stage))
    old = {one.id for one in stage.replicas("web")}

    def left() -> set[str]:
        return old & {one.id for one in stage.replicas("web")}

    change(stage, {"web": service(scale=3, environment={"A": "1"})})
    stage.settle(60, until=lambda: len(left()) == 2 and stage.running("web") == 3)
    assert len(left()) == 2, "it is under way"
    stage.reconciler.refresh(barred(stage.reconciler.loaded, "web"))
    stage.settle(120)
    assert len(left()) == 2 and stage.running("web") == 3


def test_a_waiver_counts_at_once_though_nothing_else_is_wanted(tmp_path: Path) -> None:
    stage = Stage(tmp_path, barred(load({"web": service()}), "web"))
    stage.settle(20)
    assert stage.there("web") == []
    stage.reconciler.refresh(stage.commit(load({"web": service()}, stage.reconciler.loaded)))
    stage.settle(20)
    assert converged(stage) and stage.running("web") == 1


def test_another_ingress_is_looked_at_at_once_though_nothing_else_is_wanted(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load({"web": service()}))
    stage.settle(20)
    woken: list[None] = []
    stage.reconciler.wake = lambda: woken.append(None)  # type: ignore[method-assign]
    stage.reconciler.refresh(stage.reconciler.loaded)
    assert woken == []
    stage.reconciler.refresh(replace(stage.reconciler.loaded, ingress=IngressPolicy(log=True)))
    assert len(woken) == 1


def test_a_way_back_is_open_to_what_ran_before(runs: Stage) -> None:
    """What fails and was let pass goes back, though its release before would not be let pass today."""
    before = runs.replicas("web")[0].revision
    bad = service(environment={"A": "1"}, labels={"controller.simulated.crash-after": "0.1"})
    change(runs, {"web": bad})
    runs.settle(600, step=1.0)
    assert [one.revision for one in runs.replicas("web")] == [before]


def test_an_apply_ends_at_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path, barred(load({"web": service()}), "web"))
    result = stage.follow(stage.wish("apply"))
    assert result is not None and not result.ok and result.message == f"web is Failed: {WHY}"
