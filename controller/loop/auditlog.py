"""One audit log: lines are put at its end by one process at a time, closed segments packed, and old ones pruned.

All that a writer goes by is the anchor on the disk, so that any number of processes can take turns.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from controller import failpoints
from controller.loop.auditfiles import Place, end_of, pack, write_all
from controller.loop.audithead import drop_leftovers, load_anchor, make_anchor, write_anchor
from controller.loop.audittail import Caught, as_log, find_end, read_on
from controller.loop.database import make_private
from controller.loop.disk import sync_folder
from controller.model.auditing import AuditPolicy
from controller.model.errors import ControllerError
from controller.model.names import Instant
from controller.security.anchor import Anchor
from controller.security.audit import KeyRing, Spot, Stage, link, read_line, split_lines
from controller.security.auditproof import BROKEN, PRUNED
from controller.security.checkpoints import Block, make_checkpoint
from controller.security.retention import is_full_by_age, is_too_old, why_pruned


class Pace(NamedTuple):
    """When a segment is closed, by its bytes and by its age in seconds; and how many lines a checkpoint signs."""

    size: int = 4 * 1024 * 1024
    age: float = 86400.0
    signs: int = 256


class AuditLog:
    """Safe from several threads and processes. Every method raises ControllerError where the disk does not take it."""

    def __init__(
        self,
        place: Place,
        ring: KeyRing,
        policy: AuditPolicy,
        now: Callable[[], Instant] = time.time,
        pace: Pace | None = None,
    ) -> None:
        self._place, self._ring, self._policy, self._now = place, ring, policy, now
        self._pace = pace if pace is not None else Pace()
        self._key = ring.chain
        self._guard = threading.Lock()
        self._oldest: tuple[Path, str] | None = None
        """The oldest closed segment, and when the last act in it was."""

    def append(self, records: Sequence[Mapping[str, Any]]) -> Spot | None:
        """On the disk when it returns; all of them with one write. Where the log ends then, as long as nobody has said
        that the segment was told of (`note_told`); None: it was."""
        with self._held():
            anchor = self._catch_up()
            if self._is_full(anchor):
                anchor = self._rotate(anchor)
            anchor = self._put(anchor, records)
            if anchor.seq - anchor.checkpoint >= self._pace.signs:
                anchor = self._sign(anchor, "count")
            return None if anchor.told else anchor.spot

    def note_told(self) -> None:
        """Elsewhere is written that the segment was begun."""
        with self._held():
            anchor = load_anchor(self._place.head, self._key)
            if anchor is not None and not anchor.told:
                write_anchor(self._place.head, anchor._replace(told=1), self._key)

    def sign(self, why: str) -> None:
        """Have all that was written until now signed."""
        with self._held():
            anchor = self._catch_up()
            if anchor.checkpoint != anchor.seq:
                self._sign(anchor, why)

    def keep(self) -> None:
        """What is too old goes though nobody writes: what is written to is closed by its age, what is closed goes by
        the policy's. Costs little where nothing is."""
        if not self._place.current.exists() and not self._place.closed():
            return  # of what is not there nothing is made
        with self._held():
            anchor = self._catch_up()
            if anchor.size and is_full_by_age(anchor.begun, self._pace.age, self._now()):
                self._rotate(anchor)
            elif (last := self._oldest_ended()) and is_too_old(last, self._policy, self._now()):
                self._clear(anchor)

    @contextmanager
    def looked_at(self) -> Iterator[Anchor | None]:
        """Nobody writes meanwhile. The anchor as it is; None: there is none that is ours."""
        with self._held():
            yield load_anchor(self._place.head, self._key)

    @contextmanager
    def _held(self) -> Iterator[None]:
        try:
            with self._guard, self._locked():
                yield
        except OSError as error:
            message = f"{error.filename or self._place.current}: the audit log cannot be written: {error.strerror}"
            raise ControllerError(message, hint=_mend(error)) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        make_private(self._place.folder)
        handle = self._open_lock()
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _open_lock(self) -> int:
        try:
            return os.open(self._place.lock, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            with failpoints.around("disk.auditlock"):
                return os.open(self._place.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    # --- where it ends

    def _catch_up(self) -> Anchor:
        """Where the next line goes. What somebody did who was killed is seen through, and what is wrong noted."""
        anchor = load_anchor(self._place.head, self._key)
        if anchor is not None and self._size() == anchor.size:
            return anchor
        if anchor is None:
            caught = find_end(self._place, self._key)
            make_anchor(self._place.head, caught.anchor, self._key)
        elif (closed := self._place.closed_as(anchor.first)).exists() and not self._place.current.exists():
            caught = read_on(closed, anchor, self._key)  # killed between the two writes of a rotation
            caught = caught._replace(anchor=_next_segment(caught.anchor))
        else:
            caught = read_on(self._place.current, anchor, self._key)
        return self._take(caught)

    def _take(self, caught: Caught) -> Anchor:
        write_anchor(self._place.head, caught.anchor, self._key, durable=True)
        return self._put(caught.anchor, caught.notes) if caught.notes else caught.anchor

    def _size(self) -> int:
        try:
            return self._place.current.stat().st_size
        except FileNotFoundError:
            return 0

    # --- writing

    def _put(self, anchor: Anchor, records: Sequence[Mapping[str, Any]]) -> Anchor:
        lines, end, now = [], anchor.spot, self._now()
        for record in records:
            line, end = link(record, end, now, self._key)
            lines.append(line)
        written = b"".join(lines)
        self._write(anchor, written)
        begun = anchor.begun if anchor.size and anchor.begun else now
        anchor = anchor._replace(seq=end.seq, mac=end.mac, size=anchor.size + len(written), begun=begun)
        write_anchor(self._place.head, anchor, self._key)
        return anchor

    def _write(self, anchor: Anchor, data: bytes) -> None:
        """All of it or nothing, as far as the disk lets us."""
        path, fresh = self._place.current, anchor.size == 0
        with failpoints.around("disk.auditline"):
            handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                write_all(handle, data)
                os.fdatasync(handle)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(handle, anchor.size)
                raise
            finally:
                os.close(handle)
            if fresh:
                sync_folder(path.parent)

    def _sign(self, anchor: Anchor, why: str) -> Anchor:
        """Nothing is signed that was not written here: what is found changed is noted before."""
        lines = self._unsigned(anchor)
        if not self._are_genuine(lines, anchor):
            anchor = self._put(anchor, [as_log(BROKEN, {"why": "lines that were not signed yet were changed"})])
            lines = self._unsigned(anchor)
        block = Block(since=anchor.checkpoint, previous=anchor.digest).with_lines(lines)
        now = self._now()
        record = make_checkpoint(block, anchor.spot, why, now, self._ring)
        line, end = link(record, anchor.spot, now, self._key)
        self._write(anchor, line)
        digest = hashlib.sha256(line).hexdigest()
        anchor = anchor._replace(
            seq=end.seq, mac=end.mac, checkpoint=end.seq, digest=digest, size=anchor.size + len(line)
        )
        write_anchor(self._place.head, anchor, self._key)
        return anchor

    def _unsigned(self, anchor: Anchor) -> list[bytes]:
        """The lines since the last checkpoint; a segment begins after one."""
        lines = split_lines(self._place.current.read_bytes()) if self._place.current.exists() else []
        for index in range(len(lines) - 1, -1, -1):
            found = read_line(lines[index][:-1]) if b'"checkpoint"' in lines[index] else None
            if found is not None and found.data.get("stage") == Stage.CHECKPOINT and found.seq == anchor.checkpoint:
                return lines[index + 1 :]
        return lines

    def _are_genuine(self, lines: Sequence[bytes], anchor: Anchor) -> bool:
        """All up to the end of the chain, in their order."""
        end = anchor.seq - len(lines)
        found = [read_line(raw[:-1]) for raw in lines]
        numbers = [line.seq for line in found if line is not None and line.is_genuine(self._key)]
        return numbers == list(range(end + 1, anchor.seq + 1))

    # --- segments

    def _is_full(self, anchor: Anchor) -> bool:
        if not anchor.size:
            return False
        return is_full_by_age(anchor.begun, self._pace.age, self._now()) or anchor.size >= self._pace.size

    def _rotate(self, anchor: Anchor) -> Anchor:
        """The segment ends with a checkpoint, and the next line begins another one."""
        if anchor.checkpoint != anchor.seq:
            anchor = self._sign(anchor, "rotation")
        with failpoints.around("disk.auditrotated"):
            os.rename(self._place.current, self._place.closed_as(anchor.first))
            sync_folder(self._place.folder)
        anchor = _next_segment(anchor)
        write_anchor(self._place.head, anchor, self._key, durable=True)
        return self._clear(anchor)

    def _clear(self, anchor: Anchor) -> Anchor:
        with suppress(OSError):  # a full disk, say: a segment that is not packed is one all the same
            self._pack()
        return self._prune(anchor)

    def _pack(self) -> None:
        drop_leftovers(self._place.folder)
        for path in sorted(self._place.folder.glob("audit-*.jsonl")):
            if path.with_name(f"{path.name}.gz").exists():
                with failpoints.around("disk.auditunpacked"):
                    path.unlink()
            else:
                pack(path)

    def _prune(self, anchor: Anchor) -> Anchor:
        """What is too old, or too much. Where the log begins from now on is a line of it, before anything goes."""
        closed = [one for one in self._place.closed() if one.first < anchor.first]
        sizes = [one.path.stat().st_size for one in closed]
        for index, one in enumerate(closed):
            end, size = end_of(one.path), sum(sizes[index:])
            if end is None or not (end.last.is_genuine(self._key) and end.told.is_genuine(self._key)):
                break  # somebody else's, or changed: that is told by who verifies, and nothing goes for it
            why = why_pruned(end.at, size, self._policy, self._now())
            if not why:
                break
            said = {"segment": one.path.name, "through": end.last.seq, "mac": end.last.mac, "why": why}
            anchor = self._put(anchor, [as_log(PRUNED, said)])
            with failpoints.around("disk.auditpruned"):
                one.path.unlink()
                sync_folder(self._place.folder)
            if size <= self._policy.max_size:
                break  # a clock that is wrong for a moment takes no more than one
        return anchor

    def _oldest_ended(self) -> str:
        """When the last act in the oldest closed segment was, which is read once; "": that is not known."""
        path = next((one.path for one in self._place.closed()), None)
        if path is None:
            return ""
        if self._oldest is None or self._oldest[0] != path:
            end = end_of(path)
            self._oldest = (path, end.at if end is not None else "")
        return self._oldest[1]


def _next_segment(anchor: Anchor) -> Anchor:
    return anchor._replace(first=anchor.seq + 1, size=0, told=0)


def _mend(error: OSError) -> str:
    match error.errno:
        case 28 | 122:  # ENOSPC, EDQUOT
            return "free some disk space; nothing was done that is not recorded"
        case 13 | 1 | 30:  # EACCES, EPERM, EROFS
            return "let the controller write its state folder, or set CONTROLLER_STATE_DIR"
        case _:
            return "set CONTROLLER_STATE_DIR to a local folder that can be written"
