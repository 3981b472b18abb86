"""The output of a service's replicas as it comes: of those that there are, and of those that come to be."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from controller.loop.window import Window
from controller.model.errors import ControllerError
from controller.model.names import Instant, ReplicaId
from controller.model.observed import Replica, ReplicaPhase
from controller.web.places import Places, Taken

MOST_LINES = 1000
"""Lines that wait for one reader; older ones make way, and that is said."""
_PAUSE = 0.5
"""Seconds until a replica whose output has ended is read again."""


class Line(NamedTuple):
    replica: str
    text: str


class Lines:
    """From many threads to one reader, on the server's thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._lock = threading.Lock()
        self._waiting: deque[Line] = deque(maxlen=MOST_LINES)
        self._dropped = 0

    def put(self, line: Line) -> None:
        """From any thread; never waits."""
        with self._lock:
            first = not self._waiting
            self._dropped += len(self._waiting) == MOST_LINES
            self._waiting.append(line)
        if first:
            with suppress(RuntimeError):  # the server has ended
                self._loop.call_soon_threadsafe(self._wake.set)

    def take(self) -> tuple[Sequence[Line], int]:
        """All that wait, and how many before them had to make way."""
        self._wake.clear()
        with self._lock:
            lines, dropped = tuple(self._waiting), self._dropped
            self._waiting.clear()
            self._dropped = 0
        return lines, dropped

    async def wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)


class Tail:
    """Reads each replica on a thread of its own, again where it runs again. Closed by who made it."""

    def __init__(self, window: Window, places: Places, put: Callable[[Line], None], tail: int) -> None:
        """`tail`: how many lines at most of what was said before; `places`: how many replicas may be read at once."""
        self._window, self._places, self._put = window, places, put
        self._tail: int | None = tail
        self._readers: dict[ReplicaId, _Reader] = {}

    def keep_to(self, replicas: Sequence[Replica]) -> None:
        """Read these from now on, and no others."""
        wanted = {one.id: one for one in replicas}
        for gone in self._readers.keys() - wanted.keys():
            self._readers.pop(gone).close()
            self._places.give_back()
        for name, replica in wanted.items():
            known = self._readers.get(name)
            if known is None:
                self._begin(replica)
            elif known.is_over() and replica.phase is ReplicaPhase.RUNNING:
                self._readers[name] = known.again()
        self._tail = None  # of who comes later, all

    def _begin(self, replica: Replica) -> None:
        """Where there is no room, later."""
        with suppress(Taken):
            self._places.check()
            self._readers[replica.id] = _Reader(self._window, replica, self._put, self._tail)
            self._places.take()

    def close(self) -> None:
        for reader in self._readers.values():
            reader.close()
            self._places.give_back()


class _Reader:
    """One replica's output, until it ends or somebody ends it."""

    def __init__(
        self,
        window: Window,
        replica: Replica,
        put: Callable[[Line], None],
        tail: int | None,
        since: Instant | None = None,
    ) -> None:
        self._window, self._replica, self._put, self._tail, self._since = window, replica, put, tail, since
        self._end: Callable[[], None] | None = None
        self._over = False
        self.ended_at: Instant | None = None
        threading.Thread(target=self._run, name="logs", daemon=True).start()

    def is_over(self) -> bool:
        """It has ended, and not just now: what cannot be read is not tried again at once."""
        return self.ended_at is not None and abs(time.time() - self.ended_at) >= _PAUSE

    def again(self) -> _Reader:
        """From where this one ended; from its beginning where it was never let in."""
        tail, since = (self._tail, self._since) if self._end is None else (None, self.ended_at)
        return _Reader(self._window, self._replica, self._put, tail, since)

    def _run(self) -> None:
        read = self._window.logs(self._replica.id, tail=self._tail, follow=True, since=self._since, opened=self._note)
        with suppress(ControllerError, OSError):  # hung up, or gone
            for text in read:
                self._put(Line(self._replica.name, text))
        self.ended_at = time.time()

    def _note(self, end: Callable[[], None]) -> None:
        self._end = end
        if self._over:
            end()

    def close(self) -> None:
        self._over = True
        if self._end is not None:
            self._end()
