"""The last whole check of who reaches whom, kept beside a stack's store for whoever wants to show it."""

from __future__ import annotations

import os
from pathlib import Path

from controller import failpoints
from controller.loop.codec import decode, encode
from controller.loop.database import make_private
from controller.model.reach import Reach

FILE = "netcheck.json"


def load_reach(folder: Path) -> Reach | None:
    """Of the stack with that folder. None: never checked, or kept by another version."""
    try:
        return decode(Reach, (folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def keep_reach(folder: Path, reach: Reach) -> None:
    """Takes the place of the one before, whole, for our eyes only. Raises OSError."""
    make_private(folder)
    path = folder / FILE
    temporary = path.with_suffix(f".{os.getpid()}.new")
    with failpoints.around("disk.netcheck"):
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(encode(reach))
        temporary.replace(path)
