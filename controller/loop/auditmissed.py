"""Logs that were begun and are not what they were, or not there at all, as the disk shows them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from controller import failpoints
from controller.loop.auditfiles import CONTROLLER, CURRENT, Place, known_logs, place_of, read_key
from controller.loop.auditor import AuditBook
from controller.loop.auditproofs import copy_of, locked, prove
from controller.model.errors import ControllerError
from controller.security.audit import Act, KeyRing, Line, read_line
from controller.security.auditbegun import Begun, begun_logs, find_missing, find_through
from controller.security.auditproof import Finding, State, Verdict

_NUMBER = re.compile(rb'"seq":(\d{1,19})')


class _Held(NamedTuple):
    """`first`: the first record that a log has, 0: it has none. `macs`: of those that were asked for, and are there."""

    first: int
    macs: Mapping[int, str]


class Shelf(NamedTuple):
    """All logs of one engine."""

    root: Path
    engine_id: str
    ring: KeyRing

    def begun(self) -> Mapping[str, tuple[Begun, ...]]:
        """By log, as the controller's own says; nothing where that is not there."""
        return begun_logs(self._lines("")) if "" in known_logs(self.root, self.engine_id) else {}

    def with_missed(self, log: str, verdict: Verdict, begun: tuple[Begun, ...]) -> Verdict:
        """The verdict, and what the log has not that it had, unless something worse was found than a missing end."""
        if verdict.state is State.TAMPERED or not begun:
            return verdict
        missing = self._missing(log, verdict, begun) and self._missing(log, verdict, begun)  # pruned while it was read
        return verdict._replace(finding=missing or verdict.finding)

    def _missing(self, log: str, verdict: Verdict, begun: tuple[Begun, ...]) -> Finding | None:
        held = self.held(log, verdict, begun)
        return find_missing(begun, held.first, held.macs.get, f"{log}/{CURRENT}")

    def held(self, log: str, verdict: Verdict, begun: tuple[Begun, ...]) -> _Held:
        """Of what was told of a log, what it has. Since it was proven its oldest segments may have been pruned."""
        if not verdict.lines:
            return _Held(0, {})
        lines = tuple(self._lines(log, {one.spot.seq for one in begun}))
        first = max(verdict.first, lines[0].seq if lines else 0)
        return _Held(first, {line.seq: line.mac for line in lines})

    def _lines(self, log: str, wanted: AbstractSet[int] | None = None) -> Iterator[Line]:
        """The genuine ones, from the oldest; with `wanted` the first, all of those numbers, and few others."""
        is_first = True
        for segment in copy_of(place_of(self.root, self.engine_id, log), self.ring).segments:
            with suppress(ValueError):  # damaged: that is told by its verdict
                for raw in segment.read():
                    if not is_first and wanted is not None and wanted.isdisjoint(map(int, _NUMBER.findall(raw))):
                        continue
                    line = read_line(raw.rstrip(b"\n"))
                    if line is not None and line.is_genuine(self.ring.chain):
                        is_first = False
                        yield line


def open_shelf(root: Path, engine_id: str) -> Shelf | None:
    """None: there is no key, and so no log that could be proven. Raises ControllerError where the key is none."""
    ring = read_key(root)
    return Shelf(root, engine_id, ring) if ring is not None else None


def end_log(shelf: Shelf | None, log: str, book: AuditBook, act: Act) -> None:
    """Record that a stack's log was taken away lawfully: it is missed no more. One that was begun since stays, and a
    note of its end that lies alone goes. Raises ControllerError while the log is there, and where none of that name
    was begun."""
    begun = shelf.begun().get(log, ()) if shelf is not None else ()
    known = shelf is not None and log not in ("", CONTROLLER) and log in known_logs(shelf.root, shelf.engine_id)
    if shelf is None or not (known or begun):
        message = f"no log of '{log}' was begun here, or it was ended already"
        raise ControllerError(message, hint="controller audit verify")
    place = place_of(shelf.root, shelf.engine_id, log)
    has_lines = _has_lines(place)
    through = _through(shelf, log, begun) if has_lines else max((one.at for one in begun), default=0)
    if through is None or (has_lines and not through):
        hint = f"move {place.folder}/audit* and {place.head} away first"
        raise ControllerError(f"the log of '{log}' is there yet", hint=hint)
    with book.acting(replace(act, detail={**act.detail, "through": through})):
        if not has_lines:
            _drop_head(place)


def _through(shelf: Shelf, log: str, begun: tuple[Begun, ...]) -> int | None:
    """None: what is there is none that can be proven, or the one that was taken away in part."""
    verdict = prove(shelf.root, shelf.engine_id, log)
    if verdict.state is State.TAMPERED:
        return None
    held = shelf.held(log, verdict, begun)
    return find_through(begun, held.first, held.macs.get)


def _has_lines(place: Place) -> bool:
    return place.current.exists() or bool(place.closed())


def _drop_head(place: Place) -> None:
    """The note of the end of a log that is gone. Not if somebody has begun it anew just now."""
    with locked(place), failpoints.around("disk.audithead"):
        if not _has_lines(place):
            place.head.unlink(missing_ok=True)
