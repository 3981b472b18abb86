"""Scenes on the real engine, and the way to it through a proxy that spoils what the test wants spoiled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.proxy import EngineProxy
from tests.engine.scenario import Scene
from tests.engine.scenarios.conftest import pytest_runtest_makereport, scene
from tests.faults.private_engine import PrivateEngine

__all__ = ["proxy", "pytest_runtest_makereport", "scene"]


@pytest.fixture
def proxy(scene: Scene) -> Iterator[EngineProxy]:
    """The scene's commands reach the engine through it; the test's own hands do not."""
    with EngineProxy(scene.folder.parent / "engine.sock") as made:
        scene.env["DOCKER_HOST"] = made.host
        yield made


@pytest.fixture
def options() -> tuple[str, ...]:
    """What the test's own daemon is started with."""
    return ()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]) -> Iterator[PrivateEngine]:
    """The only engine that the test, its hands and the controller know."""
    made = PrivateEngine(*options)
    made.start()
    made.load_image()
    with monkeypatch.context() as patch:
        patch.setenv("DOCKER_HOST", made.host)
        yield made
    made.clean()
