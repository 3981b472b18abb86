"""How much of a deadline is left."""

from __future__ import annotations

import time

from controller.model.errors import Transient

SLACK = 10.0
"""Seconds that a stop may take beyond its grace, and the second half of what must not stay half done."""


def left(ends_at: float) -> float:
    """Seconds until then. Raises Transient where there are none."""
    remaining = ends_at - time.monotonic()
    if remaining <= 0:
        raise Transient("no time was left for it")
    return remaining
