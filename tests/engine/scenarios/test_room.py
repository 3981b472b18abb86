"""A machine that is too small for the stack, or has not what it asks for: memory, disk, a port, a volume."""

from __future__ import annotations

import os
import socket

import psutil
import pytest

from tests.engine.checks import docker, ids, running
from tests.engine.scenario import IMAGE, Scene, eventually, stays

pytestmark = pytest.mark.engine

MIB = 2**20


def leaving(mib: int) -> str:
    """Settings that keep all of this machine's memory free but so many MiB: as if it were that small."""
    reserve = psutil.virtual_memory().available // MIB - mib
    return f"resources: {{admission: enforce, reserve: {{memory: {reserve}Mi}}}}"


def reserving(memory: str, more: str = "") -> str:
    return f"{{SLEEP, deploy: {{resources: {{reservations: {{memory: {memory}}}}}{more}}}}}"


def message(scene: Scene, name: str) -> str:
    return next(str(one["message"]) for one in scene.status()["services"] if one["name"] == name)


def test_too_little_memory_for_the_stack(scene: Scene) -> None:
    scene.compose(
        f"services: {{a: {reserving('1g')}, b: {reserving('1g')}, huge: {reserving('100g')}, free: {{SLEEP}}}}"
    )
    scene.manifest(f"{leaving(1500)}\nservices: {{b: {{priority: 5}}}}")
    with scene.step("a plan says so beforehand"):
        held = {one["service"]: one["reason"] for one in scene.data("plan")["held"]}
        assert held == {"a": "InsufficientMemory", "huge": "ExceedsMachine"}
    with scene.step("what has room starts, by priority; the rest waits and is told with its numbers"):
        ran = scene.run("apply")
        assert ran.code == 1 and "huge is Failed: needs 100Gi of memory, more than this machine has" in ran.err
        assert running(scene.containers()) == {"b-1", "free-1"}
        assert message(scene, "a").startswith("needs 1Gi of memory, ")
        assert scene.conditions()["InsufficientRoom"]["reason"] in ("InsufficientMemory", "ExceedsMachine")
    with scene.daemon():
        with scene.step("nothing starts by itself while there is no room"):
            eventually(lambda: scene.phases()["a"] == "Waiting")
            stays(lambda: running(scene.containers()) == {"b-1", "free-1"}, 4)
        with scene.step("once there is, it does"):
            scene.done("stop", "b")
            eventually(lambda: "a-1" in running(scene.containers()))


@pytest.mark.slow
def test_an_update_that_does_not_fit_leaves_what_serves(scene: Scene) -> None:
    web = f"services: {{web: {reserving('1g', ', update_config: {order: start-first}')}}}"
    scene.compose(web)
    scene.manifest(leaving(1500))
    scene.done("apply")
    before = scene.containers()
    with scene.step("there is no room for a second one beside it"):
        scene.compose(web.replace("SLEEP", 'SLEEP, environment: {A: "1"}'))
        ran = scene.run("apply")
        assert ran.code == 1 and "fits with order: stop-first" in ran.err
        assert ids(scene.containers()) == ids(before)
    with scene.step("in its place there is"):
        scene.manifest(f"{leaving(1500)}\nservices: {{web: {{update: {{order: stop-first, monitor: 0s}}}}}}")
        scene.done("apply")
        assert len(running(scene.containers())) == 1 and ids(scene.containers()) != ids(before)


def test_a_disk_that_is_to_be_kept_free(scene: Scene) -> None:
    scene.compose("services: {web: {SLEEP}}")
    scene.manifest("resources: {admission: enforce, reserve: {disk: 1000000gb}}")
    ran = scene.run("apply")
    assert ran.code == 1 and "web is Waiting: a container takes 1Mi of disk at least, 0B is free" in ran.err
    assert not running(scene.containers())


@pytest.mark.slow
def test_a_port_that_a_process_has(scene: Scene) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        scene.compose(f'services: {{web: {{SLEEP, ports: ["127.0.0.1:{port}:80"]}}}}')
        with scene.daemon():
            with scene.step("it waits, and says who has it"):
                eventually(lambda: message(scene, "web").startswith(f"host port {port}/tcp is held by process "))
                assert f"(pid {os.getpid()})" in message(scene, "web")
                assert scene.phases()["web"] == "Waiting"
            taken.close()
            with scene.step("once it is free, it starts by itself"):
                scene.await_phase("Converged")


@pytest.mark.slow
def test_a_port_that_a_strange_container_has(scene: Scene) -> None:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    strange = f"{scene.another()}-web-1"
    docker(
        "run",
        "-d",
        "--name",
        strange,
        "-p",
        f"127.0.0.1:{port}:80",
        IMAGE,
        "sleep",
        "1000",
    )
    try:
        scene.compose(f'services: {{web: {{SLEEP, ports: ["127.0.0.1:{port}:80"]}}}}')
        ran = scene.run("apply")
        assert ran.code == 1 and f"host port {port}/tcp is held by container {strange}" in ran.err
    finally:
        docker("rm", "--force", strange)
    scene.done("apply")


@pytest.mark.slow
def test_a_volume_that_a_strange_container_has(scene: Scene) -> None:
    scene.compose("services: {db: {SLEEP, volumes: ['data:/data']}}\nvolumes: {data: {}}")
    scene.manifest("services: {db: {exclusiveVolumes: [data]}}")
    volume, strange = f"{scene.name}_data", f"{scene.another()}-thief-1"
    docker(
        "run",
        "-d",
        "--name",
        strange,
        "-v",
        f"{volume}:/data",
        IMAGE,
        "sleep",
        "1000",
    )
    try:
        ran = scene.run("apply")
        assert ran.code == 1
        assert f"volume {volume} is exclusive, and in use by container {strange}" in ran.err
        assert not running(scene.containers())
    finally:
        docker("rm", "--force", strange)
    scene.done("apply")
    with scene.step("an update puts the new one in the place of the old one"):
        before = ids(scene.containers())
        scene.compose("services: {db: {SLEEP, environment: {A: '1'}, volumes: ['data:/data']}}\nvolumes: {data: {}}")
        scene.done("apply")
        assert ids(scene.containers()) != before and len(running(scene.containers())) == 1
