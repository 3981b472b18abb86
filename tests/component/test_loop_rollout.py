"""Generations on the way: who, why, how they ended; undo, restart, halt and resume of updates."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from controller.cli.render.rollout import judge_progress
from controller.loop import acts
from controller.loop.generation import _last_services
from controller.loop.schema import MIGRATIONS, mark_of
from controller.loop.seal import teach
from controller.loop.store import DATABASE, Store
from controller.model.decision import Hold
from controller.model.desired import Leaving
from controller.model.errors import ControllerError
from controller.model.generation import Ending
from controller.model.names import split_release
from controller.model.observed import ReplicaPhase
from tests.component.stage import NOW, SHOP, Stage, load, service

pytestmark = pytest.mark.unit

CONVERGED, ROLLED_BACK, SUPERSEDED = Ending.CONVERGED, Ending.ROLLED_BACK, Ending.SUPERSEDED
BROKEN = {"controller.simulated.crash-after": "0.2"}


def shop(version: int, **keys: Any) -> dict[str, Any]:
    return {"db": service(), "web": service("db", image=f"web:{version}", environment={"V": str(version)}, **keys)}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Two generations, both converged; web is another in the second one."""
    stage = Stage(tmp_path, load(shop(1)))
    stage.settle()
    stage.change(shop(2))
    stage.settle()
    return stage


def endings(stage: Stage) -> list[Ending]:
    return [generation.ending for generation in stage.store.stack.generations()]


def images(stage: Stage) -> set[str]:
    return {replica.image for replica in stage.replicas("web")}


def phase(stage: Stage, name: str = "web") -> tuple[str, str]:
    decision = stage.reconciler.world.decisions[name]
    return str(decision.phase), decision.reason


def conditions(stage: Stage) -> dict[str, str]:
    return {condition.type: condition.message for condition in stage.statuses[-1].conditions}


def done(stage: Stage, verb: str, *services: str, seconds: float = 120, **fields: Any) -> None:
    follower = stage.wish(verb, *services, **fields)
    result = stage.follow(follower, seconds)
    acts.end(stage.reconciler, follower.wish)
    assert result is not None and result.ok, result


# --- how generations end


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


# --- undo


def test_an_undo_brings_back_the_release_before_and_holds_it(stage: Stage) -> None:
    done(stage, "rollout-undo", who="ada")
    assert images(stage) == {"web:1"} and phase(stage) == ("Paused", "Pinned")
    last = stage.store.stack.last_generation()
    assert last is not None and (last.number, last.cause, last.ending) == (3, ("ada", "undo to 1"), CONVERGED)
    assert stage.store.stack.definitions(3)["web"]["image"] == "web:1"
    assert "Pinned" in conditions(stage)
    done_before = len(stage.actions())
    stage.settle(200)
    assert len(stage.actions()) == done_before, "the loop does not fight it"
    assert stage.store.stack.last_generation() == last


def test_an_undo_holds_through_a_restart_of_the_controller_and_an_apply(stage: Stage) -> None:
    done(stage, "rollout-undo")
    stage.die()
    stage.begin(load(shop(2)))
    stage.settle(30)
    assert images(stage) == {"web:1"} and stage.reconciler.loaded.desired.generation == 3
    result = stage.follow(stage.wish("apply"), 60)
    assert result is not None and (result.outcome, result.hint) == ("held", "controller resume web")
    assert images(stage) == {"web:1"}


@pytest.mark.parametrize("verb", ["resume", "rollout-resume"])
def test_a_resume_goes_forward_again(stage: Stage, verb: str) -> None:
    done(stage, "rollout-undo")
    done(stage, verb, who="ada")
    stage.settle()
    last = stage.store.stack.last_generation()
    assert last is not None and (last.number, last.cause, last.ending) == (4, ("ada", "resume"), CONVERGED)
    assert images(stage) == {"web:2"} and "Pinned" not in conditions(stage)


def test_a_hold_on_what_the_files_have_come_to_be_does_not_end_it(stage: Stage) -> None:
    """A forgotten variable makes another release of it, which nobody wants."""
    done(stage, "rollout-undo")
    stage.die()
    forgotten = replace(load(shop(3)), hold=Hold("EnvironmentIncomplete", "set before, unset now: TAG"))
    stage.begin(forgotten)
    stage.settle(30)
    stage.die()
    stage.begin(load(shop(2)))
    stage.settle(60)
    assert images(stage) == {"web:1"} and phase(stage) == ("Paused", "Pinned")


def test_a_change_of_the_manifest_ends_it(stage: Stage) -> None:
    done(stage, "rollout-undo")
    stage.change(shop(3))
    stage.settle()
    assert images(stage) == {"web:3"} and phase(stage)[0] == "Ready"
    assert stage.store.histories.load()["web"].pinned is None


def test_an_undo_after_the_tag_has_moved_brings_back_the_image_of_then(stage: Stage) -> None:
    [old] = stage.replicas("web")
    stage._simulated.moved["web:2"] += 1
    done(stage, "apply", who="ada")
    [new] = stage.replicas("web")
    assert new.image_id != old.image_id
    last = stage.store.stack.last_generation()
    assert last is not None and (last.number, last.cause) == (3, ("ada", "new image of web"))
    done(stage, "rollout-undo")
    [back] = stage.replicas("web")
    assert (back.image_id, back.image) == (old.image_id, old.image)
    stage.settle(100)
    assert [replica.id for replica in stage.replicas("web")] == [back.id]


def test_an_undo_after_the_manifest_was_edited_pins_over_what_it_asks_for_now(stage: Stage) -> None:
    stage.change(shop(3))
    stage.turn()
    done(stage, "rollout-undo")
    assert images(stage) == {"web:2"} and phase(stage) == ("Paused", "Pinned")
    history = stage.store.histories.load()["web"]
    assert history.pinned_over == stage.reconciler.loaded.desired.services["web"].revision


def test_an_undo_to_a_number_and_an_undo_of_that(stage: Stage) -> None:
    stage.change(shop(3))
    stage.settle()
    done(stage, "rollout-undo", to=1)
    assert images(stage) == {"web:1"}
    done(stage, "rollout-undo")
    assert images(stage) == {"web:3"} and phase(stage)[0] == "Ready", "what the manifest asks for needs no pin"


def test_only_the_named_service_is_undone(stage: Stage) -> None:
    stage.change({"db": service(image="db:2"), "web": service("db", image="web:3")})
    stage.settle()
    done(stage, "rollout-undo", "web")
    assert images(stage) == {"web:2"} and {replica.image for replica in stage.replicas("db")} == {"db:2"}
    assert phase(stage, "db") == ("Ready", "Ready")


def test_an_undo_of_a_release_that_was_rolled_back_takes_it_off_the_list(stage: Stage) -> None:
    stage.change(shop(3, labels=BROKEN))
    stage.settle(300)
    done(stage, "rollout-undo")
    assert phase(stage) == ("Paused", "Pinned") and images(stage) == {"web:2"}
    assert "RolledBack" not in conditions(stage)
    assert endings(stage)[-2:] == [ROLLED_BACK, CONVERGED]


def test_an_undo_after_the_whole_stack_went_back_holds_all_of_it(tmp_path: Path) -> None:
    whole = {"services": {name: {"update": {"scope": "stack"}} for name in ("db", "web")}}
    stage = Stage(tmp_path, load(SHOP, **whole))
    stage.settle()
    failing = {"db": service(image="db:2"), "web": service("db", image="web:2", labels=BROKEN)}
    edited = stage.commit(load(failing, stage.reconciler.loaded, **whole))
    stage.reconciler.adopt_generation(edited, stage.clock.now())
    stage.settle(300)
    assert phase(stage, "db") == phase(stage, "web") == ("Degraded", "RolledBack")
    done(stage, "rollout-undo")
    assert phase(stage, "db") == phase(stage, "web") == ("Paused", "Pinned")
    stage.follow(stage.wish("retry"), 60)
    assert {replica.image for replica in stage.replicas()} == {"busybox"}


def test_what_cannot_be_undone_is_said_and_changes_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(SHOP))
    stage.settle()
    with pytest.raises(ControllerError, match="no earlier generation converged"):
        stage.wish("rollout-undo")
    assert [generation.number for generation in stage.store.stack.generations()] == [1]


# --- restart, halt


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


# --- the store


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


def test_an_undo_keeps_what_it_goes_back_to_though_it_was_about_to_be_forgotten(stage: Stage) -> None:
    """A controller knows in memory what its store has dropped with the last convergence; the next one does not."""
    for version in range(3, 15):
        stage.change(shop(version))
        stage.settle()
    done(stage, "rollout-undo", to=4)
    stage.die()
    stage.begin(load(shop(14)))
    stage.settle(30)
    assert images(stage) == {"web:4"} and phase(stage) == ("Paused", "Pinned")


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
    kept = _last_services(Store(tmp_path, stage.clock.now))
    assert kept["web"].frontends == first.desired.services["web"].frontends != ()
    assert (kept["web"].leaving, kept["db"].leaving) == (Leaving.ORPHANED, None)
