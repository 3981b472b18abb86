"""Restart, halt and resume of updates; services that go from the files and come back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from controller.model.decision import Hold
from controller.model.errors import ControllerError
from controller.model.generation import Ending
from controller.model.observed import ReplicaPhase
from tests.component.releases import CONVERGED, conditions, done, endings, images, phase, shop
from tests.component.stage import SHOP, Stage, load, service

pytestmark = pytest.mark.unit


def test_a_restart_replaces_every_replica_though_nothing_changed(stage: Stage) -> None:
    before = {replica.id for replica in stage.replicas()}
    done(stage, "rollout-restart", "web", who="ada")
    kept = before & {replica.id for replica in stage.replicas()}
    assert kept == {replica.id for replica in stage.replicas("db")} and stage.running("web") == 1
    last = stage.store.stack.last_generation()
    assert last is not None and (last.cause, last.ending) == (("ada", "restart web"), CONVERGED)
    ids = [replica.id for replica in stage.replicas("web")]
    stage.settle(100)
    assert [replica.id for replica in stage.replicas("web")] == ids


def test_a_restart_takes_a_tag_that_has_moved_of_what_it_names_alone(stage: Stage) -> None:
    stage._simulated.moved.update(["web:2", "busybox"])
    old = {replica.service: replica.image_id for replica in stage.replicas()}
    done(stage, "rollout-restart", "web")
    new = {replica.service: replica.image_id for replica in stage.replicas()}
    assert new["web"] != old["web"] and new["db"] == old["db"]


def test_a_restart_of_a_controller_that_was_not_there_sees_what_is_to_go(stage: Stage, tmp_path: Path) -> None:
    """As the command line does where no daemon runs: the wish comes before the first look."""
    before = {replica.id for replica in stage.replicas("web")}
    stage.die()
    stage.open(load(shop(2)))
    done(stage, "rollout-restart", "web")
    assert before.isdisjoint(replica.id for replica in stage.replicas("web"))


def test_a_restart_of_which_the_new_replica_dies_is_told_and_has_failed(tmp_path: Path) -> None:
    """What ran before runs on, so that nothing of its state shows that something was asked for in vain."""
    policy = {"services": {"web": {"update": {"order": "start-first", "monitor": "5s"}}}}
    stage = Stage(tmp_path, load(shop(1), **policy))
    stage.settle()
    [old] = stage.replicas("web")
    follower = stage.wish("rollout-restart", "web")
    stage.settle(60, until=lambda: stage.running("web") == 2)
    [new] = [replica for replica in stage.replicas("web") if replica.id != old.id]
    stage.meddle(lambda hands, now: hands.crash(new.id, now))
    result = stage.follow(follower, 60)
    assert result is not None and (result.outcome, result.ok) == ("failed", False)
    assert result.message.startswith(f"web was not restarted: {new.name} exited with 1")
    assert [replica.id for replica in stage.replicas("web")] == [old.id] and phase(stage) == ("Ready", "Ready")
    [told] = [event.message for event in stage.events if event.reason == "UpdateFailed"]
    assert told.startswith(f"{new.name} exited with 1")
    stage.settle(60)
    for _ in range(2):
        last = stage.store.stack.last_generation()
        assert last is not None and (last.ending, list(last.failed)) == (Ending.FAILED, ["web"])
        stage.die()
        stage.begin(load(shop(1), **policy))
        stage.settle(30)
    done(stage, "rollout-restart", "web")
    assert endings(stage)[-1] is CONVERGED


def test_what_does_not_run_is_not_restarted(tmp_path: Path) -> None:
    job = {"image": "migrate", "restart": "no", "labels": {"controller.simulated.job": "true"}}
    stage = Stage(tmp_path, load({**SHOP, "migrate": job}, services={"migrate": {"job": True}}))
    stage.settle()
    done(stage, "stop", "web")
    before = {replica.id for replica in stage.replicas("migrate")}
    with pytest.raises(ControllerError, match="web is stopped"):
        stage.wish("rollout-restart", "web")
    with pytest.raises(ControllerError, match="migrate is a job"):
        stage.wish("rollout-restart", "db", "migrate")
    assert len(endings(stage)) == 1
    done(stage, "rollout-restart")
    assert before == {replica.id for replica in stage.replicas("migrate")} and stage.running("web") == 0


def test_a_halted_update_begins_no_batch_and_heals_until_it_is_resumed(stage: Stage) -> None:
    done(stage, "rollout-pause")
    stage.change(shop(3))
    stage.settle(60)
    assert images(stage) == {"web:2"} and "Halted" in conditions(stage)
    [replica] = stage.replicas("web")
    stage.meddle(lambda hands, now: hands.kill(replica.id, now))
    stage.settle(60)
    assert stage.running("web") == 1 and images(stage) == {"web:2"}
    done(stage, "rollout-resume")
    stage.settle()
    assert images(stage) == {"web:3"}


def test_time_in_which_a_person_had_it_stopped_runs_against_no_release(stage: Stage) -> None:
    stage.change(shop(3))
    stage.settle(60, until=lambda: any(r.phase is ReplicaPhase.CREATED for r in stage.replicas("web")))
    assert images(stage) == {"web:3"}, "made, and not started yet"
    done(stage, "stop", "web")
    stage.settle(700)
    done(stage, "start", "web")
    stage.settle()
    assert phase(stage) == ("Ready", "Ready") and images(stage) == {"web:3"}


def readopt(stage: Stage, services: dict[str, Any]) -> None:
    """Newer files, read when what is in none of them has no container any more."""
    stage.reconciler.adopt_generation(stage.commit(load(services)), stage.clock.now())


def restart(stage: Stage, services: dict[str, Any]) -> None:
    stage.die()
    stage.begin(load(services))


@pytest.mark.parametrize("read", [readopt, restart])
def test_what_was_removed_and_pruned_is_another_one_when_it_is_added_again(
    stage: Stage, read: Callable[[Stage, dict[str, Any]], None]
) -> None:
    done(stage, "rollout-pause", "web")
    stage.change({"db": service()})
    done(stage, "prune")
    assert stage.store.histories.load()["web"].halted, "the file may be on its way back"
    read(stage, {"db": service()})
    stage.settle(10)
    assert set(stage.store.histories.load()) == {"db"}
    for version in (2, 3):
        stage.change(shop(version))
        stage.settle()
        assert images(stage) == {f"web:{version}"} and phase(stage) == ("Ready", "Ready")


def test_an_orphan_that_is_added_again_is_the_same_as_before(stage: Stage) -> None:
    done(stage, "rollout-pause", "web")
    stage.change({"db": service()})
    stage.settle(10)
    stage.change(shop(3))
    stage.settle(30)
    assert images(stage) == {"web:2"} and "Halted" in conditions(stage)


def test_what_is_in_no_file_is_not_forgotten_while_the_files_are_not_believed(stage: Stage) -> None:
    done(stage, "rollout-pause", "web")
    stage.die()
    stage.begin(replace(load({"db": service()}), hold=Hold("EnvironmentIncomplete", "set before, unset now: TAG")))
    stage.settle(10)
    assert stage.store.histories.load()["web"].halted
