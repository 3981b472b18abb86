"""Scenes on the real engine, as the scenarios have them; a folder for worlds that processes leave behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.engine.scenarios.conftest import pytest_runtest_makereport, scene

__all__ = ["folder", "pytest_runtest_makereport", "scene"]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where that can be had: a process dies here, not a machine, so nobody has to wait for a disk."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else tmp_path) as made:
        yield Path(made)
