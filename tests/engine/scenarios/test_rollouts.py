"""Back to what ran before, after the tag has moved and after the file was edited; and the loop does not fight it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.checks import docker
from tests.engine.scenario import IMAGE, Scene, eventually, stays

pytestmark = pytest.mark.engine


def image_of(scene: Scene, name: str = "a-1") -> str:
    return str(scene.containers()[name].inspect["Image"])


def version(scene: Scene, name: str = "a-1") -> str:
    env = scene.containers()[name].inspect["Config"]["Env"]
    return next(word for word in env if word.startswith("V="))


def changes(scene: Scene) -> list[tuple[str, str]]:
    return [(one["change"], one["outcome"]) for one in scene.data("rollout", "history")["revisions"]]


def write(scene: Scene, number: int, image: str = "") -> None:
    """Two replicas of a service that takes a second to be ready; monitored briefly."""
    sleep = scene_image(image)
    update = "deploy: {replicas: 2, update_config: {monitor: 1s}}"
    scene.compose(f"services: {{a: {{{sleep}, environment: {{V: '{number}'}}, {update}}}}}")


def scene_image(image: str) -> str:
    if not image:
        return "SLEEP"
    return f'image: "{image}", pull_policy: never, command: ["sleep", "86400"], stop_signal: SIGKILL'


@pytest.fixture
def moving(scene: Scene) -> Iterator[str]:
    """The name of an image whose tag can be moved between two images."""
    name = f"local/{scene.name}"
    docker("tag", IMAGE, f"{name}:now")
    yield f"{name}:now"
    scene.clean()
    docker("rmi", "-f", f"{name}:now")


def move(name: str) -> None:
    """Another image under the same name: with one label more."""
    made = docker("create", IMAGE, "true").strip()
    docker("commit", "-c", f"LABEL moved={name}", made, name)
    docker("rm", made)


@pytest.mark.slow
def test_undo_after_an_edit_holds_until_the_next_one(scene: Scene) -> None:
    write(scene, 1)
    scene.done("apply")
    write(scene, 2)
    with scene.daemon("--watch"):
        eventually(lambda: scene.status()["phase"] == "Converged" and version(scene) == "V=2")
        with scene.step("back, and the loop leaves it there"):
            scene.done("rollout", "undo")
            assert {version(scene, "a-1"), version(scene, "a-2")} == {"V=1"}
            before = scene.containers()
            stays(lambda: {c.id for c in scene.containers().values()} == {c.id for c in before.values()}, 4)
            assert scene.phases() == {"a": "Paused"} and "Pinned" in scene.conditions()
            scene.done("rollout", "status")
        with scene.step("resumed, it goes forward again"):
            scene.done("rollout", "resume")
            eventually(lambda: scene.status()["phase"] == "Converged" and version(scene) == "V=2")
        with scene.step("undone once more, an edit of the file ends it"):
            scene.done("rollout", "undo")
            write(scene, 3)
            eventually(lambda: scene.status()["phase"] == "Converged" and version(scene) == "V=3")
    told = changes(scene)
    assert told[-1] == ("compose.yaml changed", "Converged")
    assert ("undo to 1", "Converged") in told and ("resume", "Converged") in told


@pytest.mark.slow
def test_undo_after_the_tag_has_moved_brings_back_the_image(scene: Scene, moving: str) -> None:
    write(scene, 1, moving)
    scene.done("apply")
    old = image_of(scene)
    with scene.step("the tag stands for another image; an apply takes it"):
        move(moving)
        scene.done("apply")
        assert image_of(scene) != old
    with scene.step("undo: the image of then, though its tag is gone"):
        scene.done("rollout", "undo")
        assert {image_of(scene, "a-1"), image_of(scene, "a-2")} == {old}
    with scene.step("an apply does not fight it"):
        assert scene.run("apply").code == 1
        assert image_of(scene) == old
    with scene.step("resumed: the tag again"):
        scene.done("rollout", "resume")
        scene.done("apply")
        assert image_of(scene) != old


@pytest.mark.slow
def test_a_restart_replaces_every_replica_and_nothing_else(scene: Scene) -> None:
    scene.compose("services: {a: {SLEEP, deploy: {replicas: 2, update_config: {monitor: 1s}}}, b: {SLEEP}}")
    scene.done("apply")
    before = scene.containers()
    scene.done("rollout", "restart", "a")
    after = scene.containers()
    assert {after["a-1"].id, after["a-2"].id}.isdisjoint({before["a-1"].id, before["a-2"].id})
    assert after["b-1"].life == before["b-1"].life
    assert changes(scene)[-1] == ("restart a", "Converged")


@pytest.mark.slow
def test_a_halted_update_replaces_nothing_until_it_is_resumed(scene: Scene) -> None:
    write(scene, 1)
    with scene.daemon("--watch"):
        eventually(lambda: scene.status()["phase"] == "Converged")
        scene.done("rollout", "pause")
        write(scene, 2)
        eventually(lambda: scene.status()["generation"] == 2)
        stays(lambda: version(scene) == "V=1", 3)
        scene.done("rollout", "resume")
        eventually(lambda: scene.status()["phase"] == "Converged" and version(scene) == "V=2")


def test_secrets_are_masked_in_every_diff(scene: Scene) -> None:
    for word in ("hunter-one", "hunter-two"):
        scene.compose(f"services: {{a: {{SLEEP, environment: {{DB_PASSWORD: {word}}}}}}}")
        scene.done("apply")
    shown = (
        scene.done("rollout", "history", "--diff").out + scene.done("rollout", "history", "--diff", "-o", "json").out
    )
    assert "environment.DB_PASSWORD: ***" in shown and "hunter" not in shown
