"""Whether a state can still be written where it is."""

from __future__ import annotations

import os
from pathlib import Path

_LEAST = 64 * 1024
"""Bytes that a write of the state takes at least: a page or two, and its journal."""


def has_room(folder: Path) -> bool:
    """False: its file system is read-only, or has no space or no inode left. What cannot be told is True."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return True
    inodes_end = found.f_files > 0 and found.f_ffree == 0  # some file systems count none
    return not (found.f_flag & os.ST_RDONLY or inodes_end or found.f_bfree * found.f_frsize < _LEAST)
