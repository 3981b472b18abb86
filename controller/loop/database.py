"""One SQLite file, shared by threads and processes: opens, migrates, guards, and starts anew where it is damaged."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from controller import failpoints
from controller.loop.disk import exclusive
from controller.loop.schema import mark_of, migrate, pending_migrations
from controller.loop.seal import teach, verify, was_raised
from controller.model.errors import ControllerError

BUSY_SECONDS = 5.0
"""How long a write waits for another process's write."""

_DAMAGED = ("malformed", "unsupported file format", "Could not decode to UTF-8")

_CHANGE = re.compile(r"(INSERT OR REPLACE|INSERT|UPDATE|DELETE)(?: INTO| FROM)? (\w+)")


class StoreDamaged(ControllerError):
    """The file was found damaged in the middle of a call and was replaced by an empty one; the call had no effect."""


class Database:
    """The connection to one file. All threads share it under one lock; `write` blocks are atomic and may be nested."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.mended: str | None = None
        """Set where a damaged file was moved aside: the sentence to tell a person."""
        self._guard = threading.RLock()
        self._depth = 0
        self._change: str | None = None
        """The last change of the open transaction that is no deletion; names the points around its end."""
        with _explained(path):
            self._connection, self._inode = self._open()

    @contextmanager
    def write(self) -> Iterator[None]:
        """One transaction. A nested block joins the outer one. Durable when the outermost block has ended."""
        with self._guard:
            outermost = self._depth == 0
            if outermost:
                self._begin()
            self._depth += 1
            try:
                yield
            except BaseException:
                if outermost:
                    self._roll_back()
                raise
            else:
                if outermost:
                    self._commit()
            finally:
                self._depth -= 1

    def execute(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Run one change inside its own or the surrounding transaction; the number of rows that it touched."""
        with self.write(), self._guarded():
            self._note(statement)
            return self._connection.execute(statement, values).rowcount

    def insert(self, statement: str, values: Sequence[Any]) -> int:
        """Insert one row; its number."""
        with self.write(), self._guarded():
            self._note(statement)
            return self._connection.execute(statement, values).lastrowid or 0

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._guard, self._guarded():
            self._follow_file()
            return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """The first row of a query."""
        return next(iter(self.rows(statement, values)), None)

    def close(self) -> None:
        with self._guard:
            self._connection.close()

    def _begin(self) -> None:
        with self._guarded():
            self._follow_file()
            self._connection.execute("BEGIN IMMEDIATE")
            self._change = None

    def _note(self, statement: str) -> None:
        change = name_change(statement)
        if self._change is None or (change is not None and not change.endswith(".delete")):
            self._change = change

    def _commit(self) -> None:
        """What one transaction writes is there as a whole or not at all: one place before, one after it."""
        with self._guarded(), failpoints.around(self._change) if self._change else nullcontext():
            self._connection.execute("COMMIT")

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _follow_file(self) -> None:
        """Another process may have moved a damaged file aside: what we hold open is then no longer the store."""
        if self._depth == 0 and not self._connection.in_transaction and _inode(self.path) != self._inode:
            self._reopen()

    def _reopen(self) -> None:
        self._connection.close()
        self._connection, self._inode = self._open()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Errors of SQLite become ours; a damaged file is replaced before the caller hears of it."""
        try:
            with _explained(self.path), self._told_apart(), _readable():
                yield
        except sqlite3.DatabaseError as error:
            if not _is_damage(error, self.path):
                raise
            self._connection.close()
            with exclusive(self.path.parent), _explained(self.path):
                self.mended = _set_aside(self.path, error)
            self._connection, self._inode = self._open()
            raise StoreDamaged(self.mended) from error

    @contextmanager
    def _told_apart(self) -> Iterator[None]:
        """SQLite says the same of a Ctrl-C in the seal's function and of text in a row that is none."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if not was_raised(error):
                raise
            self._roll_back()
            verify(self._connection)
            if threading.current_thread() is not threading.main_thread():
                raise
            raise KeyboardInterrupt from error

    def _open(self) -> tuple[sqlite3.Connection, int]:
        make_private(self.path.parent)
        os.chmod(self.path.parent, 0o700)
        with exclusive(self.path.parent):
            try:
                connection = _connect(self.path)
            except sqlite3.DatabaseError as error:
                if not _is_damage(error, self.path):
                    raise
                self.mended = _set_aside(self.path, error)
                connection = _connect(self.path)
            return connection, _inode(self.path)


def name_change(statement: str) -> str | None:
    """`store.events.insert` of `INSERT INTO events …`; None: it is no change of rows."""
    found = _CHANGE.match(statement)
    return f"store.{found[2]}.{found[1].split()[0].lower()}" if found else None


def make_private(folder: Path) -> None:
    """Make the folder and what is missing above it, for its owner alone; what is there already stays as it is."""
    if not folder.is_dir():
        make_private(folder.parent)
        with suppress(FileExistsError), failpoints.around("disk.folder"):
            folder.mkdir(mode=0o700)


def _create_private(path: Path) -> None:
    """An existing file is never opened here: closing it would drop the locks of this process's other connections."""
    with suppress(FileExistsError), failpoints.around("disk.database"):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    os.chmod(path, 0o600)


def _connect(path: Path) -> sqlite3.Connection:
    _create_private(path)
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        with _readable():
            _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if connection.execute("PRAGMA application_id").fetchone()[0] != mark_of(version):
        raise sqlite3.DatabaseError(f"malformed: no version {version} wrote it")
    pending = pending_migrations(version, str(path))
    teach(connection)
    damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if damage != "ok":
        raise sqlite3.DatabaseError(f"malformed: {damage}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    if pending:
        with failpoints.around("disk.schema"):
            connection.execute("BEGIN IMMEDIATE")
            migrate(connection.execute, version, str(path))
            connection.execute("COMMIT")
    verify(connection)


def _is_damage(error: sqlite3.DatabaseError, path: Path) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_READONLY:  # the file says so of itself where the file system does not
        return os.access(path, os.W_OK)
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or any(word in str(error) for word in _DAMAGED)


@contextmanager
def _readable() -> Iterator[None]:
    """What SQLite says of damage may quote it, and then is no text."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise sqlite3.DatabaseError("malformed: it holds text that is none") from error


def _set_aside(path: Path, error: Exception) -> str:
    """Move the damaged file away, with its log; somebody may still want to look into it."""
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.getpid()}")
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError), failpoints.around("disk.damaged"):
            os.replace(f"{path}{suffix}", f"{aside}{suffix}")
    return f"{path}: damaged ({error}); moved to {aside.name} and begun anew: history is lost, no service is"


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return -1


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """What a person can mend is said in one line: no permission, no space, another program's lock."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if _is_damage(error, path):
            raise
        raise ControllerError(f"{path}: {error}", hint=_hint(str(error))) from error
    except PermissionError as error:
        hint = "run as the user who owns the state folder, or set CONTROLLER_STATE_DIR"
        raise ControllerError(f"{error.filename or path}: no permission", hint=hint) from error
    except OSError as error:
        raise ControllerError(
            f"{error.filename or path}: {error.strerror}", hint=_hint(error.strerror or "")
        ) from error


def _hint(message: str) -> str:
    match message:
        case text if "full" in text or "No space" in text:
            return "free some disk space; nothing was done that would not be remembered"
        case text if "locked" in text:
            return "another program holds the file; try again"
        case text if "readonly" in text or "read-only" in text or "unable to open" in text:
            return "check owner and mode of the state folder, or set CONTROLLER_STATE_DIR"
        case _:
            return "set CONTROLLER_STATE_DIR to a local folder that can be written"
