"""The last whole check of who reaches whom, kept beside a stack's store for whoever wants to show it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from controller import failpoints
from controller.loop.codec import decode, encode
from controller.loop.database import make_private
from controller.model.reach import Reach

FILE = "netcheck.json"
MOST_PAIRS = 4000
"""That are kept; of more only those that are amiss."""


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
            file.write(encode(_bounded(reach)))
        temporary.replace(path)


def _bounded(reach: Reach) -> Reach:
    """As a whole where it is small; else what is amiss, and how much there was."""
    if len(reach.pairs) <= MOST_PAIRS:
        return reach
    amiss = [pair for pair in reach.pairs if pair.counts]
    note = f"of {len(reach.pairs)} pairs only those that are amiss are kept"
    if len(amiss) > MOST_PAIRS:
        note += f", the first {MOST_PAIRS} of {len(amiss)}"
    return replace(reach, pairs=tuple(amiss[:MOST_PAIRS]), notes=(*reach.notes, note))
