"""The real engine, by the installed command: state of the containers, not words."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import textwrap
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.contract_cli.command import CONTROLLER, Ran, controller

pytestmark = pytest.mark.engine

IMAGE = os.environ.get("TEST_IMAGE", "local/busybox:1.35")


@dataclass(frozen=True, slots=True)
class RealProject:
    """A Compose project of a name of its own, on the engine that `docker` speaks to."""

    name: str
    folder: Path

    def write(self, services: str) -> None:
        text = f"name: {self.name}\nservices:\n{textwrap.indent(textwrap.dedent(services), '  ')}"
        (self.folder / "compose.yaml").write_text(text.replace("IMAGE", IMAGE), encoding="utf-8")

    def run(self, *arguments: str, timeout: float = 90) -> Ran:
        state = {"CONTROLLER_STATE_DIR": str(self.folder / "state")}
        return controller(*arguments, cwd=self.folder, env=state, timeout=timeout)

    def data(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "-o", "json").out)

    def containers(self) -> dict[str, Any]:
        """Inspect of every container of the project, by name."""
        filters = ("--filter", f"label=com.docker.compose.project={self.name}")
        ids = docker("ps", "-aq", *filters).split()
        inspected = json.loads(docker("inspect", *ids)) if ids else []
        return {item["Name"].lstrip("/"): item for item in inspected}

    def starts(self) -> dict[str, str]:
        return {name: item["State"]["StartedAt"] for name, item in self.containers().items()}


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def real(tmp_path: Path) -> Iterator[RealProject]:
    """`web` waits for `db` to be healthy; both are removed afterwards."""
    made = RealProject(f"cli-{uuid.uuid4().hex[:8]}", tmp_path)
    made.write(
        """
        db:
          image: IMAGE
          command: [sleep, "1000"]
          stop_grace_period: 1s
          healthcheck: {test: [CMD, "true"], interval: 10s}
        web:
          image: IMAGE
          command: [sh, -c, "echo hello; exec sleep 1000"]
          stop_grace_period: 1s
          depends_on: {db: {condition: service_healthy}}
        """
    )
    yield made
    docker("compose", "-p", made.name, "down", "-v", "--timeout", "0")


def test_cold_start_in_order_and_by_hand_nothing_changes(real: RealProject) -> None:
    ran = real.run("apply", "-o", "json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["outcome"] == "converged"
    starts = real.starts()
    assert starts[f"{real.name}-db-1"] < starts[f"{real.name}-web-1"]
    docker("compose", "-f", str(real.folder / "compose.yaml"), "up", "-d")
    assert real.starts() == starts
    assert real.data("plan")["changes"] == 0
    assert real.run("apply").code == 0
    assert real.starts() == starts


def test_a_running_project_is_adopted_with_no_restart(real: RealProject) -> None:
    docker("compose", "-f", str(real.folder / "compose.yaml"), "up", "-d")
    starts = real.starts()
    assert real.data("plan")["changes"] == 0
    assert real.run("apply").code == 0
    assert real.starts() == starts
    assert real.run("release").code == 0
    docker("compose", "-f", str(real.folder / "compose.yaml"), "up", "-d")
    assert real.starts() == starts


def test_a_release_takes_back_what_only_the_manifest_scaled(real: RealProject) -> None:
    manifest = real.folder / "stack.yaml"
    manifest.write_text(
        f"apiVersion: controller/v1\nkind: Stack\nmetadata: {{name: {real.name}}}\n"
        "spec: {compose: {files: [compose.yaml]}, services: {web: {replicas: 2}}}\n"
    )
    given = ("-f", str(manifest))
    assert real.run("apply", *given).code == 0
    assert len(real.starts()) == 3
    planned = real.data("release", "--plan", *given)
    assert [(step["action"], step["replica"]) for step in planned["steps"]] == [("stop", "web-2"), ("remove", "web-2")]
    assert real.run("release", *given).code == 0
    starts = real.starts()
    assert set(starts) == {f"{real.name}-db-1", f"{real.name}-web-1"}
    docker("compose", "-f", str(real.folder / "compose.yaml"), "up", "-d")
    assert real.starts() == starts
    assert real.data("release", "--plan", *given)["changes"] == 0


def test_a_release_says_what_compose_would_still_change(real: RealProject) -> None:
    assert real.run("apply").code == 0
    file = real.folder / "compose.yaml"
    file.write_text(file.read_text().replace("web:\n", "web:\n    deploy: {update_config: {parallelism: 2}}\n", 1))
    assert real.run("apply").code == 0
    assert real.run("stop", "web").code == 0
    released = real.run("release")
    assert released.code == 0
    assert "`docker compose up -d` will replace web" in released.err
    assert "`docker compose up -d` will start web" in released.err


def test_adoption_names_a_variable_that_is_unset_here(real: RealProject) -> None:
    file = real.folder / "compose.yaml"
    real.write("db: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL, labels: {tier: '${CHECK_TIER}'}}")
    uses = file.read_text()
    file.write_text(uses.replace("${CHECK_TIER}", "gold"))
    docker("compose", "-f", str(file), "up", "-d")
    file.write_text(uses)
    ran = real.run("apply")
    assert ran.code == 1 and "Variables that it uses are unset here: CHECK_TIER." in ran.err


def test_adoption_that_would_replace_is_held_and_printed(real: RealProject) -> None:
    file = real.folder / "compose.yaml"
    docker("compose", "-f", str(file), "up", "-d")
    starts = real.starts()
    file.write_text(file.read_text().replace("hello", "goodbye"))
    held = real.run("apply")
    assert held.code == 1 and "AdoptionHeld" in held.out + held.err and real.starts() == starts
    assert real.run("apply", "--adopt").code == 0
    after = real.starts()
    assert after[f"{real.name}-db-1"] == starts[f"{real.name}-db-1"]
    assert after[f"{real.name}-web-1"] != starts[f"{real.name}-web-1"]


def test_what_was_killed_is_seen_told_and_brought_back(real: RealProject) -> None:
    assert real.run("apply").code == 0
    docker("kill", f"{real.name}-db-1")
    assert real.run("status", "--exit-code").code == 1
    assert "exited (137)" in real.run("why", "db").out
    assert [step["action"] for step in real.data("plan")["steps"]] == ["start"]
    assert real.run("apply").code == 0
    assert real.run("status", "--exit-code").code == 0


def test_stop_in_reverse_order_and_logs(real: RealProject) -> None:
    assert real.run("apply").code == 0
    assert real.run("logs", "web").out == "hello\n"
    assert real.run("stop").code == 0
    ended = {name: item["State"]["FinishedAt"] for name, item in real.containers().items()}
    assert ended[f"{real.name}-web-1"] <= ended[f"{real.name}-db-1"]
    assert [item["State"]["Status"] for item in real.containers().values()] == ["exited", "exited"]


def test_scaling_up_and_down(real: RealProject) -> None:
    file = real.folder / "compose.yaml"
    one = file.read_text()
    assert real.run("apply").code == 0
    first = real.starts()
    file.write_text(one.replace("web:\n", "web:\n    scale: 3\n"))
    assert real.run("apply").code == 0
    assert sorted(real.starts()) == [f"{real.name}-{name}" for name in ("db-1", "web-1", "web-2", "web-3")]
    file.write_text(one)
    assert real.run("apply").code == 0
    assert real.starts() == first


def test_a_service_that_cannot_start_is_one_clear_failure(real: RealProject) -> None:
    real.write(
        """
        broken:
          image: IMAGE
          command: [sh, -c, "echo no such database >&2; exit 3"]
          restart: on-failure
        web:
          image: IMAGE
          command: [sleep, "1000"]
          depends_on: {broken: {condition: service_started}}
        """
    )
    ran = real.run("apply", "--timeout", "8s", timeout=120)
    assert ran.code == 1 and "error: " in ran.err and "Traceback" not in ran.err
    told = real.run("why", "broken").out
    assert "no such database" in told and "(3)" in told


@pytest.mark.parametrize(
    "words", [("logs", "--follow", "web"), ("events", "-f"), ("events", "-w"), ("status", "-w"), ("get", "po", "-w")]
)
def test_what_is_followed_ends_quietly_by_ctrl_c(real: RealProject, words: tuple[str, ...]) -> None:
    assert real.run("apply").code == 0
    env = {**os.environ, "CONTROLLER_STATE_DIR": str(real.folder / "state"), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [str(CONTROLLER), *words],
        cwd=real.folder,
        env=env,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert first.strip() and process.returncode == 130
    assert err.strip() == ""


def test_prune_removes_containers_and_networks_but_never_volumes(real: RealProject) -> None:
    volume = f"{real.name}_data"
    file = real.folder / "compose.yaml"
    text = file.read_text().replace("stop_grace_period: 1s", "stop_grace_period: 1s\n    volumes: ['data:/data']", 1)
    file.write_text(f"{text}volumes: {{data: {{}}}}\n")
    assert real.run("apply").code == 0
    assert real.run("prune", "--all").code == 2
    ran = real.run("prune", "--all", real.name)
    assert ran.code == 0, ran.err
    assert real.containers() == {}
    assert f"{real.name}_default" not in docker("network", "ls", "--format", "{{.Name}}").split()
    assert volume in docker("volume", "ls", "-q").split()
