"""Saves without the kernel's help, and saves in a storm: what the watcher tells of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.component.test_watch import WAYS, Watched

pytestmark = [pytest.mark.unit, pytest.mark.fault("F2")]


class NoWatch:
    """As on NFS, or where every watch of the kernel is taken."""

    def __init__(self, *_: object) -> None:
        raise OSError("no space left on device")


@pytest.fixture
def unwatched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    monkeypatch.setattr("watchfiles._rust_notify.RustNotify", NoWatch)
    watched = Watched(tmp_path)
    watched.start()
    yield watched
    watched.close()


@pytest.mark.parametrize("way", WAYS)
def test_without_the_kernels_watches_files_are_looked_at(way: str, unwatched: Watched) -> None:
    change, paths = WAYS[way]
    change(unwatched.root)
    assert unwatched.told(20.0) == paths


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path)
    watched.start()
    yield watched
    watched.close()


@pytest.mark.fault("F6")
def test_who_saves_again_soon_after_is_waited_for_longer(watched: Watched) -> None:
    path = watched.root / "compose.yaml"
    path.write_text("the first one")
    assert watched.told(20.0) == {"compose.yaml"}
    for number in range(12):  # each further apart than a lone save is waited for
        path.write_text("x" * number)
        time.sleep(0.2)
    assert watched.told(20.0) == {"compose.yaml"}
    assert watched.told(1.0) == set()
