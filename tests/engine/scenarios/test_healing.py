"""What falls over is put up again, what has ended stays ended, and nobody else is touched."""

from __future__ import annotations

import os
import signal
import urllib.request
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.engine.checks import Container, docker, lives, running
from tests.engine.ingress_bed import PROXY_IMAGE, free_port
from tests.engine.scenario import Scene, eventually, ready_after, stays

pytestmark = pytest.mark.engine


def _kill_by_docker(one: Container) -> None:
    docker("kill", one.id)


def _kill_first_process(one: Container) -> None:
    os.kill(one.pid, signal.SIGKILL)


def _remove(one: Container) -> None:
    docker("rm", "-f", one.id)


def _pause(one: Container) -> None:
    docker("pause", one.id)


HARM: dict[str, Callable[[Container], None]] = {
    "docker kill": _kill_by_docker,
    "kill -9 of its first process": _kill_first_process,
    "docker rm -f": _remove,
    "docker pause": _pause,
}


@pytest.mark.fault("W9")
@pytest.mark.fault("W1")
@pytest.mark.fault("W10")
@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("policy", ["no", pytest.param("unless-stopped", marks=pytest.mark.slow)])
def test_a_service_that_was_harmed_comes_back_and_its_neighbours_are_left_alone(
    scene: Scene, harm: str, policy: str
) -> None:
    scene.compose(f'services: {{web: {{SLEEP, restart: "{policy}", depends_on: [db]}}, db: {{SLEEP}}}}')
    with scene.daemon("--watch"):
        eventually(lambda: len(running(scene.containers())) == 2 and scene.status()["phase"] == "Converged")
        before = scene.containers()
        with scene.step(harm):
            HARM[harm](before["web-1"])
            eventually(lambda: running(scene.containers()) == {"web-1", "db-1"} and not is_paused(scene))
        with scene.step("it converges, as one container, with its neighbour as it was"):
            scene.await_phase("Converged")
            after = scene.containers()
            assert set(after) == {"web-1", "db-1"}
            assert lives(after, but="web") == lives(before, but="web")
            assert (after["web-1"].id == before["web-1"].id) == (harm != "docker rm -f")


def is_paused(scene: Scene) -> bool:
    return any(one.state == "paused" for one in scene.containers().values())


@pytest.mark.slow
@pytest.mark.fault("W11")
def test_a_server_that_ends_with_0_on_docker_stop_comes_back_and_a_finished_migration_does_not(scene: Scene) -> None:
    scene.compose("""
        services:
          redis: {POLITE, expose: ["6379"], healthcheck: {test: ["CMD", "true"], interval: 1s}}
          migrate: {image: IMAGE, command: ["true"], depends_on: {redis: {condition: service_healthy}}}
          web: {SLEEP, depends_on: {migrate: {condition: service_completed_successfully}}}
    """)
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        before = scene.containers()
        assert scene.phases() == {"redis": "Ready", "migrate": "Completed", "web": "Ready"}
        assert before["web-1"].started > before["migrate-1"].finished > 0
        with scene.step("redis is stopped by hand and ends with 0"):
            docker("stop", before["redis-1"].id)
            eventually(lambda: scene.containers()["redis-1"].running)
            scene.await_phase("Converged")
        with scene.step("the migration did not run again, the web server was not restarted"):
            after = scene.containers()
            assert after["redis-1"].started > before["redis-1"].started
            assert lives(after, but="redis") == lives(before, but="redis")
        with scene.step("the migration's container is removed: its work is done all the same"):
            docker("rm", before["migrate-1"].id)
            eventually(lambda: "migrate-1" not in scene.containers())
            stays(lambda: "migrate-1" not in scene.containers(), 2)
            assert scene.phases()["migrate"] == "Completed"


def test_a_failing_job_is_failed_and_apply_ends_with_1(scene: Scene) -> None:
    scene.compose("""
        services:
          migrate: {image: IMAGE, command: ["sh", "-c", "echo no such table; exit 3"]}
          web: {SLEEP, depends_on: {migrate: {condition: service_completed_successfully}}}
    """)
    scene.manifest("startup: {retry: {attempts: 3, initialDelay: 200ms, maxDelay: 1s}}")
    with scene.step("apply gives up after three tries"):
        ran = scene.run("apply")
        assert ran.code == 1
        assert "migrate" in ran.err and "exited with 3" in ran.err
        assert "hint:" in ran.err
    assert scene.phases() == {"migrate": "Failed", "web": "Waiting"}
    assert not running(scene.containers())
    with scene.step("mended, it goes on"):
        text = (scene.folder / "compose.yaml").read_text().replace("exit 3", "exit 0")
        (scene.folder / "compose.yaml").write_text(text)
        scene.done("apply")
        assert scene.phases() == {"migrate": "Completed", "web": "Ready"}


def test_a_crash_loop_ends_an_apply_in_bounded_time_with_1(scene: Scene) -> None:
    scene.compose("""
        services:
          bad: {image: IMAGE, command: ["sh", "-c", "echo cannot bind; exit 7"]}
          good: {SLEEP}
    """)
    scene.manifest("startup: {retry: {attempts: 3, initialDelay: 200ms, maxDelay: 1s}}")
    ran = scene.run("apply")
    assert ran.code == 1
    assert "bad" in ran.err and "CrashLoopBackOff" in ran.err
    assert scene.phases()["good"] == "Ready"
    assert running(scene.containers()) == {"good-1"}
    why = scene.done("why", "bad")
    assert "exited with 7" in why.out


def test_a_service_that_becomes_unhealthy_is_restarted(scene: Scene) -> None:
    scene.compose(f"services: {{web: {{{ready_after(0.1, interval='1s').replace('retries: 30', 'retries: 2')}}}}}")
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        before = scene.containers()["web-1"]
        docker("exec", before.id, "rm", "/ready")
        eventually(lambda: scene.containers()["web-1"].started > before.started)
        scene.await_phase("Converged")
        assert scene.containers()["web-1"].id == before.id


def test_who_shares_a_namespace_follows_its_owner_into_a_new_life(scene: Scene) -> None:
    scene.compose("services: {owner: {SLEEP}, side: {SLEEP, network_mode: 'service:owner'}, other: {SLEEP}}")
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        before = scene.containers()
        with scene.step(
            "the owner is killed: it comes back, and who shares its namespace is restarted into the new one"
        ):
            docker("kill", before["owner-1"].id)
            eventually(lambda: scene.containers()["owner-1"].running)
            eventually(lambda: scene.containers()["side-1"].started > scene.containers()["owner-1"].started)
            scene.await_phase("Converged")
        with scene.step("the owner is removed: both are made anew"):
            docker("rm", "-f", before["owner-1"].id)
            eventually(lambda: shares(scene.containers()))
            scene.await_phase("Converged")
        after = scene.containers()
        assert after["other-1"].life == before["other-1"].life
    scene.hand("up", "-d")
    assert lives(scene.containers()) == lives(after)


def shares(found: dict[str, Container]) -> bool:
    """The sharer runs in the namespace of the owner that runs now."""
    owner, side = found["owner-1"], found["side-1"]
    mode = side.inspect["HostConfig"]["NetworkMode"]
    return owner.running and side.running and mode == f"container:{owner.id}" and side.started > owner.started


def test_restart_true_restarts_the_dependent_of_what_was_replaced(scene: Scene) -> None:
    text = """
        services:
          db: {SLEEP, environment: {V: "1"}}
          web: {SLEEP, depends_on: {db: {condition: service_started, restart: true}}}
          log: {SLEEP, depends_on: {db: {condition: service_started}}}
    """
    scene.compose(text)
    scene.done("apply")
    before = scene.containers()
    scene.compose(text.replace('"1"', '"2"'))
    scene.done("apply")
    after = scene.containers()
    assert after["db-1"].id != before["db-1"].id
    assert after["web-1"].id == before["web-1"].id and after["web-1"].started > after["db-1"].started
    assert after["log-1"].life == before["log-1"].life


@pytest.mark.slow
@pytest.mark.fault("W10")
def test_behind_the_ingress_too_one_that_was_taken_off_its_network_is_put_back(scene: Scene) -> None:
    """It cannot be led to before that, and is not waited for in vain."""
    scene.env["HAPROXY_IMAGE"] = PROXY_IMAGE
    port = free_port()
    command = '["httpd", "-f", "-p", "8000", "-h", "/"]'
    scene.compose(f"""
        services:
          web: {{image: IMAGE, command: {command}, stop_signal: SIGKILL, ports: ["127.0.0.1:{port}:8000"]}}
    """)
    scene.manifest("ingress: {mode: auto}")
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        before = scene.containers()["web-1"]
        docker("network", "disconnect", f"{scene.name}_default", before.id)
        eventually(lambda: scene.containers()["web-1"].inspect["NetworkSettings"]["Networks"], 30)
        eventually(lambda: answers(port))
        assert scene.containers()["web-1"].life == before.life


def answers(port: int) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/bin/sh", timeout=5) as answer:
        return bool(answer.status == 200)
    return False
