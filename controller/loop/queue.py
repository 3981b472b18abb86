"""The only place that waits: what is to be looked at now, and what later. Equal keys merge."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Hashable
from random import Random
from typing import Generic, TypeVar

from controller.model.names import Instant

SET_BACK = 1.0
"""Seconds by which the clock has to go backwards to count as set."""

K = TypeVar("K", bound=Hashable)

JITTER = 0.1
"""Far wakes are moved by up to this share of their delay, so that what began together does not go on together."""

JITTER_FROM = 10.0
"""Seconds; a nearer wake is somebody's latency and stays exact."""

_LONGEST_NAP = 30.0
"""Seconds; the wall clock may be set while we wait."""


class Queue(Generic[K]):
    """Keys that are due, in the order in which they fell due. Safe from any thread; `get` may wait, nothing else does.

    A key has at most one wake: a newer one replaces it, also with never. `now` is the clock that wakes are told in.
    """

    def __init__(self, now: Callable[[], Instant], random: Random | None = None) -> None:
        self._now = now
        self._latest = now()
        self._random = random or Random()  # noqa: S311 (spreads load, guards nothing)
        self._changed = threading.Condition()
        self._due: dict[K, None] = {}
        self._wakes: dict[K, Instant] = {}
        self._heap: list[tuple[Instant, int, K]] = []
        self._count = 0
        self._closed = False

    def add(self, key: K) -> None:
        """Look at it now. Its wake stays: whoever looks will set another."""
        with self._changed:
            self._due[key] = None
            self._changed.notify()

    def add_at(self, key: K, instant: Instant | None) -> None:
        """Look at it then, whatever was said before; None: not before something changes."""
        with self._changed:
            if instant is None:
                self._wakes.pop(key, None)
            else:
                self._schedule(key, self._spread(instant))
            self._changed.notify()

    def get(self, timeout: float | None = None) -> K | None:
        """The next key that is due, after at most `timeout` seconds (None: for ever); None: there was none."""
        with self._changed:
            self._wait(timeout)
            key = next(iter(self._due), None)
            if key is not None:
                del self._due[key]
            return key

    def get_all(self, timeout: float | None = None) -> tuple[K, ...]:
        """All keys that are due, once one is; empty after `timeout` seconds."""
        with self._changed:
            self._wait(timeout)
            keys = tuple(self._due)
            self._due.clear()
            return keys

    @property
    def pressed(self) -> bool:
        """Whether somebody asked for another look meanwhile."""
        return bool(self._due)

    def next_wake(self) -> Instant | None:
        """When the next key falls due by itself; None: never."""
        with self._changed:
            self._drop_stale()
            return self._heap[0][0] if self._heap else None

    def close(self) -> None:
        """Whoever waits goes on at once, now and for ever."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        return self._closed

    def _read_clock(self) -> Instant:
        """Now. Where the clock was set back since it was last read, every wake keeps its distance from it."""
        now = self._now()
        back = self._latest - now
        self._latest = now
        if back > SET_BACK:
            self._wakes = {key: instant - back for key, instant in self._wakes.items()}
            self._heap = [(instant - back, count, key) for instant, count, key in self._heap]
        return now

    def _schedule(self, key: K, instant: Instant) -> None:
        self._wakes[key] = instant
        self._count += 1
        heapq.heappush(self._heap, (instant, self._count, key))
        if len(self._heap) > 64 and len(self._heap) > 4 * len(self._wakes):
            self._heap = [entry for entry in self._heap if self._wakes.get(entry[2]) == entry[0]]
            heapq.heapify(self._heap)

    def _spread(self, instant: Instant) -> Instant:
        delay = instant - self._read_clock()
        if delay < JITTER_FROM:
            return instant
        return instant + delay * self._random.uniform(-JITTER, JITTER)

    def _wait(self, timeout: float | None) -> None:
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            self._collect()
            if self._due or self._closed:
                return
            nap = self._nap(end)
            if nap <= 0:
                return
            self._changed.wait(nap)

    def _nap(self, end: float | None) -> float:
        naps = [_LONGEST_NAP]
        if end is not None:
            naps.append(end - time.monotonic())
        if self._heap:
            naps.append(max(self._heap[0][0] - self._now(), 0.001))
        return min(naps)

    def _collect(self) -> None:
        """Move what has fallen due over; a wake that was replaced is dropped when it comes up."""
        now = self._read_clock()
        self._drop_stale()
        while self._heap and self._heap[0][0] <= now:
            _, _, key = heapq.heappop(self._heap)
            del self._wakes[key]
            self._due[key] = None
            self._drop_stale()

    def _drop_stale(self) -> None:
        while self._heap and self._wakes.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
