"""Readiness takes a replica's traffic, liveness its life, and neither is asked before it has begun."""

from __future__ import annotations

import pytest

from tests.engine.checks import docker
from tests.engine.scenario import Scene, eventually, stays

pytestmark = pytest.mark.engine


def test_a_replica_that_does_not_serve_is_left_alive_and_one_that_is_dead_is_restarted(scene: Scene) -> None:
    scene.compose("""
        services:
          web: {image: IMAGE, command: ["sh", "-c", "rm -f /dead; sleep 2; touch /ready; sleep 1000"], stop_signal: SIGKILL}
    """)
    scene.manifest("""
        services:
          web:
            startupProbe: {exec: ["test", "-f", "/ready"], interval: 1s, retries: 1}
            readiness: {exec: ["test", "-f", "/ready"], interval: 1s, retries: 1}
            liveness: {exec: ["test", "!", "-f", "/dead"], interval: 1s, retries: 2}
    """)
    with scene.daemon("--watch"):
        eventually(lambda: scene.phases() == {"web": "Starting"})
        scene.await_phase("Converged")
        first = scene.containers()["web-1"]
        with scene.step("it serves no more"):
            docker("exec", first.id, "rm", "/ready")
            eventually(lambda: scene.phases() == {"web": "Degraded"})
            stays(lambda: scene.containers()["web-1"].life == first.life, 4)
            assert "and alive" in scene.done("why", "web").out
        with scene.step("it is dead"):
            docker("exec", first.id, "touch", "/dead")
            eventually(lambda: scene.containers()["web-1"].life != first.life, 30)
            scene.await_phase("Converged")
            assert scene.containers()["web-1"].id == first.id
        assert "not alive, by its liveness probe" in scene.done("events").out
