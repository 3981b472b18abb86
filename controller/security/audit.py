"""Who did what: the act, and how it becomes a line that can be proven. Pure.

A line is canonical JSON that names the MAC of the line before it, and ends with its own. Whoever has no key can make
none; whoever takes one away, or puts one elsewhere, breaks the chain there.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

VERSION = 1
"""Of the lines' format."""

NOTHING = "0" * 64
"""What the first line of a log names as the MAC before it."""

MAC_DIGITS = 64
_MAC = re.compile(rb',"mac":"([0-9a-f]{64})"\}\Z')
_MAC_BYTES = len(',"mac":"') + MAC_DIGITS + len('"}')


class Stage(StrEnum):
    """What a line tells. An act that has an effect has two, with the same id."""

    INTENT = "intent"
    """It is about to be done."""
    OUTCOME = "outcome"
    """What came of it."""
    CHECKPOINT = "checkpoint"
    """Signs all lines since the one before it."""
    LOG = "log"
    """Of the log itself: pruned, mended, lines that were lost, a break that was found."""


class Via(StrEnum):
    """Through what it was asked for."""

    CLI = "cli"
    API = "api"
    LOOP = "loop"


Detail = Mapping[str, Any]
"""More of it, as JSON. Never a value of a secret: names of what changed, and fingerprints."""


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that somebody does. `origin`: an address, or uid and pid. `kind` and `name`: on what.

    `allowed` and `why`: whether it may be done. `outcome`: one word, "" while it is not known. `stack` "": of none.
    """

    actor: str
    via: Via
    verb: str
    kind: str = ""
    name: str = ""
    stack: str = ""
    origin: str = ""
    stage: Stage = Stage.OUTCOME
    allowed: bool = True
    why: str = ""
    outcome: str = ""
    detail: Detail = field(default_factory=dict)
    id: str = ""
    """Of an intent and its outcome the same."""


class Auditor(Protocol):
    """Writes down what is done."""

    def record(self, *acts: Act) -> None:
        """On the disk when it returns. Raises ControllerError where it cannot be: then it must not be done."""
        ...

    def note(self, *acts: Act) -> None:
        """The same of what goes on all the same: what cannot be written is counted, and told. Never raises."""
        ...


class Spot(NamedTuple):
    """The end of a chain: number and MAC of its last line."""

    seq: int = 0
    mac: str = NOTHING


@dataclass(frozen=True, slots=True)
class KeyRing:
    """What lines are keyed and signed with, out of one secret of 32 bytes."""

    secret: bytes = field(repr=False)

    @property
    def chain(self) -> bytes:
        return self._derive(b"audit chain v1")

    @property
    def signing(self) -> bytes:
        """Seed of the Ed25519 key."""
        return self._derive(b"audit checkpoint v1")

    def _derive(self, purpose: bytes) -> bytes:
        """One secret, several keys: HMAC as the pseudo-random function (NIST SP 800-108)."""
        return hmac.new(self.secret, purpose, hashlib.sha256).digest()

    def fingerprint(self, value: str) -> str:
        """Tells whether two secrets are the same, and nothing else of them, to whoever has no key."""
        keyed = hmac.new(self._derive(b"audit fingerprint v1"), value.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"hmac:{keyed.hexdigest()[:16]}"


def canonical(data: Mapping[str, Any]) -> bytes:
    """One form for one value: sorted keys, no spaces, ASCII."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def act_data(act: Act) -> dict[str, Any]:
    """As a line has it, without its place in the log."""
    return {
        "v": VERSION,
        "id": act.id,
        "stage": str(act.stage),
        "actor": act.actor,
        "via": str(act.via),
        "from": act.origin,
        "verb": act.verb,
        "object": {"kind": act.kind, "name": act.name},
        "stack": act.stack,
        "decision": {"allowed": act.allowed, "why": act.why},
        "outcome": act.outcome,
        "detail": dict(act.detail),
    }


def link(data: Mapping[str, Any], after: Spot, at: float, key: bytes) -> tuple[bytes, Spot]:
    """The line that comes after that one, with its end of line, and where the chain ends now. `at`: seconds UTC."""
    body = canonical(placed(data, after, at))
    mac = hmac.new(key, body, hashlib.sha256).hexdigest()
    return body[:-1] + f',"mac":"{mac}"}}\n'.encode(), Spot(after.seq + 1, mac)


def placed(data: Mapping[str, Any], after: Spot, at: float) -> dict[str, Any]:
    """With its place in the log."""
    return {**data, "seq": after.seq + 1, "ts": stamp(at), "prev": after.mac}


def stamp(at: float) -> str:
    """UTC, to the microsecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Line(NamedTuple):
    """A line that has the form of one; whether it is genuine is told by its MAC."""

    data: Mapping[str, Any]
    body: bytes
    seq: int
    prev: str
    mac: str

    @property
    def spot(self) -> Spot:
        return Spot(self.seq, self.mac)

    def is_genuine(self, key: bytes) -> bool:
        return hmac.compare_digest(self.mac, hmac.new(key, self.body, hashlib.sha256).hexdigest())


def read_line(raw: bytes) -> Line | None:
    """Of a line without its end of line; None: it has not the form of one."""
    found = _MAC.search(raw)
    if found is None:
        return None
    body = raw[:-_MAC_BYTES] + b"}"
    try:
        data = json.loads(body)
        seq, prev = data["seq"], data["prev"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if type(seq) is not int or not isinstance(prev, str):
        return None
    return Line(data, body, seq, prev, found[1].decode())


def split_lines(data: bytes) -> list[bytes]:
    """With their ends; the last one may have none."""
    lines = data.split(b"\n")
    return [*(line + b"\n" for line in lines[:-1]), *filter(None, lines[-1:])]
