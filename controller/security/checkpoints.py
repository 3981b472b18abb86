"""Checkpoints: signed lines of a log, each over all lines since the one before it. Pure.

A chain of MACs proves something to whoever has its key; a signature to everybody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from controller.security.audit import NOTHING, VERSION, KeyRing, Line, Spot, Stage, canonical, placed


class Block(NamedTuple):
    """The lines since the last checkpoint. `previous`: hash of the checkpoint before them; `since`: its number."""

    digest: str = NOTHING
    lines: int = 0
    since: int = 0
    previous: str = NOTHING

    def with_lines(self, lines: Iterable[bytes]) -> Block:
        """`lines` with their ends. A hash of hashes, so that it can go on from any place."""
        digest, count = self.digest, self.lines
        for line in lines:
            digest = hashlib.sha256(digest.encode() + line).hexdigest()
            count += 1
        return self._replace(digest=digest, lines=count)

    def closed_by(self, line: bytes, seq: int) -> Block:
        """The next one, after that checkpoint."""
        return Block(since=seq, previous=hashlib.sha256(line).hexdigest())


def make_checkpoint(block: Block, end: Spot, why: str, at: float, ring: KeyRing) -> dict[str, Any]:
    """The record that comes after `end`, at that instant; all of it is signed. `why`: such as "rotation"."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # 0.1 s; few writers ever sign

    said = {"since": block.since, "hash": block.digest, "previous": block.previous, "why": why}
    record = {"v": VERSION, "stage": str(Stage.CHECKPOINT), "verb": "checkpoint", "detail": said}
    signature = Ed25519PrivateKey.from_private_bytes(ring.signing).sign(canonical(placed(record, end, at)))
    return {**record, "detail": {**said, "signature": signature.hex()}}


def public_key(ring: KeyRing) -> bytes:
    """What others verify signatures with: 32 bytes."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(ring.signing).public_key().public_bytes_raw()


def fault_of(line: Line, block: Block, end: Spot, public: bytes) -> str:
    """What is wrong with a checkpoint that stands after these lines; "": nothing. `end`: the line before it."""
    detail = line.data.get("detail")
    if not isinstance(detail, Mapping):
        return "it says nothing"
    said = {name: value for name, value in detail.items() if name != "signature"}
    if canonical(line.data) != line.body or not _is_signed(
        {**line.data, "detail": said}, detail.get("signature"), public
    ):
        return "its signature is not ours"
    if (line.seq, line.prev) != (end.seq + 1, end.mac):
        return "it was made after another line"
    if said.get("since") != block.since or said.get("previous") != block.previous:
        return "another checkpoint came before it"
    return "" if said.get("hash") == block.digest else "the lines before it are not those that it signs"


def _is_signed(record: Mapping[str, Any], signature: object, public: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(bytes.fromhex(str(signature)), canonical(record))
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True
