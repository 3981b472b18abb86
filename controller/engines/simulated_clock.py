"""Time as a simulated engine takes it: the wall's, or one that is moved by hand."""

from __future__ import annotations

import time
from typing import Protocol

from controller.model.names import Instant


class Clock(Protocol):
    """Seconds since the epoch, and how a call spends its time."""

    def now(self) -> Instant: ...
    def sleep(self, seconds: float) -> None: ...


class WallClock:
    """Real time."""

    def now(self) -> Instant:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class HandClock:
    """Stands still until it is moved; who sleeps moves it."""

    def __init__(self, now: Instant) -> None:
        self._now = now

    def now(self) -> Instant:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds
