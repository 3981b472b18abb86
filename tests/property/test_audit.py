"""A log with one random edit, deletion, swap, cut or insertion: found, and at the right record."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.security.audit import Act, Spot, Via, act_data, link, split_lines
from controller.security.auditproof import Fault, State
from tests.unit.security.auditing import AT, OTHER, judge, names, written

pytestmark = pytest.mark.unit

LOG = written(70)
"""Of several segments, the last one with lines behind its last checkpoint."""

LINES = [line for segment in LOG.segments for line in segment]
COUNT = len(LINES)
FORGED, _ = link(act_data(Act("eve", Via.CLI, "stop")), Spot(4, "0" * 64), AT, OTHER.chain)

Segments = list[list[bytes]]


class Damage(NamedTuple):
    """`seq`: of the first record that is wrong. `faults`: how that may be called."""

    segments: Segments
    seq: int
    faults: frozenset[Fault]


def place_of(seq: int) -> tuple[int, int]:
    """Segment and index of a record."""
    left = seq - 1
    for number, segment in enumerate(LOG.segments):
        if left < len(segment):
            return number, left
        left -= len(segment)
    raise IndexError(seq)


def copied() -> Segments:
    return [list(segment) for segment in LOG.segments]


@st.composite
def edits(draw: Callable[..., int]) -> Damage:
    seq = draw(st.integers(1, COUNT))
    segments, (number, index) = copied(), place_of(seq)
    line = segments[number][index]
    at, bit = draw(st.integers(0, len(line) - 1)), draw(st.integers(0, 7))
    changed = line[:at] + bytes([line[at] ^ 1 << bit]) + line[at + 1 :]
    segments[number][index] = changed
    segments[number] = split_lines(b"".join(segments[number]))
    return Damage(segments, seq, frozenset({Fault.EDITED, Fault.TRUNCATED}))


@st.composite
def deletions(draw: Callable[..., int]) -> Damage:
    seq = draw(st.integers(1, COUNT))
    segments, (number, index) = copied(), place_of(seq)
    del segments[number][index]
    return Damage(segments, seq, frozenset({Fault.TRUNCATED if seq == COUNT else Fault.REMOVED}))


@st.composite
def swaps(draw: Callable[..., int]) -> Damage:
    first = draw(st.integers(1, COUNT - 1))
    second = draw(st.integers(first + 1, COUNT))
    segments, (one, i), (other, j) = copied(), place_of(first), place_of(second)
    segments[one][i], segments[other][j] = segments[other][j], segments[one][i]
    fault = Fault.REMOVED if first == 1 else Fault.REORDERED
    return Damage(segments, first, frozenset({fault}))


@st.composite
def cuts(draw: Callable[..., int]) -> Damage:
    """Of the file that is written to, and what comes after in all."""
    kept = draw(st.integers(0, len(b"".join(LINES)) - 1))
    left, segments, seq = kept, [], 0
    for segment in LOG.segments:
        data = b"".join(segment)[:left]
        left -= len(data)
        segments.append(split_lines(data))
        seq += sum(line.endswith(b"\n") for line in segments[-1])
    return Damage(segments, seq + 1, frozenset({Fault.TRUNCATED}))


@st.composite
def insertions(draw: Callable[..., int]) -> Damage:
    """A line of nobody, nonsense, or one of the log once more; before a record."""
    seq, kind = draw(st.integers(2, COUNT)), draw(st.integers(0, 2))
    extra = (FORGED, b"nonsense\n", LINES[draw(st.integers(1, seq - 1)) - 1])[kind]
    segments, (number, index) = copied(), place_of(seq)
    segments[number].insert(index, extra)
    return Damage(segments, seq, frozenset({Fault.INSERTED}))


DAMAGES = st.one_of(edits(), deletions(), swaps(), cuts(), insertions())


def check(damage: Damage) -> None:
    finding = judge(damage.segments, LOG.anchor).finding
    assert finding is not None
    assert (finding.seq, finding.fault in damage.faults) == (damage.seq, True), finding
    assert finding.file in names(len(LOG.segments))
    if finding.state is not State.TAMPERED:
        assert finding.fault is Fault.TRUNCATED and finding.seq > LOG.checkpoint[0], finding


@settings(max_examples=300, deadline=None)
@given(DAMAGES)
def test_one_damage_is_found_at_its_record(damage: Damage) -> None:
    check(damage)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None)
@given(DAMAGES)
def test_ten_thousand_of_them_are_found(damage: Damage) -> None:
    check(damage)


def test_undamaged_it_is_ok() -> None:
    assert judge(LOG.segments, LOG.anchor).state is State.OK
