"""What of an audit log goes, and when. Pure."""

from __future__ import annotations

import math

from controller.model.auditing import AuditPolicy
from controller.model.names import Instant
from controller.security.audit import stamp


def why_pruned(last: str, size: int, policy: AuditPolicy, now: Instant) -> str:
    """`age` or `size`; "": the closed segment is kept. `last`: when the last act in it was, as records say it;
    `size`: bytes of it and of all that were closed after it."""
    if is_too_old(last, policy, now):
        return "age"
    return "size" if size > policy.max_size else ""


def is_too_old(last: str, policy: AuditPolicy, now: Instant) -> bool:
    """Of a closed segment in which the last act was then."""
    return math.isfinite(policy.retention) and stamp(now - policy.retention) > last


def is_full_by_age(begun: Instant, age: float, now: Instant) -> bool:
    """Whether a segment is to be closed that was begun then (0: not known), whatever its size. `age`: seconds."""
    return begun > 0 and now - begun >= age
