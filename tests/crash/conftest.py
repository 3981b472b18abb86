"""Scenes on the real engine, as the scenarios have them."""

from tests.engine.scenarios.conftest import pytest_runtest_makereport, scene

__all__ = ["pytest_runtest_makereport", "scene"]
