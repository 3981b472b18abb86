"""How long an end may take, when several begin to end at once and are waited for one after the other."""

from __future__ import annotations

import time


class Grace:
    """So many seconds from when it was begun first. Safe from any thread."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends_at: float | None = None

    def begin(self) -> None:
        if self._ends_at is None:
            self._ends_at = time.monotonic() + self._seconds

    @property
    def left(self) -> float:
        """Seconds; all of them before it has begun."""
        return self._seconds if self._ends_at is None else max(0.0, self._ends_at - time.monotonic())
