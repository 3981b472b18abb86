"""Reads measured history, from any thread and any process, while another one writes it. Nothing there: no history."""

from __future__ import annotations

import json
import math
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from controller.loop.codec import decode
from controller.loop.usagebook import FILE
from controller.loop.usagetables import COARSE, MINUTE, RAW, SELECT, SELECT_MEANS, point_of, tiers
from controller.model.names import Instant
from controller.model.usage import Usage, UsagePoint, UsageSeries

_STALE, _SLOW = 3.0, 5.0
"""Intervals without a sample, and seconds beside them that one may take, after which the last one says nothing."""

MOST_POINTS = 500
"""Of one series: more than a screen has columns."""


_SLACK = 60.0
"""Seconds: who asks for the last two hours gets them as they were sampled."""


_DAY = 86400.0
_HIGHEST = (
    "SELECT service, MAX(at), MAX(memory_highest) FROM usage"
    " WHERE at >= :day AND at <= :now AND memory_highest IS NOT NULL GROUP BY service"
    " UNION ALL SELECT service, at, memory_highest FROM usage"
    " WHERE tier = :coarse AND at >= :since - :coarse AND at < :day AND memory_highest IS NOT NULL"
)
"""Of what is older than a day each step by itself: there may be others before the one that is asked for."""
_FIRST = (
    "SELECT usage.service, MIN(usage.at) FROM usage JOIN json_each(:since) AS since ON since.key = usage.service"
    " WHERE usage.at >= since.value - :slack AND memory_highest IS NOT NULL GROUP BY usage.service"
)
"""By service the first row since an instant of each."""


class _Grain(NamedTuple):
    """Rows of which tier, and over how many seconds they are taken together (0: not at all)."""

    tier: int
    step: float
    together: float


def read_newest(folder: Path, now: Instant) -> Usage | None:
    """The last sample that a controller wrote; None: there is none, it is stale, or it cannot be read."""
    try:
        with closing(connect(folder)) as connection:
            row = connection.execute("SELECT at, interval, body FROM newest").fetchone()
            if row is None or not abs(now - row[0]) <= _STALE * row[1] + _SLOW:
                return None
            return decode(Usage, row[2])
    except (sqlite3.Error, OSError, ValueError):
        return None


def read_history(folder: Path, service: str | None, since: Instant, now: Instant) -> tuple[UsageSeries, ...]:
    """Since that instant: of one service, or of all (None), some 500 points each at most; oldest first."""
    try:
        with closing(connect(folder)) as connection:
            return tuple(_read(connection, service, since, now))
    except (sqlite3.Error, OSError):
        return ()


def read_highest(folder: Path, now: Instant, started: Mapping[str, Instant] | None = None) -> Mapping[str, int] | None:
    """By service, bytes of the replica that used most, in the last day and since an instant of each (`started`).

    Of these nothing of who was not measured since that instant, or for a day: it may have used more. None: it cannot be
    read.
    """
    day, began = now - _DAY, started or {}
    since = min((day, *began.values()))
    wanted = {"day": day, "since": since, "now": now + _SLACK, "coarse": COARSE}
    try:
        with closing(connect(folder)) as connection:
            rows = connection.execute(_HIGHEST, wanted).fetchall()
            unknown = _find_unknown(connection, {name: max(at, day) for name, at in began.items()})
    except (sqlite3.Error, OSError):
        return None
    found: dict[str, int] = {}
    for service, at, size in rows:
        if service not in unknown and at >= min(day, began.get(service, day)) - COARSE:
            found[service] = max(found.get(service, 0), round(size))
    return found


def _find_unknown(connection: sqlite3.Connection, since: Mapping[str, Instant]) -> frozenset[str]:
    """Services that were not measured yet at these instants, nor soon after."""
    if not since:
        return frozenset()
    row = connection.execute("SELECT interval FROM newest").fetchone()
    patience = _SLACK + 2.0 * (row[0] if row is not None else 0.0)
    first = dict(connection.execute(_FIRST, {"since": json.dumps(since), "slack": _SLACK}).fetchall())
    return frozenset(name for name, at in since.items() if first.get(name, math.inf) > at + patience)


def connect(folder: Path) -> sqlite3.Connection:
    """To be read only. Raises OSError where nothing was measured yet."""
    path = folder / FILE
    if not path.exists():
        raise FileNotFoundError(path)
    return sqlite3.connect(f"file:{_quoted(path)}?mode=ro", uri=True, timeout=1.0, isolation_level=None)


def _quoted(path: Path) -> str:
    from urllib.parse import quote

    return quote(str(path))


def _read(connection: sqlite3.Connection, service: str | None, since: Instant, now: Instant) -> Iterator[UsageSeries]:
    row = connection.execute("SELECT interval FROM newest").fetchone()
    grain = choose_grain(now - since, row[0] if row is not None else 15.0)
    points: dict[str, list[UsagePoint]] = defaultdict(list)
    for name, at, *values in _rows(connection, grain, service, since, now):
        if not points[name] or at > points[name][-1].at:  # a step that is not over yet may begin in two tiers
            points[name].append(point_of(at, tuple(values)))
    for name in sorted(points):
        yield UsageSeries(name, grain.step, tuple(points[name]))


def choose_grain(span: float, interval: float) -> _Grain:
    """The finest history that goes back `span` seconds; more rows than `MOST_POINTS` are taken together."""
    raw, minute, _ = tiers(math.inf)
    reach = span - _SLACK
    tier, step = (RAW, interval) if reach <= raw.keep else (MINUTE, 60.0) if reach <= minute.keep else (COARSE, 600.0)
    if span <= step * MOST_POINTS:
        return _Grain(tier, step, 0.0)
    together = math.ceil(span / MOST_POINTS / step) * step
    return _Grain(tier, together, together)


def _rows(
    connection: sqlite3.Connection, grain: _Grain, service: str | None, since: Instant, now: Instant
) -> Iterator[tuple[Any, ...]]:
    """The tier's own rows, and for the time that it does not have yet those of the finer ones, taken together."""
    for tier in dict.fromkeys((grain.tier, *((MINUTE, RAW) if grain.tier == COARSE else (RAW,)))):
        until = now + 1.0
        if tier != RAW:
            (last,) = connection.execute("SELECT MAX(at) FROM usage WHERE tier = ?", (tier,)).fetchone()
            until = since if last is None else last + tier
        step = grain.together if tier == grain.tier else grain.step
        wanted = {"tier": tier, "since": since, "until": until, "service": service}
        if step:
            yield from connection.execute(SELECT_MEANS, {**wanted, "step": step})
        else:
            yield from connection.execute(SELECT, wanted)
        since = max(since, until)
