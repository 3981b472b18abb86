"""What the `Controller` manifest says of the audit log."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AuditPolicy:
    """`retention`: seconds for which closed segments are kept. `max_size`: bytes that they may take, of each log.

    `connections`: those to the API are recorded, too.
    """

    enabled: bool = True
    retention: float = 365 * 86400.0
    max_size: int = 1_000_000_000
    connections: bool = False


KEEPS_ALL = AuditPolicy(retention=math.inf, max_size=sys.maxsize)
"""Of who has not read what the manifest says: what is forgotten cannot be had back."""
