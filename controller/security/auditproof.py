"""Whether a log is what was written: all of it, in order, unchanged; and where not. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import chain
from typing import Any, NamedTuple

from controller.security.anchor import Anchor
from controller.security.audit import NOTHING, Line, Spot, Stage, read_line
from controller.security.checkpoints import Block, fault_of

PRUNED, MENDED, GAP, BROKEN = "pruned", "mended", "gap", "broken"
"""What lines of stage `log` tell: a segment was too old, a torn line taken off, acts were lost, a break was found."""


class State(StrEnum):
    OK = "ok"
    TAMPERED = "tampered"
    INCOMPLETE = "incomplete"


class Fault(StrEnum):
    """What was done to the first line that is wrong."""

    EDITED = "edited"
    REMOVED = "removed"
    REORDERED = "reordered"
    INSERTED = "inserted"
    TRUNCATED = "truncated"
    TORN = "torn"
    LOST = "lost"
    UNSIGNED = "unsigned"


class Segment(NamedTuple):
    """One file. `read`: its lines with their ends, from the first, each time anew; raises ValueError at damage."""

    name: str
    read: Callable[[], Iterator[bytes]]


class Finding(NamedTuple):
    """The first that is wrong. `line`: 1-based; 0: the file as a whole, or behind its end. `seq`: of the record."""

    state: State
    fault: Fault
    file: str
    line: int
    seq: int
    message: str


class Verdict(NamedTuple):
    """`lines` until the first that is wrong. `signed`: number of the last line that a checkpoint signs.

    `lost`: acts of which the log itself says that they could not be written.
    """

    finding: Finding | None
    first: int = 0
    last: int = 0
    lines: int = 0
    checkpoints: int = 0
    signed: int = 0
    lost: int = 0
    mended: int = 0

    @property
    def state(self) -> State:
        return State.OK if self.finding is None else self.finding.state


class Proof(NamedTuple):
    """What lines are proven with. `chain` None: by signatures alone. `anchor` None: the end cannot be told."""

    chain: bytes | None
    public: bytes
    anchor: Anchor | None = None
    begins: bool = True
    """Whether it is the whole log, and no part that begins after a checkpoint."""


def verify(segments: Sequence[Segment], proof: Proof) -> Verdict:
    """Segments from the oldest."""
    walk = _Walk(segments, proof)
    for place, following in _with_next(segments):
        if (finding := walk.take(place, following)) is not None:
            return walk.verdict(finding)
    return walk.verdict(walk.end())


class _Place(NamedTuple):
    file: str
    line: int
    raw: bytes
    damage: str = ""


class _Walk:
    """From the first line to the first that is wrong."""

    def __init__(self, segments: Sequence[Segment], proof: Proof) -> None:
        self._segments, self._proof = segments, proof
        self._end: Spot | None = None
        self._block, self._trusts = Block(), False
        self._file = segments[-1].name if segments else ""
        self._gap: Finding | None = None
        self._first = self._lines = self._checkpoints = self._signed = self._lost = self._mended = 0
        self._block_line = 0

    def verdict(self, finding: Finding | None) -> Verdict:
        last = self._end.seq if self._end is not None else 0
        counts = (self._lines, self._checkpoints, self._signed, self._lost, self._mended)
        return Verdict(finding, self._first, last, *counts)

    def take(self, place: _Place, following: _Place | None) -> Finding | None:
        """What is wrong with that line; None: nothing, and it counts."""
        self._file = place.file
        if place.damage:
            return self._wrong(place, Fault.EDITED, self._expected, place.damage)
        if not place.raw.endswith(b"\n"):
            return self._torn(place, following)
        line = read_line(place.raw[:-1])
        if line is None or not self._is_genuine(line):
            return self._forged(place, following)
        if self._end is None and not self._begin(place, line):
            message = f"records up to {line.seq - 1} are gone from before this line, and were not pruned"
            return self._wrong(place, Fault.REMOVED, 1, message)
        assert self._end is not None
        if (line.seq, line.prev) != (self._end.seq + 1, self._end.mac):
            return self._misplaced(place, line, self._end)
        return self._heed(place, line)

    def end(self) -> Finding | None:
        """What is wrong though each line is right: the end, or what the log says of itself."""
        return self._check_anchor() or self._check_signed() or self._gap

    # --- one line

    @property
    def _expected(self) -> int:
        return 1 if self._end is None else self._end.seq + 1

    def _is_genuine(self, line: Line) -> bool:
        return self._proof.chain is None or line.is_genuine(self._proof.chain)

    def _begin(self, place: _Place, line: Line) -> bool:
        """Whether it may begin here: older segments may have been pruned, then the log says so further on."""
        self._first, self._block_line = line.seq, place.line
        self._end = Spot(line.seq - 1, line.prev)
        if self._end == Spot():
            return True
        self._block, self._trusts = Block(since=self._end.seq), True
        return not self._proof.begins or self._was_pruned(self._end)

    def _was_pruned(self, root: Spot) -> bool:
        return any(
            line.data.get("verb") == PRUNED
            and line.data.get("stage") == Stage.LOG
            and (line.data["detail"].get("through"), line.data["detail"].get("mac")) == root
            for line in self._genuine_lines()
        )

    def _genuine_lines(self) -> Iterator[Line]:
        lines = (read_line(place.raw.rstrip(b"\n")) for place in _places(self._segments))
        return (line for line in lines if line is not None and self._is_genuine(line))

    def _heed(self, place: _Place, line: Line) -> Finding | None:
        assert self._end is not None
        if line.data.get("stage") == Stage.CHECKPOINT:
            if (finding := self._check(place, line, self._end)) is not None:
                return finding
        else:
            self._block = self._block.with_lines((place.raw,))
        self._end = line.spot
        self._lines += 1
        anchor = self._proof.anchor
        if anchor is not None and line.seq == anchor.seq and line.mac != anchor.mac:
            return self._wrong(place, Fault.EDITED, line.seq, "another record was written with this number")
        return self._heed_log(place, line) if line.data.get("stage") == Stage.LOG else None

    def _check(self, place: _Place, line: Line, end: Spot) -> Finding | None:
        """Of a checkpoint that was pruned its hash is known by what the next one says."""
        block = _trusting(self._block, line.data) if self._trusts else self._block
        if why := fault_of(line, block, end, self._proof.public):
            begin = f"lines {self._block_line} to {place.line}: " if self._proof.chain is None else ""
            return self._wrong(place, Fault.EDITED, line.seq, f"{begin}the checkpoint does not fit: {why}")
        self._block, self._trusts = block.closed_by(place.raw, line.seq), False
        self._block_line = place.line + 1
        self._checkpoints += 1
        self._signed = line.seq
        return None

    def _heed_log(self, place: _Place, line: Line) -> Finding | None:
        detail, verb = line.data.get("detail", {}), line.data.get("verb")
        if verb == MENDED:
            self._mended += 1
        elif verb == GAP:
            self._lost += int(detail.get("lost", 0))
            message = f"{detail.get('lost')} acts before this record could not be written: {detail.get('why', '')}"
            where = (place.file, place.line, line.seq)
            self._gap = self._gap or Finding(State.INCOMPLETE, Fault.LOST, *where, message)
        elif verb == BROKEN:
            message = f"here the writer found the log broken: {detail.get('why', '')}"
            return self._wrong(place, Fault.TRUNCATED, line.seq, message)
        return None

    # --- what is wrong

    def _wrong(self, place: _Place, fault: Fault, seq: int, message: str) -> Finding:
        return Finding(State.TAMPERED, fault, place.file, place.line, seq, message)

    def _forged(self, place: _Place, following: _Place | None) -> Finding:
        """Where the next line goes on from the one before, this one came between."""
        after = read_line(following.raw.rstrip(b"\n")) if following is not None else None
        end = self._end or Spot()
        if after is not None and (after.seq, after.prev) == (end.seq + 1, end.mac) and self._is_genuine(after):
            return self._wrong(place, Fault.INSERTED, self._expected, "a line that nobody wrote")
        return self._wrong(place, Fault.EDITED, self._expected, "not what was written")

    def _torn(self, place: _Place, following: _Place | None) -> Finding:
        anchor, seq = self._proof.anchor, self._expected
        if following is not None:
            return self._wrong(place, Fault.EDITED, seq, "a line that is cut off within the log")
        if anchor is not None and anchor.seq >= seq:
            return self._cut(anchor, seq, place.line)
        message = "the last line is torn: whoever wrote it was killed"
        return Finding(State.INCOMPLETE, Fault.TORN, place.file, place.line, seq, message)

    def _misplaced(self, place: _Place, line: Line, end: Spot) -> Finding:
        expected = end.seq + 1
        if line.seq < expected:
            return self._wrong(place, Fault.INSERTED, expected, f"record {line.seq} stands here once more")
        if line.seq == expected:
            return self._wrong(place, Fault.EDITED, expected, "it does not follow the record before it")
        if self._is_elsewhere(expected):
            return self._wrong(place, Fault.REORDERED, expected, f"record {line.seq} stands in its place")
        upto = f" to {line.seq - 1}" if line.seq > expected + 1 else ""
        return self._wrong(place, Fault.REMOVED, expected, f"record {expected}{upto} is gone from before this line")

    def _is_elsewhere(self, seq: int) -> bool:
        """All that comes before is in order, so it can only be further on."""
        return any(line.seq == seq for line in self._genuine_lines())

    def _check_anchor(self) -> Finding | None:
        anchor, end = self._proof.anchor, self._end or Spot()
        if anchor is None or end.seq >= anchor.seq:
            return None
        return self._cut(anchor, end.seq + 1, 0)

    def _check_signed(self) -> Finding | None:
        """Who has no key believes nothing but signatures."""
        last = self._end.seq if self._end is not None else 0
        if self._proof.chain is not None or last == self._signed:
            return None
        message = f"no checkpoint signs what comes after record {self._signed}"
        return Finding(State.INCOMPLETE, Fault.UNSIGNED, self._file, 0, self._signed + 1, message)

    def _cut(self, anchor: Anchor, seq: int, line: int) -> Finding:
        signed = seq <= anchor.checkpoint
        state = State.TAMPERED if signed else State.INCOMPLETE
        upto = f"{seq} to {anchor.seq}" if anchor.seq > seq else f"{seq}"
        message = f"cut off: record {upto} was written and is gone"
        if not signed:
            message += ", behind the last checkpoint"
        return Finding(state, Fault.TRUNCATED, self._file, line, seq, message)


def _trusting(block: Block, data: Mapping[str, Any]) -> Block:
    detail = data.get("detail")
    return block._replace(previous=str(detail.get("previous", NOTHING) if isinstance(detail, Mapping) else NOTHING))


def _places(segments: Iterable[Segment]) -> Iterator[_Place]:
    for segment in segments:
        number = 0
        try:
            for number, raw in enumerate(segment.read(), 1):
                yield _Place(segment.name, number, raw)
        except ValueError as error:
            yield _Place(segment.name, number + 1, b"", f"the file is damaged: {error}")


def _with_next(segments: Sequence[Segment]) -> Iterator[tuple[_Place, _Place | None]]:
    before: _Place | None = None
    for place in chain(_places(segments), (None,)):
        if before is not None:
            yield before, place
        before = place
