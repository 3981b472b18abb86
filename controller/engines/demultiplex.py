"""Docker's framed output of a container, as bytes of both streams in order or as lines; no IO of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

_HEADER = 8


class Readable(Protocol):
    def read(self, amount: int, /) -> bytes: ...


def read_frames(source: Readable) -> Iterator[tuple[int, bytes]]:
    """Stream number and payload of each frame; ends where the source ends, in a frame or between two."""
    while len(header := _read_exactly(source, _HEADER)) == _HEADER:
        payload = _read_exactly(source, int.from_bytes(header[4:], "big"))
        yield header[0], payload


def read_raw(source: Readable) -> Iterator[tuple[int, bytes]]:
    """A terminal's output is not framed."""
    while part := source.read(1):
        yield 1, part


def split_lines(frames: Iterator[tuple[int, bytes]]) -> Iterator[str]:
    """Whole lines, each stream's apart; what has no end of line comes last."""
    rests: dict[int, bytes] = {}
    for number, payload in frames:
        *lines, rest = (rests.pop(number, b"") + payload).split(b"\n")
        yield from (_decode(line) for line in lines)
        rests[number] = rest
    yield from (_decode(rest) for rest in rests.values() if rest)


def _decode(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r")


def _read_exactly(source: Readable, amount: int) -> bytes:
    parts = bytearray()
    while len(parts) < amount and (part := source.read(amount - len(parts))):
        parts.extend(part)
    return bytes(parts)
