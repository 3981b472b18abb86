"""The secrets of one stack, encrypted: names, versions and ages in clear, values under the key.

They lie in a file of their own beside the store, which is replaced as a whole by a rename: a process that is killed at
any moment leaves the one before or the one after, never half of one. (The store begins anew where it is damaged; what
cannot be read here is never written over.) Writers take turns by a lock on the folder, readers need none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from controller.loop.codec import decode, encode
from controller.loop.folders import BOOK
from controller.loop.whole import alone_in, clear_unfinished, explained, write_whole
from controller.model.errors import ControllerError
from controller.model.names import Instant
from controller.security.vault import SECRETS, Ring, context_of, key_of, rewrap, seal, tag_of, unseal

MOST_BYTES = 500 * 1024
"""Of one value, as in Kubernetes and Swarm."""


@dataclass(frozen=True, slots=True)
class Record:
    """One secret. `tag` stands for the value: another value, another tag; it tells nothing of it without the key."""

    name: str
    version: int
    set_at: Instant
    by: str
    tag: str
    sealed: str = field(repr=False)

    @property
    def key_id(self) -> str:
        return key_of(self.sealed)


@dataclass(frozen=True, slots=True)
class Book:
    """All secrets by name; `last`: the last version of those that were removed, so that none comes a second time."""

    records: Mapping[str, Record] = field(default_factory=dict)
    last: Mapping[str, int] = field(default_factory=dict)


class SecretBook:
    """Of the stack `project`, in its folder. Raises ControllerErrors for what cannot be read or written."""

    def __init__(self, folder: Path, project: str) -> None:
        self.folder, self.project = folder, project
        self.path = folder / BOOK

    def load(self) -> Mapping[str, Record]:
        """Every secret that has a value."""
        return self._read().records

    def open(self, ring: Ring, name: str) -> bytes:
        """The value that it has now. Raises VaultLocked, RecordDamaged."""
        return self.open_record(ring, self.load()[name])

    def open_record(self, ring: Ring, record: Record) -> bytes:
        """The value of a record that was loaded before, whatever was set since. Raises as `open` does."""
        return unseal(ring, SECRETS, self._context(record), record.sealed)

    def put(self, ring: Ring, name: str, value: bytes, by: str, now: Instant) -> tuple[Record, bool]:
        """Set that value; whether it is another one than before: else its version and its age stay."""
        return self.put_all(ring, {name: value}, by, now)[0]

    def put_all(self, ring: Ring, values: Mapping[str, bytes], by: str, now: Instant) -> Sequence[tuple[Record, bool]]:
        """The same of all of these in one write, or of none."""
        with alone_in(self.folder):
            book = self._read()
            made = [self._next(ring, book, Record(name, 0, now, by, "", ""), value) for name, value in values.items()]
            if any(changed for _, changed in made):
                self._write(replace(book, records={**book.records, **{one.name: one for one, _ in made}}))
            return made

    def _next(self, ring: Ring, book: Book, new: Record, value: bytes) -> tuple[Record, bool]:
        before = book.records.get(new.name)
        if before is not None and self.open_record(ring, before) == value:
            return before, False
        version = 1 + (before.version if before is not None else book.last.get(new.name, 0))
        tag = tag_of(ring.first, context_of(self.project, new.name), value)
        record = replace(new, version=version, tag=tag)
        return replace(record, sealed=seal(ring, SECRETS, self._context(record), value)), True

    def remove(self, name: str) -> bool:
        """Forget that secret; whether there was one."""
        with alone_in(self.folder):
            book = self._read()
            if (found := book.records.get(name)) is None:
                return False
            records = {other: record for other, record in book.records.items() if other != name}
            self._write(Book(records, {**book.last, name: found.version}))
            return True

    def turn(self, ring: Ring) -> int:
        """Bring each record under the first key of the ring, one after the other; how many there were to bring."""
        turned = 0
        while self._turn_one(ring):
            turned += 1
        return turned

    def _turn_one(self, ring: Ring) -> bool:
        with alone_in(self.folder):
            book = self._read()
            record = next((one for one in book.records.values() if one.key_id != ring.first.id), None)
            if record is None:
                return False
            turned = replace(record, sealed=rewrap(ring, record.sealed))
            self.open_record(ring, turned)
            self._write(replace(book, records={**book.records, record.name: turned}))
            return True

    def _context(self, record: Record) -> str:
        bound = (record.name, record.version, record.tag, record.by, repr(record.set_at))
        return context_of(self.project, "secret", *bound)

    def _read(self) -> Book:
        with explained(self.path):
            try:
                content = self.path.read_bytes()
            except FileNotFoundError:
                return Book()
        try:
            return _from_content(content)
        except ValueError:
            hint = "put the file back from a backup; until then its secrets stay as they are in containers"
            raise ControllerError(f"{self.path}: damaged, and not written over", hint=hint) from None

    def _write(self, book: Book) -> None:
        clear_unfinished(self.folder)
        write_whole(self.path, _to_content(book), "secrets")


def _to_content(book: Book) -> bytes:
    """Two lines: the book, and its digest, so that what is damaged is not taken for a shorter book."""
    text = encode(book)
    return f"{text}\n{hashlib.sha256(text.encode()).hexdigest()}\n".encode()


def _from_content(content: bytes) -> Book:
    """Raises ValueError."""
    text, _, digest = content.decode("utf-8").rstrip("\n").partition("\n")
    book = decode(Book, text)
    if hashlib.sha256(text.encode()).hexdigest() != digest or any(n != one.name for n, one in book.records.items()):
        raise ValueError("not what was written")
    return book
