"""What is known of each stack without asking anybody: the last status that was kept, and whether somebody keeps it.

Changes no row and takes no lock that lasts, asks no engine, loads next to nothing: for prompts and status bars. (Who
reads a database beside its writer opens the writer's log, too: `state.db-wal` and `-shm` may come to lie beside it.)
"""

from __future__ import annotations

import json
import os
import sqlite3
import stat

from controller.loop.folders import DATABASE, has_room, lock_file
from controller.loop.holding import who_holds
from controller.model.phases import Phase, StackPhase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from typing import Any

    from controller.loop.holding import HolderWords

_BUSY_SECONDS = 0.1
_SIMULATED = "simulated"
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError)


class Glimpse:
    """One stack. `phase` None: no status can be read. `services`: phase and wanted replicas of each.

    `keeper`: who keeps it now; None: nobody, so that all else is what was last told, at `told_at`. `kept`: whether
    somebody does; None: that cannot be told.
    """

    __slots__ = ("blind", "keeper", "kept", "name", "phase", "services", "told_at")

    def __init__(
        self,
        name: str,
        keeper: HolderWords | None,
        status: tuple[Mapping[str, Any], float] | None,
        *,
        is_told: bool = True,
    ) -> None:
        said, at = status or ({}, 0.0)
        self.name, self.keeper, self.told_at = name, keeper, at
        self.kept = keeper is not None if is_told else None
        self.phase = StackPhase(said["phase"]) if said else None
        self.services = [(Phase(one["phase"]), int(one["desired"])) for one in said.get("services", ())]
        self.blind = any(one["type"] == "EngineUnavailable" for one in said.get("conditions", ()))


def glance(
    root: str, names: Collection[str], places: Collection[str], *, simulated: bool = False, shared: str | None = None
) -> list[Glimpse]:
    """The stacks with these names; without names, those whose files are in the nearest folder at or above `places`,
    or are `places` themselves, of each place. Each name once: the one that is kept, else the newest word.

    `shared`: where locks lie.
    """
    found = [
        (folder, engine, stack) for folder, engine, stack in _stores(root, simulated) if not names or stack in names
    ]
    if not names:
        found = sorted(_nearest(found, places))
    best: dict[str, Glimpse] = {}
    for folder, engine, stack in found:
        seen = _look(folder, engine, stack, shared)
        if stack not in best or _rank(seen) > _rank(best[stack]):
            best[stack] = seen
    return [best[name] for name in sorted(best)]


def _stores(root: str, simulated: bool) -> Iterator[tuple[str, str, str]]:
    for engine in _listed(root):
        if engine.startswith(_SIMULATED) is simulated:
            for stack in _listed(os.path.join(root, engine)):
                folder = os.path.join(root, engine, stack)
                if os.path.exists(os.path.join(folder, DATABASE)):
                    yield folder, engine, stack


def _listed(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _nearest(found: Iterable[tuple[str, str, str]], places: Collection[str]) -> set[tuple[str, str, str]]:
    """As `docker compose` finds a project: of each place in the nearest folder above that has one."""
    rooted = [(_roots(one[0]), one) for one in found]
    near = set[tuple[str, str, str]]()
    for place in places:
        depths = {one: max((_depth(root, place) for root in roots), default=0) for roots, one in rooted}
        deepest = max(depths.values(), default=0)
        near |= {one for one, depth in depths.items() if depth == deepest > 0}
    return near


def _depth(root: str, place: str) -> int:
    """How deep the folder lies that a place is in; 0: it is not in it."""
    return len(root) if place == root or place.startswith(root.rstrip("/") + "/") else 0


def _roots(folder: str) -> set[str]:
    """Files of a stack, and the folders that people are in when they mean it; none where that cannot be read."""
    kept = _row(folder, "SELECT body FROM memory")
    try:
        place = json.loads(kept[0]).get("place", {}) if kept else {}
        files = {str(one) for one in (place.get("manifest"), *place.get("files", ())) if one}
        directory = str(place.get("directory") or "")
    except _UNREADABLE:
        return set()
    folders = {os.path.dirname(file) for file in files} | ({directory} if directory else set())
    return files | {os.path.dirname(one) if os.path.basename(one) == "manifests" else one for one in folders}


def _look(folder: str, engine: str, stack: str, shared: str | None) -> Glimpse:
    path = lock_file(engine, stack, folder) if shared is None else lock_file(engine, stack, folder, shared)
    is_told = True
    try:
        keeper = who_holds(path)
    except OSError:
        keeper, is_told = None, False
    # Another user's controller has a store of his own. Of who says of no store what he keeps, or cannot write there, no
    # word can be read: what lies here is older than he.
    where = folder if keeper is None else keeper[4] if has_room(keeper[4]) else ""
    kept = _row(where, "SELECT body, taken_at FROM status") if where else None
    try:
        return Glimpse(stack, keeper, (json.loads(kept[0]), float(kept[1])) if kept else None, is_told=is_told)
    except _UNREADABLE:  # another version wrote it
        return Glimpse(stack, keeper, None, is_told=is_told)


def _rank(seen: Glimpse) -> tuple[bool, float]:
    return seen.kept is True, seen.told_at


def _may_read(path: str) -> bool:
    """A regular file of ours or of root's: where another's is said to be anybody may have written down."""
    try:
        found = os.stat(path)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_uid in (0, os.geteuid())


def _row(folder: str, query: str) -> tuple[Any, ...] | None:
    """The only row; None where it cannot be read now."""
    path = os.path.join(folder, DATABASE)
    if not _may_read(path):
        return None
    path = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=_BUSY_SECONDS)
        try:
            row: tuple[Any, ...] | None = connection.execute(query).fetchone()
            return row
        finally:
            connection.close()
    except (sqlite3.Error, UnicodeDecodeError):
        return None
