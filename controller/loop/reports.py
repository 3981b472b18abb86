"""What is told of a stack: its events, repeats folded, and its latest status. Other processes read both here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from controller.loop.codec import Texts, decode, encode
from controller.loop.database import Database
from controller.model.names import Instant
from controller.model.status import Event, StackStatus

KEPT_EVENTS = 5000
FOLD_SECONDS = 600.0
"""A repeat of an event within this time after the last one raises its count instead of adding a line."""


class EventLog:
    """The events of one stack. `seq` grows with every event and every repeat, so that followers miss neither."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, event: Event) -> Event:
        """Tell it; the event as it was kept: with its `seq`, and as a repeat where it is one."""
        with self._database.write():
            earlier = self._database.row(
                "SELECT seq, first_at, count FROM events WHERE service IS ? AND reason = ? AND kind = ?"
                " AND message = ? AND at >= ? ORDER BY seq DESC LIMIT 1",
                (event.service, event.reason, event.kind, event.message, event.at - FOLD_SECONDS),
            )
            first_at, count = (earlier[1], earlier[2] + 1) if earlier else (event.at, 1)
            if earlier:
                self._database.execute("DELETE FROM events WHERE seq = ?", (earlier[0],))
            seq = self._database.insert(
                "INSERT INTO events (first_at, at, stack, service, kind, reason, message, count)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (first_at, event.at, event.stack, event.service, event.kind, event.reason, event.message, count),
            )
            self._database.execute("DELETE FROM events WHERE seq <= ?", (seq - KEPT_EVENTS,))
            return replace(event, seq=seq, count=count, first_at=first_at if earlier else None)

    def since(self, seq: int = 0, *, service: str | None = None) -> tuple[Event, ...]:
        """Events after that number, oldest first; of one service, or of all (None)."""
        rows = self._database.rows(
            "SELECT at, stack, service, kind, reason, message, seq, count, first_at FROM events"
            " WHERE seq > ? AND (? IS NULL OR service = ?) ORDER BY seq",
            (seq, service, service),
        )
        return tuple(_event(row) for row in rows)

    def last_seq(self) -> int:
        """The number of the latest event; 0 where there is none."""
        row = self._database.row("SELECT max(seq) FROM events")
        return row[0] or 0 if row else 0


_NO_SERVICES = '"services":[]'


class StatusSnapshot:
    """The latest status of one stack, written only where something a reader would see has changed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._texts = Texts()

    def save(self, status: StackStatus) -> bool:
        """Keep it; False where nothing but the time has changed, which writes nothing."""
        written = self._database.execute(
            "INSERT INTO status (id, body, taken_at) VALUES (1, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET body = excluded.body, taken_at = excluded.taken_at"
            " WHERE body <> excluded.body",
            (self._encode(status), status.taken_at),
        )
        return written > 0

    def _encode(self, status: StackStatus) -> str:
        """As `encode` does, but services that did not change are not put into text again."""
        whole = encode(replace(status, services=(), taken_at=0.0))
        services = ",".join(self._texts.encode(service.name, service) for service in status.services)
        return whole.replace(_NO_SERVICES, f'"services":[{services}]', 1)  # within text a quote has a backslash

    def load(self) -> StackStatus | None:
        """The latest status; `taken_at` is when it last changed. None: never taken, or by another version."""
        row = self._database.row("SELECT body, taken_at FROM status")
        if row is None:
            return None
        try:
            return replace(decode(StackStatus, row[0]), taken_at=row[1])
        except ValueError:
            return None


def _event(row: tuple[Any, ...]) -> Event:
    at, stack, service, kind, reason, message, seq, count, first_at = row
    first: Instant | None = first_at if count > 1 else None
    return Event(at, stack, service, kind, reason, message, seq, count, first)
