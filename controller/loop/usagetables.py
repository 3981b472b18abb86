"""The tables of measured history, and the statements that keep it coarse where it is old."""

from __future__ import annotations

from typing import NamedTuple

from controller.model.usage import Figures, UsagePoint

VERSION = 2
"""Of a version that no step leads from nothing is read: it is history, and made anew."""

TABLES = (
    """CREATE TABLE usage (
    tier INTEGER NOT NULL, at REAL NOT NULL, service TEXT NOT NULL,
    cpu REAL, memory REAL, memory_limit REAL, received REAL, sent REAL, read REAL, written REAL, processes REAL,
    cpu_limit REAL, cpu_most REAL, memory_most REAL, cpu_highest REAL, memory_highest REAL,
    PRIMARY KEY (tier, at, service)
) STRICT, WITHOUT ROWID""",
    """CREATE TABLE newest (
    id INTEGER PRIMARY KEY CHECK (id = 1), at REAL NOT NULL, interval REAL NOT NULL, body TEXT NOT NULL
) STRICT""",
    f"PRAGMA user_version = {VERSION}",
)

STEPS = {
    1: (
        "ALTER TABLE usage ADD COLUMN cpu_highest REAL",
        "ALTER TABLE usage ADD COLUMN memory_highest REAL",
        f"PRAGMA user_version = {VERSION}",
    )
}
"""What brings an older version's file up to date, by version."""

_FIGURES = ("cpu", "memory", "memory_limit", "received", "sent", "read", "written", "processes", "cpu_limit")
_MOST = ("cpu_most", "memory_most", "cpu_highest", "memory_highest")
COLUMNS = ", ".join((*_FIGURES, *_MOST))
_MEANS = ", ".join((*(f"AVG({name})" for name in _FIGURES), *(f"MAX({name})" for name in _MOST)))

INSERT = f"INSERT OR REPLACE INTO usage (tier, at, service, {COLUMNS}) VALUES (0{', ?' * 15})"  # noqa: S608 - our words
ROLL_UP = (
    f"INSERT OR REPLACE INTO usage (tier, at, service, {COLUMNS})"  # noqa: S608 - our words
    f" SELECT :step, CAST(at / :step AS INTEGER) * :step AS began, service, {_MEANS}"
    " FROM usage WHERE tier = :finer AND at >= :since AND at < :until GROUP BY began, service"
)
SELECT = (
    f"SELECT service, at, {COLUMNS} FROM usage"  # noqa: S608 - our words
    " WHERE tier = :tier AND at >= :since AND at < :until AND (:service IS NULL OR service = :service) ORDER BY at"
)
SELECT_MEANS = (
    f"SELECT service, CAST(at / :step AS INTEGER) * :step AS began, {_MEANS}"  # noqa: S608 - our words
    " FROM usage WHERE tier = :tier AND at >= :since AND at < :until AND (:service IS NULL OR service = :service)"
    " GROUP BY began, service ORDER BY began"
)


class Tier(NamedTuple):
    """History of one grain: seconds that a row stands for (0: one sample), and seconds for which it is kept."""

    step: int
    keep: float


RAW, MINUTE, COARSE = 0, 60, 600


def tiers(retention: float) -> tuple[Tier, ...]:
    """The finest first: each sample for 2 h, minutes for a day, ten minutes for `retention`; nothing beyond that."""
    return (
        Tier(RAW, min(retention, 7200.0)),
        Tier(MINUTE, min(retention, 86400.0)),
        Tier(COARSE, retention),
    )


class Highest(NamedTuple):
    """Cores and bytes of the replica that uses most of each. None: not known."""

    cpu: float | None = None
    memory: int | None = None


def values_of(figures: Figures, highest: Highest) -> tuple[float | None, ...]:
    """In the order of `COLUMNS`: of a single sample the highest is itself."""
    return (*(getattr(figures, name) for name in _FIGURES), figures.cpu, figures.memory, *highest)


def point_of(at: float, values: tuple[float | None, ...]) -> UsagePoint:
    """A row as a point."""
    cpu, memory, limit, received, sent, read, written, processes, cpu_limit, cpu_most, memory_most, *highest = values
    figures = Figures(
        cpu, _whole(memory), _whole(limit), received, sent, read, written, _whole(processes), cpu_limit
    )  # fmt: skip
    cpu_highest, memory_highest = highest
    return UsagePoint(at, figures, cpu_most, _whole(memory_most), cpu_highest, _whole(memory_highest))


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)
