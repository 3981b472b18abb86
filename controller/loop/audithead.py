"""The anchor of a log on the disk: the same few bytes, written over again and again."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from controller import failpoints
from controller.loop.auditfiles import write_whole
from controller.loop.database import make_private
from controller.loop.disk import sync_folder
from controller.security.anchor import LENGTH, Anchor, anchor_bytes, read_anchor


def load_anchor(path: Path, key: bytes) -> Anchor | None:
    """None: there is none, or it is not ours."""
    try:
        return read_anchor(path.read_bytes()[: LENGTH + 1], key)
    except FileNotFoundError:
        return None


def make_anchor(path: Path, anchor: Anchor, key: bytes) -> None:
    """Where there was none, or one that is not ours. On the disk when it returns."""
    make_private(path.parent)
    beside = path.with_name(f".{path.name}.new")
    write_whole(beside, anchor_bytes(anchor, key))
    with failpoints.around("disk.audithead"):
        os.replace(beside, path)
        sync_folder(path.parent)


def write_anchor(path: Path, anchor: Anchor, key: bytes, *, durable: bool = False) -> None:
    """In place. What a power cut takes of it is older than the log then, and the log tells the rest."""
    with failpoints.around("disk.audithead"):
        handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            os.pwrite(handle, anchor_bytes(anchor, key), 0)
            if durable:
                os.fdatasync(handle)
        finally:
            os.close(handle)


def drop_leftovers(folder: Path) -> None:
    """What a process left that was killed while it packed."""
    for path in folder.glob(".audit*.new"):
        with suppress(OSError), failpoints.around("disk.auditunpacked"):
            path.unlink()
