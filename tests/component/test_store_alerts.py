"""Alerts in the store: the book as it was, and what other processes say to it."""

from __future__ import annotations

from controller.loop.store import Store
from controller.model.alert import Ack, Alert, Book, Severity, Silence, Told

ALERT = Alert(
    "a1", "rag", "db", "ServiceDown", Severity.CRITICAL, "no replica is ready", 1.0, 2.0, ("web",), ("CrashLoop",),
    {"team": "shop"}, told={"ops": Told(Severity.CRITICAL, 3.0)},
)  # fmt: skip
BOOK = Book({"db": ALERT}, (ALERT,))


def test_the_book_is_read_as_it_was_written(store: Store, folder) -> None:
    assert store.alerts.load() == Book()
    store.alerts.save(BOOK)
    other = Store(folder)
    assert other.alerts.load() == BOOK
    other.close()


def test_acknowledgements_of_what_is_over_are_forgotten(store: Store, folder) -> None:
    store.alerts.save(BOOK)
    other = Store(folder)
    known, gone = Ack("a1", "ada", 4.0, Severity.CRITICAL), Ack("gone", "ada", 4.0)
    other.alerts.acknowledge([known, gone])
    assert store.alerts.hush(5.0).acks == {"a1": known, "gone": gone}
    store.alerts.save(BOOK)
    assert other.alerts.acks() == {"a1": known}
    other.close()


def test_silences_end_by_themselves_or_by_hand(store: Store) -> None:
    first = store.alerts.silence(Silence(0, 100.0, "ada", 1.0, ("db",), ("Flapping",), "moving house"))
    second = store.alerts.silence(Silence(0, 200.0, "ada", 1.0))
    assert store.alerts.silences(99.0) == (first, second)
    assert store.alerts.silences(100.0) == (second,)
    assert store.alerts.end_silence(second.id)
    assert not store.alerts.end_silence(second.id)
    assert store.alerts.silences(1.0) == (first,)
