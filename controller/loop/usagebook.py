"""Measured history in a file of its own, `usage.db`: bounded in time and in size, and nothing but history.

The store of the stack is not burdened with it: nothing here waits for the disk, and a damaged file is replaced.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from controller import failpoints
from controller.loop.codec import encode
from controller.loop.database import make_private
from controller.loop.usagetables import (
    COARSE,
    INSERT,
    MINUTE,
    RAW,
    ROLL_UP,
    STEPS,
    TABLES,
    VERSION,
    Highest,
    tiers,
    values_of,
)
from controller.model.errors import ControllerError
from controller.model.names import Instant
from controller.model.usage import Figures, Usage
from controller.resources.samples import highest_cpu, highest_memory

FILE = "usage.db"

LARGEST = 32 * 1024 * 1024
"""Bytes: 30 services by default take 9 MB."""

_PAGE = 4096
_BUSY = 1.0
"""Seconds to wait for another controller that writes the machine's history."""

_AHEAD = 60.0
"""Seconds by which a row may be dated ahead of now; what is later comes from a clock that was wrong."""


class UsageBook:
    """The writer of one file. For one thread; others read by `controller.loop.usagehistory`."""

    def __init__(self, folder: Path, retention: float, largest: int = LARGEST) -> None:
        self._path = folder / FILE
        self.retention = retention
        self._tiers = tiers(retention)
        self._largest = largest
        self._connection: sqlite3.Connection | None = None
        self._rolled: dict[int, Instant] = {}

    def add(self, sample: Usage, services: Mapping[str, Figures], interval: float) -> None:
        """Keep these figures of a sample, and it as a whole in place of the last one. Raises ControllerErrors.

        `interval`: seconds between samples.
        """
        with self._explained():
            try:
                self._add(sample, services, interval)
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                self._begin_anew()
                self._add(sample, services, interval)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _add(self, sample: Usage, services: Mapping[str, Figures], interval: float) -> None:
        connection, at = self._open(), sample.at
        highest = _find_highest(sample)
        rows = [
            (at, service, *values_of(figures, highest.get(service, Highest()))) for service, figures in services.items()
        ]
        with _transaction(connection, "store.usage.insert"):
            connection.executemany(INSERT, rows)
            connection.execute(
                "INSERT OR REPLACE INTO newest (id, at, interval, body) VALUES (1, ?, ?, ?)",
                (at, interval, encode(sample)),
            )
            for step, finer in ((MINUTE, RAW), (COARSE, MINUTE)):
                self._roll_up(connection, step, finer, at)
        self._shorten(connection)

    def _roll_up(self, connection: sqlite3.Connection, step: int, finer: int, now: Instant) -> None:
        """What lies before the present step is made coarse, once; with it goes what is too old."""
        until = now // step * step
        if self._rolled.get(step) == until:
            return
        (last,) = connection.execute("SELECT MAX(at) FROM usage WHERE tier = ?", (step,)).fetchone()
        since = 0.0 if last is None else last + step
        connection.execute(ROLL_UP, {"step": step, "finer": finer, "since": since, "until": until})
        for tier in self._tiers:
            old = (tier.step, now - tier.keep, now + _AHEAD)
            connection.execute("DELETE FROM usage WHERE tier = ? AND (at < ? OR at > ?)", old)
        self._rolled[step] = until

    def _shorten(self, connection: sqlite3.Connection) -> None:
        """Where there is too much of it, of each tier the older quarter goes."""
        while self._size(connection) > self._largest:
            with _transaction(connection, "store.usage.delete"):
                gone = sum(self._drop_quarter(connection, tier.step) for tier in self._tiers)
            if not gone:
                return

    def _drop_quarter(self, connection: sqlite3.Connection, tier: int) -> int:
        first, last = connection.execute("SELECT MIN(at), MAX(at) FROM usage WHERE tier = ?", (tier,)).fetchone()
        if first is None:
            return 0
        until = first + (last - first) / 4
        return connection.execute("DELETE FROM usage WHERE tier = ? AND at <= ?", (tier, until)).rowcount

    @staticmethod
    def _size(connection: sqlite3.Connection) -> int:
        """Bytes in use."""
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        return int(pages - free) * _PAGE

    def _open(self) -> sqlite3.Connection:
        if self._connection is None or not self._path.exists():
            self.close()
            self._rolled.clear()
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        make_private(self._path.parent)
        with suppress(FileExistsError), failpoints.around("disk.database"):
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(self._path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version not in (0, *STEPS, VERSION):
            raise sqlite3.DatabaseError("malformed: another version wrote it")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")  # a power cut costs history, or the file, and nothing else
        connection.execute(f"PRAGMA max_page_count = {self._largest // _PAGE * 5 // 4}")
        if version != VERSION:
            with _transaction(connection, "disk.schema"):
                (version,) = connection.execute("PRAGMA user_version").fetchone()  # another one may have been first
                for statement in () if version == VERSION else STEPS.get(version, TABLES):
                    connection.execute(statement)

    def _begin_anew(self) -> None:
        """Nobody wants to look into damaged history: it goes."""
        self.close()
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError), failpoints.around("disk.damaged"):
                os.unlink(f"{self._path}{suffix}")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            self.close()
            hint = "free some disk space; measuring goes on, its history has a gap"
            raise ControllerError(f"{self._path}: {getattr(error, 'strerror', None) or error}", hint=hint) from error


def _find_highest(sample: Usage) -> Mapping[str, Highest]:
    """By service, of the one stack that a sample is of."""
    return {
        name: Highest(highest_cpu(one.replicas.values()), highest_memory(one.replicas.values()))
        for services in sample.stacks.values()
        for name, one in services.items()
    }


@contextmanager
def _transaction(connection: sqlite3.Connection, write: str) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        with failpoints.around(write):
            connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        raise


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    damaged = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    return code in damaged or "malformed" in str(error) or "no such table" in str(error)
