"""A real browser, the dashboard of a real `controller run`, and a scene on the real engine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.visitor import Visitor
from tests.engine.scenario import Scene, eventually
from tests.engine.scenarios.conftest import pytest_runtest_makereport, scene

__all__ = ["pytest_runtest_makereport", "scene"]

_QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
"""It asks nobody outside for anything."""


@contextmanager
def open_chromium() -> Iterator[Browser]:
    """For the thread that opens it alone."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        if os.environ.get("REQUIRE_ENGINE") == "1":
            pytest.fail("no Chromium is here: apt-get install chromium")
        pytest.skip("no Chromium is here")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(_QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with open_chromium() as browser:
        yield browser


@pytest.fixture
def visitor(chromium: Browser, scene: Scene, tmp_path: Path) -> Iterator[Visitor]:
    """Somebody with a browser; what the page complains of fails the test."""
    made = Visitor(chromium, scene, tmp_path)
    yield made
    made.close()


__all__ += ["eventually"]
