"""Nudges on their way from the event stream to the one who looks: equal ones merge, so no flood of events piles up."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from controller.engines.base import NudgeAt


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came since the last one: different nudges in order, how many events that were; `ended`: no more will."""

    nudges: tuple[NudgeAt, ...] = ()
    events: int = 0
    ended: bool = False


class Inbox:
    """One writer that never waits, one reader."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: dict[NudgeAt, None] = {}
        self._events = 0
        self._ended = False

    def put(self, nudge: NudgeAt | None) -> None:
        """An event, and where it says to look, if anywhere."""
        with self._changed:
            self._events += 1
            if nudge is not None:
                self._waiting[nudge] = None
                self._changed.notify()

    def end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()

    def take(self, timeout: float) -> Delivery:
        """All that waits, as soon as there is something; nothing after `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ended, timeout)
            taken = Delivery(tuple(self._waiting), self._events, self._ended)
            self._waiting.clear()
            self._events = 0
            return taken
