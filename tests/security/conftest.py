"""The engine's port, of which only the Compose plugin is used: no engine is needed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from controller.engines.compose_engine import ComposeEngine
from controller.engines.transport import Endpoint


@pytest.fixture(scope="session")
def compose_alone() -> Iterator[ComposeEngine]:
    assert shutil.which("docker"), "the docker command with its Compose plugin is needed"
    engine = ComposeEngine(Endpoint("unix:///nonexistent/docker.sock"))
    yield engine
    engine.close()
