"""Replicas that we end ourselves: that they go down is not taken for somebody else's work."""

from __future__ import annotations

from collections.abc import Iterable

from controller.model.names import Instant, ReplicaId
from controller.model.steps import Restart, Step, Stop

FORGOTTEN = 60.0
"""Seconds beyond its grace for which a replica that we ended is known to have been ended by us."""


class Ended:
    """By one controller, of one stack. What an earlier one ended is not known."""

    def __init__(self) -> None:
        self._until: dict[ReplicaId, Instant] = {}

    def note(self, steps: Iterable[Step], now: Instant) -> None:
        """These steps are about to be done."""
        for step in steps:
            if isinstance(step, Stop | Restart):
                self._until[step.replica] = now + step.grace + FORGOTTEN

    def lately(self, now: Instant) -> tuple[ReplicaId, ...]:
        """Those that we ended not long ago."""
        self._until = {replica: until for replica, until in self._until.items() if now < until}
        return tuple(self._until)
