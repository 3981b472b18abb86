"""The tables of a stack's store and the steps that bring an older file up to date."""

from __future__ import annotations

from collections.abc import Callable

from controller.loop.seal import FIRST, MARK, sealing
from controller.model.errors import ControllerError

_TABLES = """
CREATE TABLE histories (service TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE replicas (
    intent INTEGER PRIMARY KEY AUTOINCREMENT, service TEXT NOT NULL, number INTEGER NOT NULL, revision TEXT NOT NULL,
    replica TEXT UNIQUE, adopted INTEGER NOT NULL DEFAULT 0, intended_at REAL NOT NULL
) STRICT;
CREATE TABLE revisions (
    service TEXT NOT NULL, revision TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (service, revision)
) STRICT, WITHOUT ROWID;
CREATE TABLE memory (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL) STRICT;
CREATE TABLE generations (generation INTEGER PRIMARY KEY, at REAL NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE renderings (key TEXT PRIMARY KEY, used_at REAL NOT NULL, project TEXT NOT NULL, recording TEXT) STRICT;
CREATE TABLE timings (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, service TEXT NOT NULL, kind TEXT NOT NULL, revision TEXT NOT NULL,
    seconds REAL NOT NULL
) STRICT;
CREATE INDEX timings_of ON timings (service, kind, seq);
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, first_at REAL NOT NULL, at REAL NOT NULL, stack TEXT NOT NULL, service TEXT,
    kind TEXT NOT NULL, reason TEXT NOT NULL, message TEXT NOT NULL, count INTEGER NOT NULL
) STRICT;
CREATE INDEX events_of ON events (service, reason, seq);
CREATE TABLE status (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL, taken_at REAL NOT NULL) STRICT;
CREATE TABLE intents (
    id INTEGER PRIMARY KEY AUTOINCREMENT, verb TEXT NOT NULL, args TEXT NOT NULL, who TEXT NOT NULL,
    asked_at REAL NOT NULL, state TEXT NOT NULL, exit_code INTEGER, result TEXT NOT NULL DEFAULT '', ended_at REAL
) STRICT;
CREATE INDEX intents_waiting ON intents (state, id);
"""

_ALERTS = """
CREATE TABLE alerts (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL) STRICT;
CREATE TABLE acks (alert TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE silences (id INTEGER PRIMARY KEY AUTOINCREMENT, until REAL NOT NULL, body TEXT NOT NULL) STRICT;
"""

_IMAGES = """
CREATE TABLE images (
    service TEXT NOT NULL, image TEXT NOT NULL, name TEXT NOT NULL, seen_at REAL NOT NULL, in_use INTEGER NOT NULL,
    PRIMARY KEY (service, image, name)
) STRICT, WITHOUT ROWID;
"""
_ADJUSTMENTS = "CREATE TABLE adjustments (service TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID"


def _statements(script: str) -> tuple[str, ...]:
    return tuple(statement for statement in script.split(";") if statement.strip())


MIGRATIONS: tuple[tuple[str, ...], ...] = (
    _statements(_TABLES),
    tuple(sealing(*FIRST)),
    ("ALTER TABLE generations ADD COLUMN definitions TEXT NOT NULL DEFAULT '{}'",),  # for people: goes without a seal
    _statements(_ALERTS),  # as well
    _statements(_IMAGES),  # an image that it does not know, or knows as used lately, is left alone
    (_ADJUSTMENTS, *sealing("adjustments")),
)
"""Step n brings version n to n + 1. Append only: a released step never changes."""


def mark_of(version: int) -> int:
    """The `application_id` that goes with a version; the first one had none."""
    return 0 if version < 2 else MARK + version


def pending_migrations(version: int, place: str) -> tuple[tuple[str, ...], ...]:
    """The steps that a file of this version still needs. Raises where a newer program wrote it."""
    if version > len(MIGRATIONS):
        raise ControllerError(
            f"{place}: written by a newer version of controller (schema {version}, this one knows {len(MIGRATIONS)})",
            hint="upgrade controller; the file was only read",
        )
    return MIGRATIONS[version:]


def migrate(execute: Callable[[str], object], version: int, place: str) -> None:
    """Bring the schema up to date, statement by statement, inside the caller's transaction."""
    for statements in pending_migrations(version, place):
        for statement in statements:
            execute(statement)
    execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    execute(f"PRAGMA application_id = {mark_of(len(MIGRATIONS))}")
