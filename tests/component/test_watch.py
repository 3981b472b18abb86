"""Changes of inputs, made in the ways that editors and tools make them, on a real folder."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Queue
from threading import Event, Thread

import pytest

from controller.intake.watch import watch_inputs

SOON = 3.0
"""Seconds in which a change must have been told; it takes 0.2 on a quiet machine."""


class Watched:
    """A folder with inputs of every kind, and what was told of them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("m", "v1", "v2"):
            (root / name).mkdir()
        for name in ("compose.yaml", "v1/c", "v2/c"):
            (root / name).write_text(name)
        (root / "data").symlink_to("v1")
        self.inputs = {root / "compose.yaml", root / "data" / "c", root / "no" / "x.env", root / "m"}
        self._stop = Event()
        self._told: Queue[frozenset[Path]] = Queue()
        self._thread = Thread(target=self._run)

    def _run(self) -> None:
        for changed in watch_inputs(lambda: self.inputs, self._stop):
            self._told.put(changed)

    def start(self) -> None:
        self._thread.start()
        assert self._told.get(timeout=SOON) == self.inputs
        time.sleep(0.2)

    def told(self, within: float = SOON) -> set[str]:
        try:
            return {os.path.relpath(path, self.root) for path in self._told.get(timeout=within)}
        except Empty:
            return set()

    def close(self) -> float:
        """Seconds that it takes to stop."""
        start = time.monotonic()
        self._stop.set()
        self._thread.join(SOON)
        assert not self._thread.is_alive()
        return time.monotonic() - start


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path)
    watched.start()
    yield watched
    watched.close()


def replace_file(root: Path) -> None:
    (root / "new").write_text("another text")
    os.replace(root / "new", root / "compose.yaml")


def save_as_vim_does(root: Path) -> None:
    (root / "4913").write_text("")
    (root / "4913").unlink()
    os.rename(root / "compose.yaml", root / "compose.yaml~")
    (root / "compose.yaml").write_text("another text")
    (root / "compose.yaml~").unlink()


def swap_link(root: Path) -> None:
    (root / "link").symlink_to("v2")
    os.replace(root / "link", root / "data")


def make_folder_and_file(root: Path) -> None:
    (root / "no").mkdir()
    (root / "no" / "x.env").write_text("A=1")


WAYS: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "written in place": (lambda root: (root / "compose.yaml").write_text("another text"), {"compose.yaml"}),
    "replaced by renaming": (replace_file, {"compose.yaml"}),
    "saved as vim does": (save_as_vim_does, {"compose.yaml"}),
    "removed": (lambda root: (root / "compose.yaml").unlink(), {"compose.yaml"}),
    "a link on its way is swapped": (swap_link, {"data/c"}),
    "written behind the link": (lambda root: (root / "v1" / "c").write_text("another text"), {"data/c"}),
    "it appears with its folder": (make_folder_and_file, {"no/x.env"}),
    "another file in a folder of manifests": (lambda root: (root / "m" / "b.yaml").write_text("x"), {"m"}),
}


@pytest.mark.parametrize("way", WAYS)
def test_tells_what_changed(way: str, watched: Watched) -> None:
    change, paths = WAYS[way]
    change(watched.root)
    assert watched.told() == paths


NOISE: dict[str, Callable[[Path], object]] = {
    "a swap file": lambda root: (root / ".compose.yaml.swp").write_text("x"),
    "a log beside": lambda root: (root / "app.log").write_text("x"),
    "the other version": lambda root: (root / "v2" / "c").write_text("x"),
    "text in the folder of manifests": lambda root: (root / "m" / "README.md").write_text("x"),
}


@pytest.mark.parametrize("noise", NOISE)
def test_says_nothing_of_what_is_no_input(noise: str, watched: Watched) -> None:
    NOISE[noise](watched.root)
    assert watched.told(0.7) == set()


def test_follows_links_that_were_swapped(watched: Watched) -> None:
    swap_link(watched.root)
    assert watched.told() == {"data/c"}
    (watched.root / "v2" / "c").write_text("another text")
    assert watched.told() == {"data/c"}


def test_folders_that_are_replaced_are_watched_again(watched: Watched) -> None:
    make_folder_and_file(watched.root)
    watched.told()
    os.rename(watched.root / "no", watched.root / "old")
    (watched.root / "no").mkdir()
    (watched.root / "no" / "x.env").write_text("A=22")
    assert watched.told() == {"no/x.env"}
    (watched.root / "no" / "x.env").write_text("A=333")
    assert watched.told() == {"no/x.env"}


def test_new_inputs_are_watched_from_the_next_change_on(watched: Watched) -> None:
    watched.inputs.add(watched.root / "v2" / "c")
    (watched.root / "compose.yaml").write_text("another text")
    assert watched.told() == {"compose.yaml"}
    time.sleep(0.3)
    (watched.root / "v2" / "c").write_text("another text")
    assert watched.told() == {"v2/c"}


def test_many_saves_are_told_once_they_are_quiet(watched: Watched) -> None:
    for number in range(20):
        (watched.root / "compose.yaml").write_text("x" * number)
        time.sleep(0.02)
    assert watched.told() == {"compose.yaml"}
    assert watched.told(0.7) == set()


def test_stops_at_once(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.start()
    assert watched.close() < 1.0
