"""The last lines that a failed container wrote, read once while it still runs, and once when it has ended."""

from __future__ import annotations

from dataclasses import replace

from controller.engines.base import Engine
from controller.health.verdict import trim
from controller.loop.compare import mask
from controller.model.errors import EngineError
from controller.model.names import Instant
from controller.model.observed import Health, Life, Replica, ReplicaPhase

LINES = 10
EARLY = 0.25
"""Seconds by which a process's first lines may be dated before its start: Docker notes that when it has seen it, later
the more it has to do. Its own policy takes longer from one life to the next."""

KEPT = 256
"""Readings that are kept; the oldest are read again if they are asked for."""


class LastWords:
    """Adds `last_output` to replicas that ended with an error, or do not come to be ready.

    One read for each life while it runs, and one when it has ended: only then its very last words are there.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._words: dict[tuple[Life, bool], str] = {}

    def add(self, replica: Replica, patience: float, now: Instant) -> Replica:
        """The replica with its last words, before what its probe said. `patience`: seconds that it has to be ready.

        They go into reasons, events and the history: what looks like a secret in them is masked.

        Why the engine could not start it is all that there is to know.
        """
        told = bool(replica.last_output) and not replica.running
        if not (_is_slow(replica, patience, now) or (_has_failed(replica) and not told)):
            said = replica.last_output
            return replace(replica, last_output=mask(said)) if said else replica
        stage = (replica.life, replica.running)
        if stage not in self._words and (read := self._read(replica)) is not None:
            self._words[stage] = read
            while len(self._words) > KEPT:
                del self._words[next(iter(self._words))]
        words = self._words.get(stage, "")
        probed = mask(replica.last_output)
        return replace(replica, last_output="\n".join(said for said in (words, probed) if said))

    def _read(self, replica: Replica) -> str | None:
        """None: they cannot be had now."""
        try:
            since = None if replica.started_at is None or replica.running else replica.started_at - EARLY
            return trim("\n".join(mask(line) for line in self._engine.logs(replica.id, tail=LINES, since=since)))
        except EngineError:
            return None


def _has_failed(replica: Replica) -> bool:
    if replica.phase in (ReplicaPhase.EXITED, ReplicaPhase.RESTARTING):
        return replica.exit_code not in (0, None)
    return replica.running and replica.restarts > 0 and replica.ready_since is None  # Docker was quicker than we


def _is_slow(replica: Replica, patience: float, now: Instant) -> bool:
    """More than half of its time is over, so that its words are there when the rest is."""
    if not replica.running or replica.ready_since is not None or replica.health is Health.NONE:
        return False
    late = replica.started_at is not None and now - replica.started_at > patience / 2
    return late or replica.health is Health.UNHEALTHY
