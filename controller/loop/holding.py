"""Who holds a stack's lock, as far as one can look without taking it. Loads next to nothing."""

from __future__ import annotations

import fcntl
import json
import os

_LIMIT = 4096

HolderWords = tuple[str, int, int, float, str]
"""User, uid, pid, since when, and his state folder of this stack: as he wrote it down, never a proof of anything."""

NOBODY_KNOWN: HolderWords = ("somebody", -1, 0, 0.0, "")


def who_holds(path: str) -> HolderWords | None:
    """Who holds the lock now; None: nobody. Raises OSError where that cannot be told."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    try:
        return read_words(handle) if _is_held(handle) else None
    finally:
        os.close(handle)


def read_words(handle: int) -> HolderWords:
    """Anybody may have written this: only what looks right is believed, and nothing can disturb a terminal."""
    try:
        data = json.loads(os.pread(handle, _LIMIT, 0))
        user = "".join(char for char in str(data["user"]) if char.isprintable())[:64]
        state = "".join(char for char in str(data["state"]) if char.isprintable())
        words = (user, int(data["uid"]), int(data["pid"]), float(data["since"]), state)
    except (ValueError, KeyError, TypeError, OSError):
        return NOBODY_KNOWN
    return words if _is_plausible(words[1], words[2]) else NOBODY_KNOWN


def _is_held(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _is_plausible(uid: int, pid: int) -> bool:
    """A process that can be looked up must be the user's who is named; in another pid namespace it cannot be."""
    try:
        return os.stat(f"/proc/{pid}").st_uid == uid
    except OSError:
        return True
