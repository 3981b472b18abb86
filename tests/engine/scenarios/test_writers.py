"""Somebody else at work on the same containers: he is let finish, and then the stack is as its files say."""

from __future__ import annotations

import http.client
import json
import shutil
import socket

import pytest

from tests.engine.checks import docker, lives, running
from tests.engine.proxy import DOCKER
from tests.engine.scenario import IMAGE, Scene, eventually

pytestmark = pytest.mark.engine

TWO = "services: {db: {SLEEP}, web: {SLEEP, depends_on: [db], deploy: {replicas: 2}}}"
ALL = {"db-1", "web-1", "web-2"}


@pytest.mark.slow
@pytest.mark.fault("C6")
def test_compose_recreates_everything_by_hand_and_is_not_disturbed(scene: Scene) -> None:
    scene.compose(TWO)
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        scene.hand("up", "-d", "--force-recreate")
        made = scene.containers()
        assert running(made) == ALL
        scene.await_phase("Converged")
        assert lives(scene.containers()) == lives(made)


@pytest.mark.fault("C6")
def test_compose_takes_everything_down_by_hand_and_it_comes_back(scene: Scene) -> None:
    scene.compose(TWO)
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        with scene.step("docker compose stop"):
            scene.hand("stop")
            eventually(lambda: running(scene.containers()) == ALL)
            scene.await_phase("Converged")
        with scene.step("docker compose down"):
            scene.hand("down")
            eventually(lambda: running(scene.containers()) == ALL)
            scene.await_phase("Converged")
            assert len(docker("network", "ls", "-q", "--filter", f"name={scene.name}_default").split()) == 1


@pytest.mark.slow
@pytest.mark.fault("C6")
def test_compose_up_by_hand_beside_an_apply_ends_in_one_of_each(scene: Scene) -> None:
    scene.compose(TWO)
    with scene.daemon("--watch"):
        scene.run("status")
        docker_up = scene.hand_meanwhile("up", "-d")
        docker_up.wait(timeout=60)
        eventually(lambda: running(scene.containers()) == ALL == set(scene.containers()))
        scene.await_phase("Converged")


def test_the_same_files_in_another_folder_are_taken_over_with_no_restart(scene: Scene) -> None:
    scene.compose(TWO)
    scene.hand("up", "-d")
    before = scene.containers()
    moved = scene.folder.parent / "moved"
    shutil.move(scene.folder, moved)
    scene.folder = moved
    scene.done("apply")
    assert lives(scene.containers()) == lives(before)


def test_other_files_of_the_same_project_are_named_as_the_cause(scene: Scene) -> None:
    scene.compose(TWO.replace("db: {SLEEP}", "db: {SLEEP, environment: {V: '1'}}"), "first.yaml")
    scene.compose(TWO)
    scene.hand("-f", "first.yaml", "up", "-d")
    before = scene.containers()
    ran = scene.run("apply")
    assert ran.code == 1 and "first.yaml" in ran.err
    assert lives(scene.containers()) == lives(before)


@pytest.mark.slow
@pytest.mark.fault("I2")
def test_a_tag_that_moved_rolls_on_apply_and_not_under_run(scene: Scene) -> None:
    tag = f"{scene.name}:1"
    docker("tag", IMAGE, tag)
    maker = docker("create", IMAGE, "true").strip()
    other = docker("commit", "-c", "LABEL moved=yes", maker).strip()
    docker("rm", maker)
    try:
        scene.compose(f"services: {{web: {{image: '{tag}', command: [sleep, '1000'], stop_signal: SIGKILL}}}}")
        with scene.daemon("--watch"):
            scene.await_phase("Converged")
            before = scene.containers()
            docker("tag", other, tag)
            with scene.step("under run nothing follows from it"):
                scene.done("plan")
                assert lives(scene.containers()) == lives(before)
            with scene.step("apply rolls it"):
                scene.done("apply")
                assert scene.containers()["web-1"].inspect["Image"] == other
                scene.await_phase("Converged")
    finally:
        scene.clean()
        docker("rmi", "-f", tag, other)


@pytest.mark.slow
def test_an_image_that_is_built_is_built_once_and_again_only_when_asked(scene: Scene) -> None:
    scene.write("Dockerfile", "FROM IMAGE\nCOPY text /text\n")
    scene.write("text", "one\n")
    image = f"{scene.name}-built"
    scene.compose(
        f"services: {{web: {{build: ., image: {image}, command: [sleep, '1000'], stop_signal: SIGKILL}}}}",
    )
    try:
        with scene.step("missing: it is built"):
            scene.done("apply")
            first = scene.containers()["web-1"]
            assert docker("exec", first.id, "cat", "/text") == "one\n"
        with scene.step("the context changes: nothing follows from it"):
            scene.write("text", "two\n")
            scene.done("apply")
            assert scene.containers()["web-1"].life == first.life
        with scene.step("--build"):
            scene.done("apply", "--build")
            second = scene.containers()["web-1"]
            assert second.id != first.id
            assert docker("exec", second.id, "cat", "/text") == "two\n"
    finally:
        scene.clean()
        docker("rmi", "-f", image)


def create_network(name: str, project: str) -> None:
    """As two writers in the same instant do: without asking whether there is one. Newer engines refuse the second."""
    labels = {"com.docker.compose.project": project, "com.docker.compose.network": "default"}
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(DOCKER)
    body = json.dumps({"Name": name, "Labels": labels, "Driver": "bridge"})
    connection.request("POST", "/v1.41/networks/create", body, {"Content-Type": "application/json"})
    assert connection.getresponse().status in (201, 409)
    connection.close()


@pytest.mark.slow
def test_two_networks_of_one_name_become_one_again(scene: Scene) -> None:
    scene.compose(TWO)
    network = f"{scene.name}_default"

    def networks() -> int:
        return len(docker("network", "ls", "-q", "--filter", f"name={network}").split())

    with scene.step("both are there before anything was made"):
        create_network(network, scene.name)
        create_network(network, scene.name)
        scene.done("apply")
        assert running(scene.containers()) == ALL and networks() == 1
    with scene.step("another one appears; a container is gone and its successor has to join"):
        create_network(network, scene.name)
        docker("rm", "-f", scene.containers()["web-1"].id)
        scene.done("apply")
        assert running(scene.containers()) == ALL and networks() == 1
