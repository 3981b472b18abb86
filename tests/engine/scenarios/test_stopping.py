"""`stop`, `start`, `pause`, `resume`, `retry`: with and without a daemon, across its restarts."""

from __future__ import annotations

import signal

import pytest

from tests.engine.checks import docker, ids, lives, running
from tests.engine.scenario import Scene, eventually, stays

pytestmark = pytest.mark.engine

CHAIN = "services: {db: {POLITE}, mid: {POLITE, depends_on: [db]}, top: {POLITE, depends_on: [mid]}}"


def test_stop_goes_in_reverse_order_and_lasts_until_start(scene: Scene) -> None:
    scene.compose(CHAIN)
    scene.done("apply")
    before = scene.containers()
    with scene.step("it is stopped: dependents first, nothing is removed"):
        scene.done("stop")
        found = scene.containers()
        assert ids(found) == ids(before) and not running(found)
        assert found["top-1"].finished <= found["mid-1"].finished <= found["db-1"].finished
        status = scene.status()
        assert status["phase"] == "Stopped"
        assert [service["desired"] for service in status["services"]] == [0, 0, 0]
    with scene.step("a daemon leaves it stopped, and one after that as well"):
        for _ in range(2):
            with scene.daemon("--watch") as daemon:
                scene.await_phase("Stopped")
                stays(lambda: not running(scene.containers()), 2)
                assert daemon.signal(signal.SIGTERM) == 0
    with scene.step("start ends it, in the order of dependencies"):
        scene.done("start")
        found = scene.containers()
        assert ids(found) == ids(before) and len(running(found)) == 3
        assert found["db-1"].started <= found["mid-1"].started <= found["top-1"].started


@pytest.mark.slow
def test_one_service_is_stopped_and_apply_ends_it(scene: Scene) -> None:
    scene.compose(CHAIN)
    scene.done("apply")
    before = scene.containers()
    scene.done("stop", "top")
    assert running(scene.containers()) == {"db-1", "mid-1"}
    assert lives(scene.containers(), but="top") == lives(before, but="top")
    scene.done("apply")
    assert len(running(scene.containers())) == 3


@pytest.mark.slow
def test_stop_now_gives_no_grace(scene: Scene) -> None:
    scene.compose('services: {deaf: {image: IMAGE, command: ["sh", "-c", "sleep 1000"], stop_grace_period: 200s}}')
    scene.done("apply")
    scene.done("stop", "--now")  # within the patience with a command
    assert scene.containers()["deaf-1"].exit_code == 137


@pytest.mark.slow
def test_commands_go_through_a_daemon_with_the_same_results(scene: Scene) -> None:
    scene.compose(CHAIN)
    with scene.daemon("--watch") as daemon:
        scene.await_phase("Converged")
        before = scene.containers()
        with scene.step("stop is done by the daemon, in reverse order"):
            told = scene.data("stop")
            assert (told["stack"], told["outcome"]) == (scene.name, "stopped")
            found = scene.containers()
            assert not running(found) and ids(found) == ids(before)
            assert found["top-1"].finished <= found["mid-1"].finished <= found["db-1"].finished
        with scene.step("start"):
            told = scene.data("start")
            assert told["outcome"] == "converged"
            assert len(running(scene.containers())) == 3
        with scene.step("pause: what is killed stays down, and status says so"):
            scene.done("pause", "top")
            docker("kill", found["top-1"].id)
            stays(lambda: not scene.containers()["top-1"].running, 2)
            assert scene.phases()["top"] == "Paused"
        with scene.step("resume: it comes back"):
            scene.done("resume", "top")
            eventually(lambda: scene.containers()["top-1"].running)
        with scene.step("apply with nothing to do"):
            scene.await_phase("Converged")
            told = scene.data("apply")
            assert told["outcome"] == "converged"
            assert {one["outcome"] for one in told["services"]} == {"unchanged"}
        with scene.step("retry"):
            scene.done("retry")
        with scene.step("what the stack does not have is one clear line and 1"):
            ran = scene.run("stop", "nobody")
            assert ran.code == 1 and "nobody" in ran.err and "hint:" in ran.err
        assert daemon.process.poll() is None


@pytest.mark.slow
def test_a_failing_apply_through_a_daemon_ends_with_1_and_says_why(scene: Scene) -> None:
    scene.compose('services: {bad: {image: IMAGE, command: ["sh", "-c", "exit 7"]}}')
    scene.manifest("startup: {retry: {attempts: 3, initialDelay: 200ms, maxDelay: 1s}}")
    with scene.daemon("--watch"):
        eventually(lambda: scene.phases().get("bad") == "CrashLoopBackOff")
        ran = scene.run("apply")
        assert ran.code == 1
        assert "bad" in ran.err and "CrashLoopBackOff" in ran.err


@pytest.mark.slow
def test_a_second_run_is_refused_with_the_pid_of_the_first(scene: Scene) -> None:
    scene.compose("services: {a: {SLEEP}}")
    with scene.daemon("--watch") as daemon:
        scene.await_phase("Converged")
        ran = scene.run("run")
        assert ran.code == 1
        assert str(daemon.pid) in ran.err
        assert "Traceback" not in ran.err


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_the_end_of_the_daemon_leaves_containers_running(scene: Scene, number: signal.Signals, code: int) -> None:
    scene.compose("services: {a: {SLEEP}, b: {SLEEP, depends_on: [a]}}")
    with scene.daemon("--watch") as daemon:
        scene.await_phase("Converged")
        before = scene.containers()
        assert daemon.signal(number) == code
        assert "Traceback" not in daemon.said()
    assert lives(scene.containers()) == lives(before) and len(running(before)) == 2
