"""Tells which inputs changed, once they have been quiet. Events only say when to look; what changed is seen by looking.

Folders are watched, not files: editors and tools replace files, links and whole trees by renaming.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from threading import Event

STEP = 0.05
"""Seconds in which the watcher gathers events."""
QUIET = 0.1
"""Seconds between two looks that must agree: with the watcher's own step 150 ms of quiet."""
STORM, QUIET_IN_STORM = 1.0, 0.5
"""Within so many seconds of the last change that was told it takes more quiet: who saves on and on is waited for."""
LONGEST = 5.0
"""Seconds after which a change is told even if there is no quiet; also how often we look without any event."""

_TOLD_OF = ("", ".yaml", ".yml")
_LINKS = 40

Signature = tuple[object, ...]


def watch_inputs(inputs: Callable[[], Collection[Path]], stop: Event) -> Iterator[frozenset[Path]]:
    """Sets of inputs that changed, appeared or vanished, until stopped.

    The first set are all of them, before anything is waited for: who read them earlier cannot tell what changed since.
    `inputs` are files and folders, there or not; asked again after each set. A folder changes with the names of the
    YAML files and folders directly in it.
    """
    paths = frozenset(inputs())
    known, told_at = look(paths), -math.inf
    yield paths
    while not stop.is_set():
        area = Area.around(paths)
        for _ in _wake_ups(area, stop):
            seen = look(paths)
            if seen != known:
                in_storm = time.monotonic() - told_at < STORM
                seen = settle(paths, stop, QUIET_IN_STORM if in_storm else QUIET)
            changed = frozenset(path for path in paths if seen[path] != known[path])
            if changed and not stop.is_set():
                told_at = time.monotonic()
                yield changed
            paths = frozenset(inputs())
            # What is new to the list is not news: whoever lists it has just read it.
            known = {path: seen[path] if path in seen else _signature(path) for path in paths}
            if Area.around(paths) != area:
                break


def look(paths: Iterable[Path]) -> Mapping[Path, Signature]:
    """What tells one state of each path from another."""
    return {path: _signature(path) for path in paths}


def settle(paths: Collection[Path], stop: Event, quiet: float) -> Mapping[Path, Signature]:
    """A look that was the same twice, `quiet` seconds apart; after `LONGEST` the last one."""
    end = time.monotonic() + LONGEST
    seen = look(paths)
    while not stop.wait(quiet):
        again = look(paths)
        if again == seen or time.monotonic() > end:
            return again
        seen = again
    return seen


@dataclass(frozen=True, slots=True)
class Area:
    """Which folders to watch (and which ones these are: folders are replaced, too), and which names in them matter."""

    folders: Mapping[Path, Signature]
    names: frozenset[str]
    listed: frozenset[str]

    @classmethod
    def around(cls, paths: Collection[Path]) -> Area:
        listed = frozenset(path for path in paths if path.is_dir())
        names = frozenset(chain.from_iterable(_trail(path) for path in paths))
        folders = {folder: _identity(folder) for folder in sorted({name.parent for name in names} | listed)}
        return cls(folders, frozenset(map(str, {*names, *folders})), frozenset(map(str, listed)))

    def concerns(self, path: str) -> bool:
        """Whether an event at a path may be about an input; editors' swap files are not."""
        folder, name = os.path.split(path)
        return path in self.names or (folder in self.listed and os.path.splitext(name)[1] in _TOLD_OF)


def _wake_ups(area: Area, stop: Event) -> Iterator[None]:
    """The watch stands (what happened before it is to be looked for), something happened, or nothing for a while."""
    # Not `watchfiles.watch`: it does not say when its watch stands, and what happens before that is lost.
    from watchfiles._rust_notify import RustNotify

    folders = [str(folder) for folder, identity in area.folders.items() if identity]
    try:
        with RustNotify(folders, False, False, 0, False, True) as watcher:
            yield
            while not stop.is_set():
                found = watcher.watch(round(STEP * 4000), round(STEP * 1000), round(LONGEST * 1000), stop)
                if isinstance(found, str) or any(area.concerns(path) for _, path in found):
                    yield
    except OSError:
        # A folder went away between two calls, or the kernel has no watch left: look by ourselves.
        stop.wait(1.0)
        yield


def _trail(path: Path) -> Iterator[Path]:
    """Every name that decides what a path leads to: itself, links on the way, the first one that is missing."""
    for _ in range(_LINKS):
        following = None
        for prefix in (*reversed(path.parents), path):
            if prefix.is_symlink():
                yield prefix
                rest = path.relative_to(prefix)
                following = Path(os.path.abspath(prefix.parent / os.readlink(prefix) / rest))
                break
            if not os.path.lexists(prefix):
                yield prefix
                return
        if following is None:
            yield path
            return
        path = following


def _signature(path: Path) -> Signature:
    try:
        status = path.stat()
        if path.is_dir():
            return tuple(sorted(entry.name for entry in os.scandir(path) if _is_told_of(entry)))
    except OSError as error:
        return (error.errno,)
    return (status.st_dev, status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns)


def _is_told_of(entry: os.DirEntry[str]) -> bool:
    return entry.name.endswith((".yaml", ".yml")) or entry.is_dir()


def _identity(folder: Path) -> Signature:
    try:
        status = folder.stat()
    except OSError:
        return ()
    return (status.st_dev, status.st_ino)
