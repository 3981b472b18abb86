"""The sample's Prometheus scrapes a real controller and finds replicas by it; its rules and dashboards have figures."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.engine.ingress_bed import free_port
from tests.engine.scenario import Scene, eventually

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[3]
PORTS = ("QDRANT_PORT", "REDIS_PORT", "PROMETHEUS_PORT", "GRAFANA_PORT", "RAG_PORT")
BOARDS = sorted((ROOT / "compose" / "grafana" / "dashboards").glob("*.json"))
QUIET = {"Services under way", "Failed", "Time to answer", "The controller's alerts", "Prometheus' alerts"}
"""Panels that say in words that there is nothing, where nothing happens."""


@pytest.fixture
def sample(scene: Scene) -> Scene:
    """The sample as it is shipped, but with a name and ports of its own, a short profile and quick measuring."""
    shutil.copytree(ROOT / "compose", scene.folder / "compose", ignore=shutil.ignore_patterns("*.token"))
    shutil.copytree(ROOT / "manifests", scene.folder / "manifests", ignore=shutil.ignore_patterns("controller.yaml"))
    port = free_port()
    for name in ("compose/rag.yaml", "compose/prometheus/prometheus.yml", "manifests/rag.yaml"):
        text = (
            (scene.folder / name)
            .read_text()
            .replace(":7071", f":{port}")
            .replace("name: rag\n", f"name: {scene.name}\n")
        )
        (scene.folder / name).write_text(text.replace("{name: rag}", f"{{name: {scene.name}}}"))
    manifest = scene.folder / "manifests" / "rag.yaml"
    document = yaml.safe_load(manifest.read_text())
    document["spec"]["startupProfiles"]["monitored"] = {"services": ["rag-server", "grafana"]}
    document["spec"]["profile"] = "monitored"
    document["spec"]["metrics"]["interval"] = "2s"
    manifest.write_text(yaml.safe_dump(document))
    scene.env |= {name: str(free_port()) for name in PORTS}
    return scene


def ask(scene: Scene, port: str, path: str, **query: str) -> Any:
    """What is answered at that published port; a failure to answer counts as not yet."""
    url = f"http://127.0.0.1:{scene.env[port]}{path}?{urllib.parse.urlencode(query)}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)
    except OSError as error:
        raise AssertionError(f"{url}: {error}") from error


def prometheus(scene: Scene, path: str, **query: str) -> Any:
    return ask(scene, "PROMETHEUS_PORT", f"/api/v1/{path}", **query)["data"]


def value(scene: Scene, expression: str) -> str:
    """Of the one series that there is."""
    (found,) = prometheus(scene, "query", query=expression)["result"] or [{"value": (0, "none")}]
    return str(found["value"][1])


def expressions() -> Iterator[tuple[str, str]]:
    for board in BOARDS:
        for panel in json.loads(board.read_text())["panels"]:
            for target in panel.get("targets", ()):
                yield panel["title"], target["expr"].replace("$__rate_interval", "1m")


def promtool(scene: Scene, *arguments: str, text: str = "") -> str:
    """In the container of the sample's Prometheus, on the files that it has mounted."""
    container = scene.containers()["prometheus-1"].name
    words = ["docker", "exec", "-i", container, "promtool", *arguments]
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_sample_is_watched_through_the_controller(sample: Scene) -> None:
    token = sample.folder / "compose" / "secrets" / "prometheus" / "scrape.token"
    with sample.step("from a fresh checkout the manifest holds, and nobody has made a token"):
        sample.done("validate", "-f", "manifests")
        assert not token.exists()
    with sample.daemon("-f", "manifests", "--api", "127.0.0.1:0"):
        with sample.step("it converges, and the token is there for Prometheus to read"):
            eventually(lambda: sample.data("status", "-f", "manifests")["stacks"][0]["phase"] == "Converged", 120, 0.5)
            assert token.stat().st_mode & 0o777 == 0o644
        with sample.step("the controller is scraped"):
            eventually(lambda: value(sample, 'up{job="controller"}') == "1")
            assert value(sample, 'controller_stack_phase{phase="Converged"}') == "1"
        with sample.step("rag-server is found by it, under the names that the controller has"):
            labels = f'stack="{sample.name}", service="rag-server", replica="{sample.name}-rag-server-1"'
            eventually(lambda: value(sample, f'up{{job="services", {labels}}}') == "1")
            assert value(sample, 'count(up{job="services"})') == "1"
        with sample.step("its rules are loaded, and each of them is evaluated"):
            wanted = yaml.safe_load((ROOT / "compose" / "prometheus" / "rules.yml").read_text())["groups"]
            names = {rule["alert"] for group in wanted for rule in group["rules"]}
            eventually(lambda: healths(sample) == dict.fromkeys(names, "ok"))
            assert "SUCCESS" in promtool(sample, "check", "config", "/etc/prometheus/prometheus.yml")
            promtool(sample, "test", "rules", "/dev/stdin", text=Path(__file__).with_name("rules.yml").read_text())
        with sample.step(
            "Grafana, or what stands in for it, has the dashboards, and Prometheus something for each panel"
        ):
            found = eventually(lambda: ask(sample, "GRAFANA_PORT", "/api/search", type="dash-db"))
            assert {one["uid"] for one in found} == {board.stem for board in BOARDS}
            eventually(lambda: empty(sample) <= QUIET)
    with sample.step("a controller that has ended is missed"):
        eventually(lambda: value(sample, 'ALERTS{alertname="ControllerDown"}') == "1")


def healths(scene: Scene) -> dict[str, str]:
    groups = prometheus(scene, "rules", type="alert")["groups"]
    return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}


def empty(scene: Scene) -> set[str]:
    """Panels without a single series."""
    full = {title for title, one in expressions() if prometheus(scene, "query", query=one)["result"]}
    return {title for title, _ in expressions()} - full
