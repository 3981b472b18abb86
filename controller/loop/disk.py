"""The disk below the state: whether it takes anything, one writer of a folder at a time, names that last."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager

TYPE_CHECKING = False  # `typing`, `pathlib` and their like are not for `ide status`, which answers within a blink
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LEAST = 64 * 1024
"""Bytes that a write of the state takes at least: a page or two, and its journal."""


def has_room(folder: Path | str) -> bool:
    """False: its file system is read-only, or has no space or no inode left. What cannot be told is True."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return True
    inodes_end = found.f_files > 0 and found.f_ffree == 0  # some file systems count none
    return not (found.f_flag & os.ST_RDONLY or inodes_end or found.f_bfree * found.f_frsize < _LEAST)


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """One process, and one thread of it, at a time is in here for this folder. Not to be nested. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """What was made, renamed or removed in it outlives a power cut. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
