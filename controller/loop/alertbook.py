"""The alerts of one stack as they are kept: the book, which the loop writes, and what people say to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from controller.alerts.notices import Hush
from controller.loop.codec import decode, encode
from controller.loop.database import Database
from controller.model.alert import Ack, Book, Silence
from controller.model.names import Instant


class Posted(NamedTuple):
    """One stack's alerts, and who wants to hear no more of which."""

    stack: str
    book: Book
    hush: Hush


class AlertRecords:
    """Any process may acknowledge and silence; only the stack's one writer keeps the book."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self) -> Book:
        """The book; an empty one where there is none, or another version wrote it."""
        row = self._database.row("SELECT body FROM alerts")
        try:
            return decode(Book, row[0]) if row is not None else Book()
        except ValueError:
            return Book()

    def save(self, book: Book) -> None:
        """Keep it. Acknowledgements of what is over are dropped."""
        with self._database.write():
            self._database.execute(
                "INSERT INTO alerts (id, body) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
                (encode(book),),
            )
            present = {alert.id for alert in book.open.values()}
            for gone in self.acks().keys() - present:
                self._database.execute("DELETE FROM acks WHERE alert = ?", (gone,))

    def acks(self) -> Mapping[str, Ack]:
        """By alert."""
        rows = self._database.rows("SELECT alert, body FROM acks ORDER BY alert")
        return {alert: decode(Ack, body) for alert, body in rows}

    def acknowledge(self, acks: Iterable[Ack]) -> None:
        """Somebody knows of these."""
        with self._database.write():
            for ack in acks:
                self._database.execute(
                    "INSERT OR REPLACE INTO acks (alert, body) VALUES (?, ?)", (ack.alert, encode(ack))
                )

    def silences(self, now: Instant) -> tuple[Silence, ...]:
        """Those that are not over."""
        rows = self._database.rows("SELECT id, body FROM silences WHERE until > ? ORDER BY id", (now,))
        return tuple(replace(decode(Silence, body), id=number) for number, body in rows)

    def silence(self, silence: Silence) -> Silence:
        """From now on; with its number. Those that are over are forgotten."""
        with self._database.write():
            self._database.execute("DELETE FROM silences WHERE until <= ?", (silence.at,))
            number = self._database.insert(
                "INSERT INTO silences (until, body) VALUES (?, ?)", (silence.until, encode(silence))
            )
        return replace(silence, id=number)

    def end_silence(self, number: int) -> bool:
        """False: there is none of that number."""
        return self._database.execute("DELETE FROM silences WHERE id = ?", (number,)) > 0

    def hush(self, now: Instant) -> Hush:
        """All that people said, as far as it holds now."""
        return Hush(self.acks(), self.silences(now))
