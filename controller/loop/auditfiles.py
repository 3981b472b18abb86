"""Where audit logs lie, and their key: the files, not what is in them."""

from __future__ import annotations

import gzip
import os
import re
import secrets
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from controller import failpoints
from controller.loop.database import make_private
from controller.loop.disk import sync_folder
from controller.loop.folders import folder_name
from controller.loop.store import stack_dir
from controller.model.errors import ControllerError
from controller.security.audit import KeyRing, Line, read_line, split_lines
from controller.security.auditproof import Segment

CURRENT, LOCK, KEY_FILE = "audit.jsonl", "audit.lock", "audit.key"
CONTROLLER = "_controller"
"""The folder of what has no stack."""

_HEADS = "heads"
_CLOSED = re.compile(r"audit-(\d{1,19})\.jsonl(\.gz)?")
_KEY_BYTES = 32


class Closed(NamedTuple):
    """A segment that is written to no more. `first`: number of its first line."""

    first: int
    path: Path


class Place(NamedTuple):
    """The files of one log: in the folder of its stack, and where its end is noted, elsewhere."""

    folder: Path
    head: Path

    @property
    def current(self) -> Path:
        return self.folder / CURRENT

    @property
    def lock(self) -> Path:
        return self.folder / LOCK

    def closed_as(self, first: int) -> Path:
        """What the current segment is called when it is closed; packed it gets `.gz` in addition."""
        return self.folder / f"audit-{first:010d}.jsonl"

    def closed(self) -> tuple[Closed, ...]:
        """From the oldest; of a segment that was just being packed, one."""
        found: dict[int, Path] = {}
        for path in sorted(self.folder.glob("audit-*.jsonl*")):  # the packed one comes after, and is whole
            if (match := _CLOSED.fullmatch(path.name)) is not None:
                found[int(match[1])] = path
        return tuple(Closed(first, found[first]) for first in sorted(found))

    def is_there(self) -> bool:
        """Whether something was ever written, as far as that can be seen."""
        return self.current.exists() or self.head.exists() or bool(self.closed())


def place_of(root: Path, engine_id: str, stack: str) -> Place:
    """`stack` "": of what has none."""
    heads = stack_dir(root, engine_id, CONTROLLER) / _HEADS
    name = stack or CONTROLLER
    return Place(stack_dir(root, engine_id, name), heads / folder_name(name))


def known_logs(root: Path, engine_id: str) -> tuple[str, ...]:
    """Stacks that have a log, or had one; "": what has no stack."""
    engine = root / folder_name(engine_id)
    found = {path.parent.name for name in (CURRENT, "audit-*.jsonl*") for path in engine.glob(f"*/{name}")}
    found |= {path.name for path in (engine / CONTROLLER / _HEADS).glob("[!.]*")}
    return tuple(sorted("" if name == CONTROLLER else name for name in found))


def engines_with_logs(root: Path) -> tuple[str, ...]:
    """Folders of engines in which something was recorded."""
    return tuple(sorted({path.parent.parent.name for path in root.glob(f"*/*/{CURRENT}")}))


def read_key(root: Path) -> KeyRing | None:
    """None: there is none. Raises ControllerError where it is no key, or others may read it."""
    path = root / KEY_FILE
    try:
        raw, mode = path.read_bytes(), path.stat().st_mode
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ControllerError(f"{path}: {error.strerror}", hint="let the controller read it") from None
    if mode & 0o077:
        raise ControllerError(f"{path}: others can read or write it", hint=f"chmod 600 {path}")
    if len(raw) != _KEY_BYTES:
        raise ControllerError(f"{path}: not the {_KEY_BYTES} bytes of a key", hint="put it back from a backup")
    return KeyRing(raw)


def key_mark(root: Path) -> tuple[int, int] | None:
    """Tells the file of one key from that of another; None: there is none."""
    try:
        found = (root / KEY_FILE).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def find_key(root: Path) -> KeyRing:
    """The key of all logs of this state folder; made once, and never anew where there is a log already.

    Raises ControllerError.
    """
    if (ring := read_key(root)) is not None:
        return ring
    if next(root.glob("*/*/audit*.jsonl*"), None) or next(root.glob(f"*/{CONTROLLER}/{_HEADS}/[!.]*"), None):
        hint = "put it back from a backup, or move the audit logs and heads/ away to begin new ones"
        message = f"{root / KEY_FILE}: gone, though there are audit logs that were written with it"
        raise ControllerError(message, hint=hint)
    try:
        _make_key(root)
    except OSError as error:
        raise ControllerError(f"{root / KEY_FILE}: {error.strerror}", hint="let the controller write it") from None
    ring = read_key(root)
    assert ring is not None
    return ring


def _make_key(root: Path) -> None:
    """Whole or not at all; where two make one, the first counts."""
    make_private(root)
    beside = root / f".{KEY_FILE}.{os.getpid()}-{secrets.token_hex(4)}"
    with failpoints.around("disk.auditkey"):
        write_whole(beside, secrets.token_bytes(_KEY_BYTES))
        try:
            with suppress(FileExistsError):
                os.link(beside, root / KEY_FILE)
        finally:
            beside.unlink()
        sync_folder(root)


def write_whole(path: Path, data: bytes) -> None:
    """A new file, on the disk when it returns."""
    with failpoints.around("disk.auditfile"):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            write_all(handle, data)
            os.fsync(handle)
        finally:
            os.close(handle)


def write_all(handle: int, data: bytes) -> None:
    """A disk that fills up takes a part first."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def pack(path: Path) -> Path:
    """A closed segment, compressed; at every moment one of the two is whole."""
    packed = path.with_name(f"{path.name}.gz")
    beside = path.with_name(f".{path.name}.gz.new")
    write_whole(beside, gzip.compress(path.read_bytes(), 6, mtime=0))
    with failpoints.around("disk.auditpacked"):
        os.replace(beside, packed)
        sync_folder(path.parent)
    with failpoints.around("disk.auditunpacked"):
        path.unlink()
    return packed


def segment_of(path: Path) -> Segment:
    return Segment(path.name, lambda: read_lines(path))


def read_lines(path: Path) -> Iterator[bytes]:
    """With their ends; of one that is not there, none. Raises ValueError where it is damaged."""
    packed = path.with_name(f"{path.name}.gz")
    if not path.exists() and packed.exists():  # since we saw it
        path = packed
    if not path.name.endswith(".gz"):
        yield from split_lines(path.read_bytes() if path.exists() else b"")
        return
    try:
        with gzip.open(path) as file:
            yield from file
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(str(error) or type(error).__name__) from None


class End(NamedTuple):
    """Of a closed segment: its last line, and the last that tells of something, which may be much older."""

    last: Line
    told: Line

    @property
    def at(self) -> str:
        return str(self.told.data.get("ts", ""))


def end_of(path: Path) -> End | None:
    """None: there is none that has the form of a line."""
    found = told = b""
    with suppress(ValueError):
        for found in read_lines(path):
            told = told if b'"stage":"checkpoint"' in found else found
    last, before = read_line(found.rstrip(b"\n")), read_line((told or found).rstrip(b"\n"))
    return End(last, before) if last is not None and before is not None else None
