"""What other hands do to a running stack, and what its controller says of it within seconds."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.engine.checks import docker
from tests.engine.scenario import IMAGE, Daemon, Scene, eventually

pytestmark = pytest.mark.engine

SOCKET = "/var/run/docker.sock:/var/run/docker.sock"


class Watched:
    """The controller of a scene, asked for what it knows of the stack's protection."""

    def __init__(self, scene: Scene, daemon: Daemon) -> None:
        self._scene = scene
        self._base = eventually(lambda: re.search(r"dashboard: (\S+)", daemon.said()))[1]
        token = next(scene.state.rglob("api.token")).read_text().strip()
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str) -> Any:
        request = urllib.request.Request(f"{self._base}/v1/stacks/{self._scene.name}/{path}", headers=self._headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def running(self) -> set[str]:
        """Rules of what only runs."""
        return {one["rule"] for one in self.get("security")["findings"] if one["source"] == "running"}

    def alert(self) -> Any:
        return next((one for one in self.get("alerts")["alerts"] if one["rule"] == "Findings"), None)


@contextmanager
def watched(scene: Scene) -> Iterator[Watched]:
    """From the first scan on that has seen the container run."""
    with scene.daemon("--watch", "--api", "127.0.0.1:0") as daemon:
        made = Watched(scene, daemon)
        eventually(lambda: "Ready after" in daemon.said() and made.get("security")["lookedAt"])
        yield made


@pytest.mark.slow
def test_a_foreign_container_on_a_network_of_the_stack_is_told_within_seconds(scene: Scene) -> None:
    scene.compose("services: {web: {SLEEP}}")
    scene.manifest("security: {scan: {}}")
    stranger = scene.another()
    with watched(scene) as there:
        assert "X03" not in there.running() and there.alert() is None
        with scene.step("somebody else's container joins"):
            docker("run", "-d", "--name", stranger, "--network", f"{scene.name}_default", IMAGE, "sleep", "600")
            try:
                alert = eventually(there.alert)
                assert "X03" in there.running() and stranger in alert["message"] and alert["severity"] == "warning"
            finally:
                docker("rm", "-f", stranger)
        told = [one for one in there.get("events")["events"] if one["reason"] == "FindingAppeared"]
        assert any("X03" in one["message"] for one in told)


@pytest.mark.slow
def test_a_container_that_a_hand_has_replaced_by_one_with_the_engine_s_socket_is_critical(scene: Scene) -> None:
    scene.compose("services: {web: {SLEEP}}")
    scene.manifest("security: {scan: {}}")
    with watched(scene) as there:
        scene.done("pause", "web")  # else another one is made before the hand has
        web = scene.containers()["web-1"]
        marks = [
            word
            for key, value in web.inspect["Config"]["Labels"].items()
            if key.startswith("com.docker.compose.")
            for word in ("--label", f"{key}={value}")
        ]
        docker("rm", "-f", web.id)
        docker("run", "-d", "--volume", SOCKET, "--name", web.name, *marks, IMAGE, "sleep", "600")
        alert = eventually(there.alert)
        assert (alert["service"], alert["severity"]) == ("web", "critical") and "docker.sock" in alert["message"]
        assert "X01" in there.running()
