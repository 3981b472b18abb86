"""A seal over each row that decisions follow from: a bit that flips on the disk is found at opening, not believed.

SQLite finds damage of its own structure only. The seal is a checksum of the row's columns, kept by triggers.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Mapping

SEALED: Mapping[str, tuple[str, ...]] = {
    "histories": ("service", "body"),
    "replicas": ("service", "number", "revision", "replica", "adopted"),
    "revisions": ("service", "revision", "body"),
    "memory": ("body",),
    "generations": ("generation", "body"),
    "renderings": ("key", "project", "recording"),
    "intents": ("verb", "args", "who"),
    "status": ("body",),
    "adjustments": ("service", "body"),
}
"""Columns under the seal, by table. What is told only (timings, events) goes without."""

_ROW = {"histories": "service", "replicas": "intent", "renderings": "key", "generations": "generation"}
_ROW |= {"memory": "id", "intents": "id", "status": "id", "adjustments": "service"}

FIRST = ("histories", "replicas", "revisions", "memory", "generations", "renderings", "intents", "status")
"""Those that were there when the seal came; the others come with theirs."""

MARK = 0x43740000
"""`application_id` less the version: a version number that does not fit its mark is damage, not news."""


def sealing(*tables: str) -> Iterator[str]:
    """The statements that put these tables under seal."""
    for table in tables:
        columns = SEALED[table]
        yield f"ALTER TABLE {table} ADD COLUMN seal INTEGER"
        yield f"UPDATE {table} SET seal = seal_of({', '.join(columns)})"  # noqa: S608 - names of ours
        for event in ("INSERT", f"UPDATE OF {', '.join(columns)}"):
            yield _trigger(table, columns, event)


def _trigger(table: str, columns: tuple[str, ...], event: str) -> str:
    keys = (_ROW[table],) if table in _ROW else columns[:2]
    where = " AND ".join(f"{key} = NEW.{key}" for key in keys)
    name = f"seal_{table}_{event.split(maxsplit=1)[0].lower()}"
    seal = f"seal_of({', '.join(f'NEW.{column}' for column in columns)})"
    change = f"UPDATE {table} SET seal = {seal} WHERE {where}"  # noqa: S608 - names of ours
    return f"CREATE TRIGGER {name} AFTER {event} ON {table} BEGIN {change}; END"


def teach(connection: sqlite3.Connection) -> None:
    """Give the connection the function that the triggers call."""
    connection.create_function("seal_of", -1, _seal_of, deterministic=True)


def _seal_of(*values: object) -> int:
    return zlib.crc32(repr(values).encode("utf-8", "surrogatepass"))


def verify(connection: sqlite3.Connection) -> None:
    """Raises DatabaseError where a row is not what was written, or a table is not there."""
    for table, columns in SEALED.items():
        broken = f"SELECT count(*) FROM {table} WHERE seal IS NOT seal_of({', '.join(columns)})"  # noqa: S608
        if _count(connection, broken):
            raise sqlite3.DatabaseError(f"malformed: a row of {table} is not what was written")


def was_raised(error: sqlite3.Error) -> bool:
    """Whether the seal's function could not be called, or was broken off: by damaged text, or by a Ctrl-C."""
    return "user-defined function raised" in str(error)


def _count(connection: sqlite3.Connection, statement: str) -> int:
    """Damage is there the second time, too; a Ctrl-C is not, and is passed on."""
    try:
        return int(connection.execute(statement).fetchone()[0])
    except sqlite3.OperationalError as error:
        if not was_raised(error):
            raise _as_damage(error) from error
        first = error
    try:
        connection.execute(statement).fetchone()
    except sqlite3.OperationalError as error:
        raise sqlite3.DatabaseError(f"malformed: {error}") from error
    raise KeyboardInterrupt from first


def _as_damage(error: sqlite3.OperationalError) -> sqlite3.DatabaseError:
    missing = str(error).startswith(("no such table", "no such column", "Could not decode"))
    return sqlite3.DatabaseError(f"malformed: {error}") if missing else error
