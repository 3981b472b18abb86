"""Audit logs as they lie on the disk, for who reads and proves them."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from controller.loop.auditfiles import Place, place_of, read_key, segment_of
from controller.loop.audithead import load_anchor
from controller.model.errors import ControllerError
from controller.security.anchor import Anchor
from controller.security.audit import KeyRing, split_lines
from controller.security.auditproof import Fault, Finding, Proof, Segment, State, Verdict, verify
from controller.security.checkpoints import public_key


class Copy(NamedTuple):
    """A log at one moment. `anchor` None: there is none, or it is not ours."""

    segments: Sequence[Segment]
    anchor: Anchor | None


def prove(root: Path, engine_id: str, stack: str) -> Verdict:
    """Whether a stack's log is what was written; "": that of what has no stack. Raises ControllerError."""
    place, ring = place_of(root, engine_id, stack), read_key(root)
    if ring is None:
        raise ControllerError(f"{root}: the key of the audit log is not there", hint="put audit.key back from a backup")
    copy = copy_of(place, ring)
    found = _prove_copy(copy, place, ring)
    if found.state is State.TAMPERED and not all((place.folder / one.name).exists() for one in copy.segments[:-1]):
        return _prove_copy(copy_of(place, ring), place, ring)  # pruned while it was read
    return found


def _prove_copy(copy: Copy, place: Place, ring: KeyRing) -> Verdict:
    if copy.anchor is None and place.is_there():
        message = "the note of where the log ends is gone, or not ours: whether its end is there cannot be told"
        found = verify(copy.segments, Proof(ring.chain, public_key(ring)))
        last = found.last + 1
        finding = Finding(State.TAMPERED, Fault.REMOVED, str(place.head.name), 0, last, message)
        return found if found.state is State.TAMPERED else found._replace(finding=finding)
    return verify(copy.segments, Proof(ring.chain, public_key(ring), copy.anchor))


def copy_of(place: Place, ring: KeyRing) -> Copy:
    """As it is now; nobody writes while it is looked at, and nobody waits while it is read."""
    with locked(place):
        closed = tuple(segment_of(one.path) for one in place.closed())
        lines = split_lines(place.current.read_bytes()) if place.current.exists() else []
        return Copy((*closed, Segment(place.current.name, lambda: iter(lines))), load_anchor(place.head, ring.chain))


def head_of(root: Path, engine_id: str, stack: str) -> Anchor | None:
    """Where a stack's log ends. None: there is none yet, or nobody can tell."""
    try:
        ring = read_key(root)
        return load_anchor(place_of(root, engine_id, stack).head, ring.chain) if ring is not None else None
    except (ControllerError, OSError):
        return None


@contextmanager
def locked(place: Place) -> Iterator[None]:
    """Nobody writes meanwhile. Who only reads makes no file: without one nobody ever wrote."""
    try:
        handle = os.open(place.lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        yield
        return
    except OSError as error:
        raise ControllerError(f"{place.lock}: {error.strerror}", hint="run as the user who owns it") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def read_records(place: Place) -> Iterator[Mapping[str, Any]]:
    """Newest first; what is damaged is passed over: `audit verify` tells of it."""
    for path in (place.current, *(one.path for one in reversed(place.closed()))):
        lines: list[bytes] = []
        with suppress(ValueError, OSError):
            lines.extend(segment_of(path).read())
        for raw in reversed(lines):
            with suppress(ValueError):
                found = json.loads(raw)
                if isinstance(found, dict):
                    yield found
