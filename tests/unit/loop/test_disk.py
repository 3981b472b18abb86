"""Whether a state can still be written, by what its file system says."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from controller.loop.folders import has_room

pytestmark = pytest.mark.unit

ROOMY = {"f_files": 1000, "f_ffree": 10, "f_flag": 0, "f_bfree": 1000, "f_frsize": 4096}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({}, True),
        ({"f_bfree": 3}, False),
        ({"f_ffree": 0}, False),
        ({"f_files": 0, "f_ffree": 0}, True),
        ({"f_flag": os.ST_RDONLY}, False),
    ],
    ids=["there is", "a full disk", "no inode", "inodes are not counted", "read-only"],
)
def test_room(found: dict[str, int], expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.statvfs", lambda _: SimpleNamespace(**{**ROOMY, **found}))
    assert has_room(Path("/state")) is expected


def test_what_cannot_be_told_is_no_reason_to_look_elsewhere(tmp_path: Path) -> None:
    assert has_room(tmp_path / "nobody made it")
