"""Projects and back ends that testcontainers started: observed and adopted, and never restarted for that."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.engine.checks import docker, lives
from tests.engine.scenario import IMAGE, Scene, eventually, stays

pytestmark = [
    pytest.mark.engine,
    # testcontainers' own way to wait for logs is deprecated by itself
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

REDIS = os.environ.get("TEST_REDIS_IMAGE", "local/redis:7.0")


@pytest.fixture(autouse=True)
def _no_reaper(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The reaper is an image that a machine without a registry does not have; the scene cleans up itself."""
    from testcontainers.core.config import testcontainers_config

    monkeypatch.setattr(testcontainers_config, "ryuk_disabled", True)
    yield


def test_a_project_that_testcontainers_brought_up_is_adopted_with_no_restart_and_given_back(scene: Scene) -> None:
    from testcontainers.compose import DockerCompose

    scene.compose("services: {db: {SLEEP}, web: {SLEEP, depends_on: [db], environment: {V: '1'}}}")
    with scene.step("testcontainers brings it up"), DockerCompose(str(scene.folder), wait=False, keep_volumes=True):
        before = scene.containers()
        assert {one.service for one in before.values()} == {"db", "web"}
        with scene.step("we take it over"):
            assert {one["outcome"] for one in scene.data("apply")["services"]} == {"unchanged"}
            assert lives(scene.containers()) == lives(before)
        with scene.step("we give it back; Compose by hand finds nothing to do"):
            scene.done("release")
            scene.hand("up", "-d")
            assert lives(scene.containers()) == lives(before)


def test_a_container_with_composes_labels_of_which_compose_knows_nothing_is_held_and_not_touched(scene: Scene) -> None:
    from testcontainers.core.container import DockerContainer

    labels = {
        "com.docker.compose.project": scene.name,
        "com.docker.compose.service": "db",
        "com.docker.compose.container-number": "1",
        "com.docker.compose.oneoff": "False",
    }
    container = (
        DockerContainer(IMAGE).with_command("sleep 1000").with_kwargs(labels=labels).with_name(f"{scene.name}-db-1")
    )
    scene.compose("services: {db: {SLEEP}, web: {SLEEP, depends_on: [db]}}")
    with container as started:
        before = scene.containers()
        with scene.step("apply would have to replace it: it asks first, and changes nothing"):
            ran = scene.run("apply")
            assert ran.code == 1 and "adopt" in ran.err and "db" in ran.err
            assert lives(scene.containers()) == lives(before)
        with scene.step("a daemon holds the stack"), scene.daemon("--watch"):
            eventually(lambda: "AdoptionHeld" in scene.conditions())
            stays(lambda: lives(scene.containers()) == lives(before), 2)
        assert started.get_wrapped_container().id == before["db-1"].id


@pytest.mark.slow
def test_back_ends_that_testcontainers_started_are_used_and_never_touched(scene: Scene) -> None:
    """The application's own stack runs beside a Redis that is nobody's project."""
    from testcontainers.core.container import DockerContainer

    with DockerContainer(REDIS).with_name(f"{scene.name}-foreign-redis") as redis:
        wrapped = redis.get_wrapped_container()
        wrapped.reload()
        address = next(iter(wrapped.attrs["NetworkSettings"]["Networks"].values()))["IPAddress"]
        began = wrapped.attrs["State"]["StartedAt"]
        check = (
            f'test: ["CMD", "sh", "-c", "printf \\"PING\\\\r\\\\n\\" | nc {address} 6379 | grep -q PONG"], interval: 1s'
        )
        scene.compose(f"services: {{app: {{SLEEP, network_mode: bridge, healthcheck: {{{check}}}}}}}")
        with scene.daemon("--watch"):
            scene.await_phase("Converged")
            scene.done("stop")
            scene.done("start")
        now = docker("inspect", "-f", "{{.State.StartedAt}} {{.State.Running}}", wrapped.id).split()
        assert now == [began, "true"]


def test_scaled_by_testcontainers_profiles_and_all_is_adopted_as_it_runs(scene: Scene) -> None:
    from testcontainers.compose import DockerCompose

    scene.compose("""
        services:
          wide: {SLEEP, deploy: {replicas: 3}, env_file: [values.env]}
          extra: {SLEEP, profiles: [extra]}
          both: {SLEEP, networks: [front, back]}
          side: {SLEEP, network_mode: "service:both"}
        networks: {front: {}, back: {}}
    """)
    scene.write("values.env", "A=1\n")
    with DockerCompose(str(scene.folder), wait=False, keep_volumes=True, profiles=["extra"]):
        before = scene.containers()
        assert len(before) == 6
        scene.done("apply", "--profile", "extra")
        assert lives(scene.containers()) == lives(before)
        assert scene.data("plan", "--profile", "extra")["changes"] == 0
