"""Several things that are served, closed as one."""

from __future__ import annotations

from collections.abc import Sequence

from controller.loop.window import Served


class Together:
    def __init__(self, parts: Sequence[Served]) -> None:
        self._parts = parts

    def close(self) -> None:
        """The last one first."""
        for part in reversed(self._parts):
            part.close()
