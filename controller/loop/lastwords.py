"""The last lines that a failed container wrote, read once for each of its lives."""

from __future__ import annotations

from dataclasses import replace

from controller.engines.base import Engine
from controller.health.verdict import Life, trim
from controller.model.errors import EngineError
from controller.model.observed import Replica, ReplicaPhase

LINES = 10
EARLY = 0.05
"""Seconds by which a process's first lines may be dated before its start: Docker notes that when it has seen it."""

KEPT = 256
"""Lives whose words are kept; the oldest are read again if they are asked for."""


class LastWords:
    """Adds `last_output` to replicas that ended with an error. One read of the engine for each end."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._words: dict[Life, str] = {}

    def add(self, replica: Replica) -> Replica:
        """The replica with its last words, where it failed and nothing better is known."""
        ended = replica.phase in (ReplicaPhase.EXITED, ReplicaPhase.RESTARTING)
        failed = ended and replica.exit_code not in (0, None)
        again = replica.running and replica.restarts > 0 and replica.ready_since is None  # Docker was quicker than we
        if not (failed or again) or replica.last_output:
            return replica
        words = self._words.get(replica.life)
        if words is None:
            words = self._words[replica.life] = self._read(replica)
            while len(self._words) > KEPT:
                del self._words[next(iter(self._words))]
        return replace(replica, last_output=words)

    def _read(self, replica: Replica) -> str:
        try:
            since = None if replica.started_at is None or replica.running else replica.started_at - EARLY
            return trim("\n".join(self._engine.logs(replica.id, tail=LINES, since=since)))
        except EngineError:
            return ""
