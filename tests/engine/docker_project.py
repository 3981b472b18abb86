"""A Compose project of its own name on the real engine, with hands of its own beside ours."""

import json
import os
import subprocess
import uuid
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from controller.engines.base import Scope
from controller.engines.compose_engine import ComposeEngine
from controller.model.names import ReplicaId, Revision
from controller.model.observed import Replica, ServiceView
from controller.model.project import ComposeProject, Recording, RenderedProject
from controller.model.steps import Create, Outcome, Result, Start
from tests.engine.scenario import eventually

IMAGE = os.environ.get("TEST_IMAGE", "local/busybox:1.35")
SLEEP = f'image: {IMAGE}, command: ["sleep", "1000"], stop_grace_period: 1s, stop_signal: SIGKILL'


def docker(*arguments: str, directory: Path | None = None) -> str:
    """The docker command by hand; its output. Fails the test where it fails."""
    done = subprocess.run(["docker", *arguments], cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def inspect(*names: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(docker("inspect", *names))
    return found


@dataclass
class Project:
    """A project in a folder. `text` may name the service settings SLEEP as `{sleep}`."""

    engine: ComposeEngine
    directory: Path
    name: str = field(default_factory=lambda: f"ct{uuid.uuid4().hex[:10]}")

    def write(self, text: str, **files: str) -> "Project":
        (self.directory / "compose.yaml").write_text(f"name: {self.name}\n" + text.replace("SLEEP", SLEEP))
        for file, content in files.items():
            (self.directory / file.replace("_", ".")).write_text(content)
        return self

    @property
    def compose(self) -> ComposeProject:
        files = (self.directory / "compose.yaml",)
        return ComposeProject(None, files, self.directory, environment=dict(os.environ))

    def hand(self, *arguments: str) -> str:
        return docker("compose", *arguments, directory=self.directory)

    def render(self) -> RenderedProject:
        return self.engine.render(self.compose)

    def record(self) -> Recording:
        return self.engine.record(self.compose, self.render())

    def perform(self, *steps: Any, deadline: float = 60.0) -> tuple[Outcome, ...]:
        return tuple(self.engine.perform(self.compose, steps, deadline=deadline))

    def done(self, *steps: Any) -> tuple[Outcome, ...]:
        outcomes = self.perform(*steps)
        assert [outcome.result for outcome in outcomes] == [Result.DONE] * len(steps), outcomes
        return outcomes

    def create(self, recording: Recording, service: str, number: int = 1, **more: Any) -> ReplicaId:
        step = Create(service, number, Revision("r"), recording.templates[service], "test", **more)
        made = self.done(step)[0].replica
        assert made is not None
        return made

    def start(self, service: str, replica: ReplicaId, **more: Any) -> None:
        self.done(Start(service, replica, 1, "test", **more))

    def run(self, recording: Recording, service: str, number: int = 1, **more: Any) -> ReplicaId:
        made = self.create(recording, service, number, **more)
        self.start(service, made, by_compose=recording.templates[service].starts_by_compose)
        return made

    def view(self, service: str, recording: Recording | None = None) -> ServiceView:
        templates = recording.templates if recording else {}
        observed = self.engine.observe(Scope(self.name, {}, templates))
        return observed.services.get(service, ServiceView())

    def replica(self, service: str, recording: Recording | None = None) -> Replica:
        (found,) = self.view(service, recording).replicas
        return found

    def replica_by_id(self, service: str, replica: ReplicaId) -> Replica:
        return next(item for item in self.view(service).replicas if item.id == replica)

    def containers(self) -> dict[str, dict[str, Any]]:
        """Inspects by name, of all that carries the project's label."""
        label = f"label=com.docker.compose.project={self.name}"
        ids = docker("ps", "-aq", "--no-trunc", "--filter", label).split()
        return {item["Name"].removeprefix("/"): item for item in inspect(*ids)} if ids else {}

    def clean(self) -> None:
        subprocess.run(
            ["docker", "compose", "-p", self.name, "down", "-v", "-t", "0", "--remove-orphans"],
            cwd=self.directory,
            capture_output=True,
            check=False,
        )
        for name in self.containers():
            docker("rm", "-f", "-v", name)
        for kind in ("network", "volume"):
            for name in docker(kind, "ls", "-q", "--filter", f"name={self.name}").split():
                # an engine that is at work lets go of them a little later
                eventually(partial(docker, kind, "rm", name))
