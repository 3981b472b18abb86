"""The contract on Docker itself."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from controller.engines.base import Engine
from controller.engines.compose_engine import ComposeEngine
from controller.engines.transport import Endpoint
from controller.model.names import ReplicaId
from tests.contract.bench import Bench, make_services, write_project
from tests.contract.engine_contract import EngineContract

pytestmark = pytest.mark.engine

IMAGE = os.environ.get("TEST_IMAGE", "local/busybox:1.35")


def docker(*arguments: str) -> str:
    return subprocess.run(("docker", *arguments), check=True, capture_output=True, text=True, timeout=60).stdout


class StrangeHands:
    def kill(self, replica: ReplicaId) -> None:
        docker("kill", replica)

    def pause(self, replica: ReplicaId) -> None:
        docker("pause", replica)

    def remove(self, replica: ReplicaId) -> None:
        docker("rm", "--force", replica)


def sweep(project: str) -> None:
    """Remove what a test made, also where it failed."""
    label = f"label=com.docker.compose.project={project}"
    for listing, removing in (
        (("ps", "--all", "--quiet"), ("rm", "--force", "--volumes")),
        (("network", "ls", "--quiet"), ("network", "rm")),
        (("volume", "ls", "--quiet"), ("volume", "rm")),
    ):
        found = docker(*listing, "--filter", label).split()
        if found:
            docker(*removing, *found)


def environment() -> Mapping[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST") if name in os.environ}


class TestComposeEngine(EngineContract):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[Bench]:
        name = f"contract{uuid.uuid4().hex[:10]}"
        engine = ComposeEngine()
        project = write_project(tmp_path, name, make_services(IMAGE), environment())
        try:
            yield Bench(engine, project, engine.render(project), StrangeHands())
        finally:
            engine.close()
            sweep(name)

    @pytest.fixture
    def away(self, tmp_path: Path) -> Iterator[Engine]:
        engine = ComposeEngine(Endpoint(f"unix://{tmp_path}/nobody.sock"))
        yield engine
        engine.close()

    @pytest.fixture
    def bringing(self, bench: Bench) -> Iterator[str]:
        name = f"local/{bench.name}:1"
        made = docker("create", IMAGE).strip()
        changes = ("HEALTHCHECK CMD true", 'VOLUME ["/var/lib/x", "/data"]')
        try:
            docker("commit", *(word for change in changes for word in ("--change", change)), made, name)
            yield name
        finally:
            docker("rm", made)
            docker("rmi", "--force", name)

    @pytest.fixture
    def record(self, bench: Bench) -> Callable[[str, dict[str, object]], str]:
        def fingerprint(service: str, changes: dict[str, object]) -> str:
            services = dict(make_services(IMAGE))
            services[service] = {**services[service], **changes}
            folder = bench.project.directory
            project = write_project(folder, bench.name, services, bench.project.environment)
            return bench.engine.record(project, bench.engine.render(project)).templates[service].fingerprint

        return fingerprint
