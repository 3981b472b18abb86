"""When certificates are renewed, and in which order. Pure: all follows from their dates and what is kept of tries.

A certificate is renewed at a point between half and two thirds of its life that its serial number chooses: services
that got theirs at the same moment do not renew at the same moment, and a restart changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from controller.model.names import Instant
from controller.security.leaves import Facts

_FIRST, _LAST = 1 / 2, 2 / 3
AT_ONCE = 5
"""Certificates that are issued within a second: a clock that jumps makes all of them due."""
_PAUSE, _LONGEST_PAUSE = 30.0, 900.0
"""Seconds until a try that failed is repeated: doubled each time, up to the longest."""
SOON = 0.8
"""Share of its life after which somebody is told that it was not renewed."""


def renew_at(facts: Facts) -> Instant:
    """The moment from which on it is to be renewed."""
    begins, ends = facts.starts_at.timestamp(), facts.ends_at.timestamp()
    chosen = int.from_bytes(hashlib.sha256(facts.serial.encode()).digest()[:8]) / 2**64
    return begins + (ends - begins) * (_FIRST + (_LAST - _FIRST) * chosen)


def is_due(facts: Facts, now: Instant) -> bool:
    """Its time has come; or the clock was set back so far that it has not begun yet, and everybody would refuse it."""
    return now >= renew_at(facts) or now < facts.starts_at.timestamp()


def is_expiring(facts: Facts, now: Instant) -> bool:
    """It should have been renewed long ago."""
    begins, ends = facts.starts_at.timestamp(), facts.ends_at.timestamp()
    return now >= begins + (ends - begins) * SOON


@dataclass(frozen=True, slots=True)
class Tries:
    """What came of trying to renew: how often it failed since it last went well, and when that was tried."""

    failed: int = 0
    at: Instant = 0.0
    why: str = ""


NEVER_TRIED = Tries()


def try_again_at(tries: Tries) -> Instant:
    if not tries.failed:
        return 0.0
    return tries.at + min(_LONGEST_PAUSE, _PAUSE * 2.0 ** min(tries.failed - 1, 10))


def may_try(tries: Tries, now: Instant) -> bool:
    """A clock that was set back is no reason to wait for it."""
    return now >= try_again_at(tries) or now < tries.at


class Need(NamedTuple):
    """Who needs a certificate now, why, and until when the present one lasts (None: there is none)."""

    service: str
    because: str
    ends_at: Instant | None = None


def choose(needs: Mapping[str, Need], tries: Mapping[str, Tries], now: Instant, most: int = AT_ONCE) -> list[Need]:
    """Whose turn it is: who has none first, then whose ends first. No more than so many."""
    ready = [need for name, need in needs.items() if may_try(tries.get(name, Tries()), now)]
    return sorted(ready, key=lambda need: (need.ends_at is not None, need.ends_at or 0.0, need.service))[:most]
