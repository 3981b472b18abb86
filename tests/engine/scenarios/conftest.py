"""A scene for each scenario; where it fails, its account is part of the report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.scenario import Scene

_SCENE = pytest.StashKey[Scene]()


@pytest.fixture
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    """An empty project folder with a state folder beside it."""
    made = Scene(tmp_path / "project", tmp_path / "state")
    made.folder.mkdir()
    request.node.stash[_SCENE] = made
    yield made
    made.clean()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    scene = item.stash.get(_SCENE, None)
    if call.when == "call" and report.failed and scene is not None:  # type: ignore[attr-defined]
        report.sections.append(("scenario", scene.account()))  # type: ignore[attr-defined]
    return report
