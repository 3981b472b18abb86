"""Scenes on the real engine, and the way to it through a proxy that spoils what the test wants spoiled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.proxy import EngineProxy
from tests.engine.scenario import Scene
from tests.engine.scenarios.conftest import pytest_runtest_makereport, scene

__all__ = ["proxy", "pytest_runtest_makereport", "scene"]


@pytest.fixture
def proxy(scene: Scene) -> Iterator[EngineProxy]:
    """The scene's commands reach the engine through it; the test's own hands do not."""
    with EngineProxy(scene.folder.parent / "engine.sock") as made:
        scene.env["DOCKER_HOST"] = made.host
        yield made
