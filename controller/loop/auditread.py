"""Reads audit logs for people: newest first, by who, what and when; and as others can prove them."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from controller.loop.auditfiles import known_logs, place_of, read_key
from controller.loop.auditmissed import open_shelf
from controller.loop.auditproofs import copy_of, prove, read_records
from controller.model.errors import ControllerError
from controller.security.audit import KeyRing, Stage, read_line
from controller.security.auditbegun import is_begun
from controller.security.auditproof import Proof, Segment, Verdict, verify
from controller.security.checkpoints import public_key

FORMAT = "controller-audit"
"""What the first line of an export says that it is."""

FAILED = frozenset(
    ("failed", "rolledBack", "timeout", "held", "invalid", "locked", "interrupted", "rejected", "transient")
)
"""Outcomes of what was allowed, and did not come to what was wanted."""

DENIED = "denied"


@dataclass(frozen=True, slots=True)
class Query:
    """Which records. `since`: an RFC 3339 instant in UTC; `before`: a `cursor` of a record. "" and (): all.

    `outcome`: "denied", what was not allowed; "failed", what was, and came to nothing. `act`: an `act_of`; for `find`
    the `id` of any record of it.
    """

    since: str = ""
    before: str = ""
    who: str = ""
    verb: str = ""
    stacks: tuple[str, ...] = ()
    outcome: str = ""
    act: str = ""
    checkpoints: bool = False
    """Those too, and which segments of logs were begun."""

    def wants(self, record: Mapping[str, Any]) -> bool:
        if record.get("stage") == Stage.CHECKPOINT or is_begun(record):
            return self.checkpoints and not (self.who or self.verb or self.outcome or self.act)
        named = ((self.who, record.get("actor")), (self.verb, record.get("verb")), (self.act, act_of(record)))
        if any(wanted not in ("", found) for wanted, found in named):
            return False
        return self._ended_so(record) and (not self.stacks or _stack_of(record) in self.stacks)

    def _ended_so(self, record: Mapping[str, Any]) -> bool:
        if not self.outcome:
            return True
        decision = record.get("decision")
        denied = isinstance(decision, Mapping) and decision.get("allowed") is False
        return denied if self.outcome == DENIED else not denied and record.get("outcome") in FAILED


def act_of(record: Mapping[str, Any]) -> str:
    """Of all records of one act the same, also where one process was asked by another: it names the `request` that it
    heeds, which is the id of what the other one recorded. "": it stands alone."""
    detail = record.get("detail")
    request = detail.get("request") if isinstance(detail, Mapping) else None
    return str(request or record.get("id") or "")


def _stack_of(record: Mapping[str, Any]) -> str:
    """That it is about, whichever log it is in: a call of the API names it in its object."""
    thing = record.get("object")
    name = thing.get("name") if isinstance(thing, Mapping) and thing.get("kind") == "stack" else ""
    return str(record.get("stack") or name or "")


class Read(NamedTuple):
    """A record, and in whose log it is; "": of what has no stack."""

    log: str
    data: Mapping[str, Any]

    @property
    def order(self) -> tuple[str, str, int]:
        return (str(self.data.get("ts", "")), self.log, int(self.data.get("seq", 0)))

    @property
    def cursor(self) -> str:
        """Those before it: `Query.before`."""
        return f"{self.data.get('ts')}/{self.data.get('seq')}/{self.log}"


def find(root: Path, engine_id: str, query: Query, limit: int | None = None) -> list[Read]:
    """Newest first. What is damaged is passed over: `prove` tells of it."""
    if query.act:
        query = replace(query, act=_whole_act(root, engine_id, query.act))
    return list(islice((read for read in _merged(root, engine_id, query) if query.wants(read.data)), limit))


def _whole_act(root: Path, engine_id: str, number: str) -> str:
    """The `act_of` of what has that id: of a stack's own record, that of the door."""
    reads = _merged(root, engine_id, Query())
    return next((act_of(read.data) for read in reads if read.data.get("id") == number), number)


def _merged(root: Path, engine_id: str, query: Query) -> Iterator[Read]:
    """All that is within the query's time, newest first."""
    logs = known_logs(root, engine_id)
    reads = (_read(root, engine_id, log, query) for log in logs)
    return heapq.merge(*reads, key=lambda read: read.order, reverse=True)


def _read(root: Path, engine_id: str, log: str, query: Query) -> Iterator[Read]:
    before = _order_of(query.before)
    for data in read_records(place_of(root, engine_id, log)):
        read = Read(log, data)
        if query.since and read.order[0] < query.since:
            return
        if before is None or read.order < before:
            yield read


def _order_of(cursor: str) -> tuple[str, str, int] | None:
    """None: from the newest on. Raises ControllerError."""
    if not cursor:
        return None
    at, _, rest = cursor.partition("/")
    seq, slash, log = rest.partition("/")
    if not slash or not seq.isdecimal():
        raise ControllerError(f"no place in the audit log: '{cursor}'", hint="give the `next` of an earlier answer")
    return (at, log, int(seq))


def prove_all(root: Path, engine_id: str, stacks: Sequence[str] = ()) -> Mapping[str, Verdict]:
    """Of each log, also of one that was begun and is gone, or of those stacks. Raises ControllerError where there is
    none of that name, or no key."""
    shelf = open_shelf(root, engine_id)
    begun = shelf.begun() if shelf is not None else {}
    logs = tuple(sorted({*known_logs(root, engine_id), *begun}))
    for name in stacks:
        if name not in logs:
            known = ", ".join(log for log in logs if log) or "none"
            raise ControllerError(f"there is no audit log of '{name}'", hint=f"there are: {known}")
    found = {log: prove(root, engine_id, log) for log in stacks or logs}
    return {log: shelf.with_missed(log, one, begun.get(log, ())) if shelf else one for log, one in found.items()}


# --- for others


def export(root: Path, engine_id: str, log: str, since: str = "") -> Iterator[bytes]:
    """One log as JSON lines: first what it is and the key that its signatures are of, then its lines as they are.

    With `since` from the checkpoint before that instant on, so that it can be proven. Raises ControllerError.
    """
    place, ring = place_of(root, engine_id, log), read_key(root)
    if ring is None:
        raise ControllerError(f"{root}: the key of the audit log is not there", hint="put audit.key back from a backup")
    yield _header(engine_id, log, ring)
    yield from _from_checkpoint(copy_of(place, ring).segments, since)


def _header(engine_id: str, log: str, ring: KeyRing) -> bytes:
    import json

    said = {"format": FORMAT, "version": 1, "engine": engine_id, "log": log, "public": public_key(ring).hex()}
    return json.dumps(said, sort_keys=True).encode() + b"\n"


def _from_checkpoint(segments: Iterable[Segment], since: str) -> Iterator[bytes]:
    """Lines wait until the next checkpoint shows that there is one before that instant."""
    waiting: list[bytes] = []
    begun = not since
    for segment in segments:
        for raw in _lines(segment):
            if begun:
                yield raw
                continue
            waiting.append(raw)
            line = read_line(raw.rstrip(b"\n"))
            if line is not None and str(line.data.get("ts", "")) >= since:
                begun = True
                yield from waiting
                waiting = []
            elif line is not None and line.data.get("stage") == Stage.CHECKPOINT:
                waiting = []


def _lines(segment: Segment) -> Iterator[bytes]:
    try:
        yield from segment.read()
    except ValueError as error:
        raise ControllerError(f"{segment.name}: {error}", hint="controller audit verify") from None


class Export(NamedTuple):
    """A log that was exported: whose it is, the key that it names, and its verdict by that key or another."""

    log: str
    engine: str
    public: str
    verdict: Verdict


def prove_export(path: Path, public: str | None = None) -> list[Export]:
    """Each log of a file. `public`: the key that is believed, in hex; None: the one that the file names.

    Raises ControllerError where it is no export.
    """
    import json

    found = []
    for header, lines in _logs_of(path):
        try:
            said = json.loads(header)
            key = bytes.fromhex(public if public is not None else said["public"])
            if said["format"] != FORMAT or len(key) != 32:
                raise ValueError
        except (ValueError, KeyError, TypeError):
            message = f"{path}: no export of an audit log, or no key"
            raise ControllerError(message, hint="`controller audit export` makes one") from None
        name = str(path) if not said.get("log") else f"{path}: {said['log']}"
        segment = Segment(name, lambda lines=lines: iter(lines))  # type: ignore[misc]
        verdict = verify((segment,), Proof(None, key, begins=False))
        found.append(Export(str(said.get("log", "")), str(said.get("engine", "")), key.hex(), verdict))
    return found


def _logs_of(path: Path) -> Iterator[tuple[bytes, list[bytes]]]:
    """The header of each, and its lines."""
    header: bytes | None = None
    lines: list[bytes] = []
    with path.open("rb") as file:
        for raw in file:
            if raw.startswith(b'{"engine"') or header is None:
                if header is not None:
                    yield header, lines
                header, lines = raw, []
            else:
                lines.append(raw)
    if header is None:
        raise ControllerError(f"{path}: empty", hint="`controller audit export` makes one")
    yield header, lines
