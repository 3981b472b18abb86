"""Logs as a writer leaves them, in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from controller.security.anchor import Anchor
from controller.security.audit import Act, KeyRing, Spot, Stage, Via, act_data, link, split_lines
from controller.security.auditproof import Proof, Segment, Verdict, verify
from controller.security.checkpoints import Block, make_checkpoint, public_key

RING = KeyRing(bytes(range(32)))
OTHER = KeyRing(bytes(32))
AT = 1_790_000_000.0


@dataclass
class Writing:
    """`segments` are lists of lines with their ends."""

    segments: list[list[bytes]] = field(default_factory=lambda: [[]])
    end: Spot = field(default_factory=Spot)
    block: Block = field(default_factory=Block)
    checkpoint: tuple[int, str] = (0, "0" * 64)

    def put(self, data: Mapping[str, Any]) -> bytes:
        line, self.end = link(data, self.end, AT + self.end.seq, RING.chain)
        self.segments[-1].append(line)
        return line

    def act(self, verb: str, **more: Any) -> None:
        self.block = self.block.with_lines([self.put(act_data(Act("alice", Via.CLI, verb, **more)))])

    def say(self, verb: str, detail: Mapping[str, Any]) -> None:
        data = act_data(Act("controller", Via.LOOP, verb, stage=Stage.LOG, detail=detail))
        self.block = self.block.with_lines([self.put(data)])

    def sign(self) -> None:
        line = self.put(make_checkpoint(self.block, self.end, "test", AT + self.end.seq, RING))
        self.block = self.block.closed_by(line, self.end.seq)
        self.checkpoint = self.end.seq, hashlib.sha256(line).hexdigest()

    def rotate(self) -> None:
        self.sign()
        self.segments.append([])

    @property
    def anchor(self) -> Anchor:
        first = self.end.seq - len(self.segments[-1]) + 1
        return Anchor(*self.end, *self.checkpoint, first, sum(map(len, self.segments[-1])))


def written(acts: int, signs: int = 8, rotates: int = 24) -> Writing:
    """So many acts, a checkpoint after every `signs` of them, and another segment after every `rotates`."""
    log = Writing()
    for number in range(1, acts + 1):
        log.act("start", name=f"service-{number}", detail={"because": f"reason {number}"})
        if number % rotates == 0:
            log.rotate()
        elif number % signs == 0:
            log.sign()
    return log


def names(count: int) -> list[str]:
    return [*(f"audit-{index}.jsonl.gz" for index in range(1, count)), "audit.jsonl"]


def segments(lines: Sequence[Sequence[bytes]]) -> list[Segment]:
    def reader(of: Sequence[bytes]) -> Callable[[], Iterator[bytes]]:
        return lambda: iter(split_lines(b"".join(of)))

    return [Segment(name, reader(one)) for name, one in zip(names(len(lines)), lines, strict=True)]


PUBLIC = public_key(RING)


def judge(lines: Sequence[Sequence[bytes]], anchor: Anchor | None, ring: KeyRing | None = RING) -> Verdict:
    return verify(segments(lines), Proof(ring.chain if ring is not None else None, PUBLIC, anchor))
