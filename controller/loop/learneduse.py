"""What one replica of each service usually uses at most, out of measured history. May be lost at any time."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from controller.loop.usagehistory import connect
from controller.model.names import Instant

WINDOW, SHARE, FEWEST = 86400.0, 0.95, 5
"""Seconds of history, the share of its minutes that need no more than is told, the fewest minutes that tell anything.

Kubernetes' Vertical Pod Autoscaler targets a high percentile too, and of memory the peaks of each day; what is counted
here only says whether there is room for one more.
"""

_RENEW = 300.0
"""Seconds after which it is read anew: of a day five minutes change little."""

_SELECT = """
WITH ranked AS (
    SELECT service, memory_highest AS size,
        ROW_NUMBER() OVER (PARTITION BY service ORDER BY memory_highest) AS place,
        COUNT(*) OVER (PARTITION BY service) AS many
    FROM usage WHERE tier = 60 AND at >= ? AND at <= ? AND memory_highest IS NOT NULL
)
SELECT service, MIN(size) FROM ranked WHERE many >= ? AND place >= many * ? GROUP BY service
"""


class _Read(NamedTuple):
    at: Instant
    learned: Mapping[str, int]


class LearnedUse:
    """Of every stack that somebody asks for. Safe from several threads: read on one, asked for on another."""

    def __init__(self, folder: Callable[[str], Path], now: Callable[[], Instant]) -> None:
        self._folder, self._now = folder, now
        self._lock = threading.Lock()
        self._known: dict[str, _Read] = {}

    def __call__(self, stack: str) -> Mapping[str, int]:
        """Bytes by service; read only where nobody has yet."""
        with self._lock:
            known = self._known.get(stack)
        return (known or self._read(stack)).learned

    def renew(self, stacks: Iterable[str]) -> None:
        """Read anew what is old of these."""
        for stack in stacks:
            with self._lock:
                known = self._known.get(stack)
            if known is None or not 0 <= self._now() - known.at < _RENEW:
                self._read(stack)

    def _read(self, stack: str) -> _Read:
        found = _Read(self._now(), read_learned(self._folder(stack), self._now()))
        with self._lock:
            self._known[stack] = found
        return found


def read_learned(folder: Path, now: Instant) -> Mapping[str, int]:
    """By service, of what is kept in that folder; nothing where nothing was measured yet."""
    try:
        with closing(connect(folder)) as connection:
            rows = connection.execute(_SELECT, (now - WINDOW, now, FEWEST, SHARE)).fetchall()
    except (sqlite3.Error, OSError):
        return {}
    return {service: round(size) for service, size in rows}
