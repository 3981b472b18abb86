"""The Docker daemon restarts, dies, freezes: what it keeps is left alone, what it lost is put up, nothing twice."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.engine.checks import docker, happened, lives, running
from tests.engine.proxy import EngineProxy, Hang
from tests.engine.scenario import Daemon, Scene, eventually, ready_after, stays
from tests.faults.private_engine import PrivateEngine

pytestmark = pytest.mark.engine

STACK = f"""
services:
  db: {{SLEEP, network_mode: none, restart: unless-stopped}}
  web: {{SLEEP, network_mode: none, deploy: {{replicas: 2}}}}
  slow: {{{ready_after(0.2, "1s")}, network_mode: none}}
"""
FROZEN = 30.0
ALL = {"db-1", "web-1", "web-2", "slow-1"}


def threads_of(daemon: Daemon) -> int:
    return len(os.listdir(f"/proc/{daemon.pid}/task"))


@pytest.mark.fault("D1")
@pytest.mark.fault("D3")
@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)],
    ids=["a daemon that is restarted", "a daemon that was killed"],
)
def test_after_its_return_what_it_lost_is_put_up_and_nothing_twice(
    engine: PrivateEngine, scene: Scene, number: signal.Signals
) -> None:
    scene.compose(STACK)
    with scene.daemon("--watch") as daemon:
        scene.await_phase("Converged", 40)
        before, began = scene.containers(), time.time()
        with scene.step("the daemon ends: unknown is not failed"):
            engine.stop(number)
            eventually(lambda: "EngineUnavailable" in daemon.said(), 30)
            stays(lambda: daemon.process.poll() is None, 2)
            assert "Failed" not in daemon.said() and "Traceback" not in daemon.said()
        with scene.step("it comes back: everything runs again, in the same containers"):
            engine.start()
            eventually(lambda: running(scene.containers()) == ALL, 60)
            scene.await_phase("Converged", 60)
        after = scene.containers()
        assert {one.id for one in after.values()} == {one.id for one in before.values()}
        assert not happened(scene.name, began, "create", "destroy")
        assert "CrashLoop" not in scene.done("events").out + daemon.said()


@pytest.mark.fault("D2")
@pytest.mark.slow
@pytest.mark.parametrize("options", [("--live-restore",)], ids=["live-restore"])
def test_with_live_restore_nobody_is_restarted_though_healths_begin_anew(engine: PrivateEngine, scene: Scene) -> None:
    scene.compose(STACK)
    with scene.daemon("--watch") as daemon:
        scene.await_phase("Converged", 40)
        before = scene.containers()
        engine.stop()
        eventually(lambda: "EngineUnavailable" in daemon.said(), 30)
        engine.start()
        scene.await_phase("Converged", 60)
        stays(lambda: lives(scene.containers()) == lives(before), 12)


@pytest.mark.fault("D4")
@pytest.mark.slow
def test_a_daemon_that_freezes_is_waited_for_and_no_worker_is_lost(engine: PrivateEngine, scene: Scene) -> None:
    scene.compose(STACK)
    with scene.daemon("--watch") as daemon:
        scene.await_phase("Converged", 40)
        before, threads = scene.containers(), threads_of(daemon)
        with scene.step("SIGSTOP, while there is something to do"):
            docker("kill", before["web-1"].id)
            engine.send(signal.SIGSTOP)
            frozen_at = time.monotonic()
            scene.compose(STACK + "  more: {SLEEP, network_mode: none}\n")
            eventually(lambda: "EngineUnavailable" in daemon.said(), 60)
            stays(lambda: daemon.process.poll() is None, frozen_at + FROZEN - time.monotonic())
            assert "Failed" not in daemon.said() and "Traceback" not in daemon.said()
        with scene.step("SIGCONT: everything is done that was to be done, once"):
            engine.send(signal.SIGCONT)
            eventually(lambda: running(scene.containers()) == ALL | {"more-1"}, 60)
            scene.await_phase("Converged", 60)
            assert lives(scene.containers(), but=("web", "more")) == lives(before, but=("web", "more"))
            eventually(lambda: threads_of(daemon) <= threads + 8, 30)


@pytest.mark.fault("D4")
def test_a_container_whose_inspect_hangs_holds_up_nobody_else(scene: Scene, proxy: EngineProxy, tmp_path: Path) -> None:
    scene.compose("services: {stuck: {SLEEP}, web: {SLEEP}, db: {SLEEP}}")
    scene.done("apply")
    before = scene.containers()
    hang = Hang()
    rule = proxy.rule("GET", f"/containers/{before['stuck-1'].id}/json", hang)
    docker("kill", before["db-1"].id)
    try:
        with scene.daemon("--watch"):
            with scene.step("at first sight, one that can be seen is healed"):
                eventually(lambda: rule.met and "db-1" in running(scene.containers()), 40)
            with scene.step("and later as well"):
                docker("rm", "-f", before["web-1"].id)
                eventually(lambda: running(scene.containers()) == set(before), 40)
                assert scene.containers()["stuck-1"].life == before["stuck-1"].life
            with scene.step("it answers again"):
                proxy.drop(rule)
                hang.released.set()
                scene.await_phase("Converged", 40)
    finally:
        hang.released.set()
    assert scene.containers()["stuck-1"].life == before["stuck-1"].life
