"""Readiness takes a replica's traffic, liveness its life, and a startup probe gives it time."""

from __future__ import annotations

import urllib.request

import pytest

from tests.engine.checks import docker
from tests.engine.ingress_bed import load
from tests.engine.releases import Release, Site
from tests.engine.scenario import Scene, eventually, stays

pytestmark = pytest.mark.engine


@pytest.mark.slow
def test_a_replica_that_does_not_serve_is_left_alive_and_one_that_is_dead_is_restarted(scene: Scene) -> None:
    scene.compose("""
        services:
          web:
            image: IMAGE
            command: ["sh", "-c", "rm -f /dead; sleep 2; touch /ready; sleep 1000"]
            stop_grace_period: 0s
    """)
    scene.manifest("""
        services:
          web:
            startupProbe: {exec: ["test", "-f", "/ready"], interval: 1s, retries: 1}
            readiness: {exec: ["test", "-f", "/ready"], interval: 1s, retries: 1}
            liveness: {exec: ["test", "!", "-f", "/dead"], interval: 1s, retries: 2}
    """)
    with scene.daemon("--watch"):
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


@pytest.mark.slow
def test_behind_the_ingress_one_that_does_not_serve_is_led_to_no_more_and_lives_on(scene: Scene) -> None:
    readiness = "readiness: {exec: [test, -f, /tmp/ready], interval: 1s, retries: 1}"
    site = Site(scene, probe=f"{readiness}\n    liveness: {{tcp: {{port: 8000}}, interval: 1s}}")
    site.write(Release("good"))
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        lives = {one.life for one in site.replicas()}
        sick, *others = (one.id[:12] for one in site.replicas())
        with load(site.port, 4, pause=0.01) as clients:
            docker("exec", sick, "rm", "/tmp/ready")
            eventually(lambda: _who_answers(site) == {*others})
            docker("exec", sick, "touch", "/tmp/ready")
            eventually(lambda: _who_answers(site) == {sick, *others})
        assert clients.failures == []
        assert {one.life for one in site.replicas()} == lives


def _who_answers(site: Site) -> set[str]:
    """The host names of those that answer twenty requests by turns."""
    return {_ask(site).split()[1] for _ in range(20)}


def _ask(site: Site) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{site.port}/", timeout=5) as answer:
        return str(answer.read().decode())
