"""Generations on the way: who, why, how they ended, and what is kept of them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from controller.loop.folders import DATABASE
from controller.loop.generation import last_services
from controller.loop.schema import MIGRATIONS, mark_of
from controller.loop.seal import teach
from controller.loop.store import Store
from controller.model.desired import Leaving
from controller.model.errors import ControllerError
from controller.model.generation import Ending
from controller.model.names import split_release
from controller.render.rollout import judge_progress
from tests.component.releases import (
    BROKEN,
    CONVERGED,
    ROLLED_BACK,
    SUPERSEDED,
    conditions,
    done,
    endings,
    images,
    phase,
    shop,
)
from tests.component.stage import NOW, Stage, load, service

pytestmark = pytest.mark.unit


def test_a_generation_that_converges_remembers_what_settled(stage: Stage) -> None:
    first, second = stage.store.stack.generations()
    assert (first.ending, second.ending) == (CONVERGED, CONVERGED)
    assert first.ended_at is not None and second.ended_at is not None and first.ended_at < second.ended_at
    assert first.releases["db"] == second.releases["db"]
    revision, image = split_release(second.releases["web"])
    [replica] = stage.replicas("web")
    assert (revision, image) == (second.revisions["web"], replica.image_id)
    assert stage.store.stack.definitions(1)["web"]["image"] == "web:1"


def test_one_that_a_newer_one_overtakes_is_superseded(stage: Stage) -> None:
    stage.change(shop(3))
    stage.turn()
    stage.change(shop(4))
    assert endings(stage) == [CONVERGED, CONVERGED, SUPERSEDED, Ending.PROGRESSING]
    stage.settle()
    assert endings(stage)[-1] is CONVERGED
    assert not stage.store.stack.generations()[2].releases


def test_one_that_fails_is_rolled_back_with_the_reason_and_stays_so(stage: Stage) -> None:
    stage.change(shop(3, labels=BROKEN))
    stage.settle(300)
    last = stage.store.stack.last_generation()
    assert last is not None and last.ending is ROLLED_BACK and list(last.failed) == ["web"]
    assert (
        phase(stage) == ("Degraded", "RolledBack")
        and last.failed["web"] == conditions(stage)["RolledBack"].split(";")[0][5:]
    )
    assert list(last.releases) == ["db"]
    assert images(stage) == {"web:2"}


FAILING_DB = {"db": service(image="db:2", labels=BROKEN), "web": service("db", image="web:3")}


@pytest.mark.parametrize("named", [(), ("web",)])
def test_an_update_that_waits_for_what_went_back_keeps_nobody_waiting(stage: Stage, named: tuple[str, ...]) -> None:
    """It serves meanwhile, so that it is no first start that waits."""
    stage.change(FAILING_DB)
    result = stage.follow(stage.wish("apply", *named), 300)
    assert result is not None and (result.outcome, result.ok) == ("rolledBack", False)
    assert result.message.startswith("db is Degraded") and stage.clock.now() < NOW + 300
    assert phase(stage) == ("Updating", "DependencyNotReady") and images(stage) == {"web:2"}
    last = stage.store.stack.last_generation()
    assert last is not None and (last.ending, list(last.failed)) == (ROLLED_BACK, ["db"])
    progress = judge_progress(stage.statuses[-1])
    assert progress.ok is False and any(line.startswith("waiting for web") for line in progress.lines)
    assert judge_progress(stage.statuses[-1], ("web",)).ok is False


def test_nobody_waits_for_an_update_behind_one_that_a_person_halted(stage: Stage) -> None:
    done(stage, "rollout-pause", "db")
    stage.change({"db": service(image="db:2"), "web": service("db", image="web:3"), "cache": service()})
    result = stage.follow(stage.wish("apply"), 300)
    assert result is not None and (result.outcome, result.hint) == ("held", "controller resume db")
    assert phase(stage) == ("Updating", "DependencyNotReady")


def test_a_death_in_between_loses_no_ending(stage: Stage, tmp_path: Path) -> None:
    stage.change(shop(3))
    stage.settle(2)
    stage.die()
    stage.begin(load(shop(3)))
    stage.settle()
    assert endings(stage) == [CONVERGED] * 3


def test_nothing_is_written_in_a_pass_in_which_nothing_changed(stage: Stage) -> None:
    stage.turn()
    before = stage.store._database._connection.total_changes
    for _ in range(3):
        stage.turn()
    assert stage.store._database._connection.total_changes == before


def test_a_release_that_came_by_a_moved_tag_is_taken_back_though_its_apply_has_ended(tmp_path: Path) -> None:
    baking = {"services": {"web": {"update": {"monitor": "2s", "bake": "60s"}}}}
    stage = Stage(tmp_path, load(shop(1), **baking))
    stage.settle()
    [old] = stage.replicas("web")
    stage._simulated.moved["web:1"] += 1
    done(stage, "apply")
    [new] = stage.replicas("web")
    assert new.image_id != old.image_id and phase(stage) == ("Ready", "Baking")
    stage.meddle(lambda hands, now: hands.kill(new.id, now))
    stage.settle(120)
    assert phase(stage) == ("Degraded", "RolledBack") and "RolledBack" in conditions(stage)
    [back] = stage.replicas("web")
    assert back.image_id == old.image_id
    assert endings(stage) == [CONVERGED, ROLLED_BACK], "the way back is no new image"
    stage.die()
    stage.begin(load(shop(1), **baking))
    stage.meddle(lambda hands, now: hands.remove(back.id, now))
    stage.settle(60)
    assert [replica.image_id for replica in stage.replicas("web")] == [old.image_id], "nor is what was lost made of it"
    assert not stage.follow(stage.wish("apply"), 60).ok  # type: ignore[union-attr]
    stage._simulated.moved["web:1"] += 1
    done(stage, "apply")
    stage.settle(100)
    assert phase(stage) == ("Ready", "Ready") and "RolledBack" not in conditions(stage)


def test_what_ten_generations_were_made_from_is_kept(stage: Stage) -> None:
    for version in range(3, 15):
        stage.change(shop(version))
        stage.settle()
    generations = stage.store.stack.generations()
    assert [generation.number for generation in generations] == list(range(1, 15))
    kept = {revision for name, revision in stage.store.stack.revisions() if name == "web"}
    assert kept == {generation.revisions["web"] for generation in generations[-10:]}
    with pytest.raises(ControllerError, match="is not kept any more"):
        stage.wish("rollout-undo", "web", to=3)
    done(stage, "rollout-undo", to=5)
    assert images(stage) == {"web:5"}


def test_a_store_of_an_older_version_opens_and_its_generations_cannot_be_gone_back_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    old = sqlite3.connect(tmp_path / DATABASE)
    teach(old)
    for statement in (*MIGRATIONS[0], *MIGRATIONS[1]):
        old.execute(statement)
    body = '{"at":1.0,"digest":"d","number":1,"revisions":{"web":"r1"},"services":["web"]}'
    old.execute("INSERT INTO generations (generation, at, body) VALUES (1, 1.0, ?)", (body,))
    old.execute("PRAGMA user_version = 2")
    old.execute(f"PRAGMA application_id = {mark_of(2)}")
    old.commit()
    old.close()
    store = Store(tmp_path)
    [kept] = store.stack.generations()
    assert (kept.number, kept.ending, kept.releases) == (1, Ending.UNKNOWN, {}) and store.mended is None
    assert store.stack.definitions(1) == {}
    store.close()
    stage = Stage(tmp_path, load(shop(2)))
    stage.settle()
    with pytest.raises(ControllerError, match="older version"):
        stage.wish("rollout-undo")
    assert endings(stage) == [Ending.UNKNOWN, CONVERGED]


def test_an_orphan_is_known_to_the_next_process_with_the_ports_that_the_ingress_has_for_it(tmp_path: Path) -> None:
    ports = [{"target": 80, "published": "8080", "protocol": "tcp"}]
    auto = {"ingress": {"mode": "auto"}}
    first = load({"db": service(), "web": service(ports=ports)}, **auto)
    stage = Stage(tmp_path, first)
    stage.settle()
    stage.change({"db": service()}, **auto)
    stage.settle()
    stage.die()
    kept = last_services(Store(tmp_path, stage.clock.now))
    assert kept["web"].frontends == first.desired.services["web"].frontends != ()
    assert (kept["web"].leaving, kept["db"].leaving) == (Leaving.ORPHANED, None)
