"""The end of an audit log where it is not as its anchor says: after a kill, a power cut, or somebody's hand."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from controller import failpoints
from controller.loop.auditfiles import Place, read_lines
from controller.security.anchor import Anchor
from controller.security.audit import Act, Line, Spot, Stage, Via, act_data, read_line, split_lines
from controller.security.auditproof import BROKEN, MENDED


class Caught(NamedTuple):
    """Where it goes on, and what is to be noted of it."""

    anchor: Anchor
    notes: tuple[Mapping[str, Any], ...] = ()


def as_log(verb: str, detail: Mapping[str, Any]) -> dict[str, Any]:
    """A line of the log about itself."""
    return act_data(Act("controller", Via.LOOP, verb, kind="audit", stage=Stage.LOG, detail=detail))


def read_on(path: Path, anchor: Anchor, key: bytes) -> Caught:
    """Lines that were written and not noted count; one that is torn is taken off; what is gone is gone."""
    data = path.read_bytes() if path.exists() else b""
    if len(data) < anchor.size:
        kept = _cut(path, data, data.rfind(b"\n") + 1)
        why = f"{anchor.size - len(data)} bytes before the end of {path.name} are gone"
        return Caught(anchor._replace(size=kept), (as_log(BROKEN, {"why": why}),))
    anchor, rest = _follow(anchor, data[anchor.size :], key)
    if not rest:
        return Caught(anchor)
    if b"\n" not in rest:
        kept = _cut(path, data, anchor.size)
        said = {"bytes": len(rest), "hash": hashlib.sha256(rest).hexdigest(), "why": "a torn line was taken off"}
        return Caught(anchor._replace(size=kept), (as_log(MENDED, said),))
    kept = _cut(path, data, data.rfind(b"\n") + 1)
    why = f"lines at the end of {path.name} that nobody wrote"
    return Caught(anchor._replace(size=kept), (as_log(BROKEN, {"why": why}),))


def _follow(anchor: Anchor, rest: bytes, key: bytes) -> tuple[Anchor, bytes]:
    """As far as each line goes on from the one before it; and what comes then."""
    for raw in split_lines(rest):
        line = read_line(raw[:-1]) if raw.endswith(b"\n") else None
        if line is None or (line.seq, line.prev) != (anchor.seq + 1, anchor.mac) or not line.is_genuine(key):
            break
        anchor = _moved(anchor, line, raw)._replace(size=anchor.size + len(raw))
        rest = rest[len(raw) :]
    return anchor, rest


def _moved(anchor: Anchor, line: Line, raw: bytes) -> Anchor:
    anchor = anchor._replace(seq=line.seq, mac=line.mac)
    if line.data.get("stage") == Stage.CHECKPOINT:
        anchor = anchor._replace(checkpoint=line.seq, digest=hashlib.sha256(raw).hexdigest())
    return anchor


def find_end(place: Place, key: bytes) -> Caught:
    """Without an anchor: after the last line that is ours. A log without one was tampered with, unless it is new."""
    anchor, size, first = Anchor(), 0, None
    for path in (*(one.path for one in place.closed()[-1:]), place.current):
        with suppress(ValueError):
            for raw in read_lines(path):
                line = read_line(raw[:-1]) if raw.endswith(b"\n") else None
                if line is not None and line.is_genuine(key):
                    anchor = _moved(anchor, line, raw)
                    first = line.seq if first is None and path == place.current else first
    if place.current.exists():
        data = place.current.read_bytes()
        size = _cut(place.current, data, data.rfind(b"\n") + 1)
    anchor = anchor._replace(size=size, first=first if first is not None else anchor.seq + 1)
    if anchor.spot == Spot() and not size and not place.closed():
        return Caught(anchor)
    return Caught(anchor, (as_log(BROKEN, {"why": f"{place.head.name}: the note of where it ends was gone"}),))


def _cut(path: Path, data: bytes, size: int) -> int:
    """Shorten the file to so many bytes, which it has then."""
    if size < len(data):
        with failpoints.around("disk.auditmended"):
            os.truncate(path, size)
    return size
