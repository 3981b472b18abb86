"""The real engine, and projects on it that are gone after the test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.engines.compose_engine import ComposeEngine
from tests.engine.docker_project import Project
from tests.engine.ingress_bed import Bed
from tests.engine.sweep import sweep


@pytest.fixture(scope="session", autouse=True)
def swept_engine() -> None:
    """An engine with room for networks, whatever runs before this one left there."""
    sweep()


@pytest.fixture
def docker_engine() -> Iterator[ComposeEngine]:
    engine = ComposeEngine()
    yield engine
    engine.close()


@pytest.fixture
def project(docker_engine: ComposeEngine, tmp_path: Path) -> Iterator[Project]:
    made = Project(docker_engine, tmp_path)
    yield made
    made.clean()


@pytest.fixture
def bed(docker_engine: ComposeEngine, tmp_path: Path) -> Iterator[Bed]:
    made = Bed(docker_engine, tmp_path)
    yield made
    made.clean()
