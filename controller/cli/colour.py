"""Whether colour is wanted. Loads next to nothing: `ide status` answers within a blink."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO


def wants_colour(said: str, stream: TextIO) -> bool:
    """`--color` over NO_COLOR over FORCE_COLOR over what the stream is."""
    if said != "auto":
        return said == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR") or os.environ.get("CLICOLOR_FORCE"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"
