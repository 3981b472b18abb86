"""A folder that a killed process left is removed by the next one that needs a folder; one in use never is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from controller.engines.scratch import make_folder

pytestmark = pytest.mark.unit

KILLED = """
import os, signal
from controller.engines.scratch import make_folder
with make_folder() as folder:
    (folder / "d.sock").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def age(folder: Path) -> None:
    os.utime(folder, (time.time() - 3600.0,) * 2)


def test_what_a_killed_process_left_goes_and_what_is_in_use_stays(place: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED], env={**os.environ, "TMPDIR": str(place)}, check=False)
    (left,) = place.iterdir()
    foreign = place / "controller-recorder"
    foreign.mkdir()
    age(foreign)
    with make_folder() as young:
        assert left.exists(), "it may be one that somebody is about to hold"
        age(left)
        age(young)
        with make_folder():
            assert not left.exists()
            assert young.exists() and foreign.exists()
            assert young.stat().st_mode & 0o777 == 0o700
    assert list(place.iterdir()) == [foreign]
