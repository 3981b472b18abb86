"""Where a log ends, kept apart from it: so that what is cut off its end is missed. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import NamedTuple

from controller.security.audit import NOTHING, Spot, canonical

LENGTH = 512
"""Bytes of an anchor, whatever it says: what fits a sector is there as a whole or as it was before."""


class Anchor(NamedTuple):
    """The last line's number and MAC. `checkpoint` and `digest`: number and hash of the last checkpoint.

    `first`: number of the first line of the segment that is written to; `size`: its bytes; `begun`: when, in seconds;
    `told`: 1 where the controller's own log says that it was begun.
    """

    seq: int = 0
    mac: str = NOTHING
    checkpoint: int = 0
    digest: str = NOTHING
    first: int = 1
    size: int = 0
    begun: float = 0.0
    told: int = 0

    @property
    def spot(self) -> Spot:
        return Spot(self.seq, self.mac)


def anchor_bytes(anchor: Anchor, key: bytes) -> bytes:
    """As it lies on the disk."""
    said = anchor._asdict()
    return canonical({**said, "proof": _proof(said, key)}).ljust(LENGTH - 1) + b"\n"


def read_anchor(raw: bytes, key: bytes) -> Anchor | None:
    """None: we did not write it."""
    try:
        said = json.loads(raw)
        proof = said.pop("proof")
        # A version to come may say more: its proof is of all of it.
        anchor = Anchor(**{name: value for name, value in said.items() if name in Anchor._fields})
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return anchor if hmac.compare_digest(str(proof), _proof(said, key)) else None


def _proof(said: dict[str, object], key: bytes) -> str:
    return hmac.new(key, b"anchor:" + canonical(said), hashlib.sha256).hexdigest()
