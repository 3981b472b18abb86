"""Undo: the release before comes back, and is held until somebody wants something else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from controller.model.decision import Hold
from controller.model.errors import ControllerError
from tests.component.releases import (
    BROKEN,
    CONVERGED,
    ROLLED_BACK,
    conditions,
    done,
    endings,
    images,
    phase,
    shop,
)
from tests.component.stage import SHOP, Stage, load, service

pytestmark = pytest.mark.unit


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
