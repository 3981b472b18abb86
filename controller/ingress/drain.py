"""When a leaving replica may be stopped: pure, but for the one helper that waits."""

from __future__ import annotations

import time
from dataclasses import dataclass

from controller.ingress.proxy import Ingress
from controller.model.names import Instant, ReplicaId
from controller.model.routes import RouteSeen, RouteState

_PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class Drained:
    """How a drain ended: `connections` were open as it began (None: unknown), `cut` are open still. Time in seconds."""

    connections: int | None
    seconds: float
    cut: int

    def __str__(self) -> str:
        """`drained 37 connections in 1.8 s, 0 cut`."""
        count = "" if self.connections is None else f" {self.connections} connection{'s'[: self.connections != 1]}"
        return f"drained{count} in {self.seconds:.1f} s, {self.cut} cut"


def judge_drain(seen: RouteSeen, timeout: float, now: Instant) -> Drained | None:
    """How it ended; None: it has to be asked for, or waits for open connections, at most until `drain_ends_at`."""
    match seen.state:
        case RouteState.IN:
            return None
        case RouteState.OUT if seen.connections == 0:
            return Drained(0, 0.0, 0)
        case _:
            since = now if seen.draining_since is None else seen.draining_since
            if seen.connections and now < since + timeout:
                return None
            return Drained(seen.at_drain, max(0.0, now - since), seen.connections)


def drain_ends_at(seen: RouteSeen, timeout: float) -> Instant | None:
    """When it is over whatever is open; None: it is not draining."""
    return None if seen.draining_since is None else seen.draining_since + timeout


def drain(ingress: Ingress, replica: ReplicaId, timeout: float) -> Drained:
    """Ask for it, see that the proxy has taken it, and wait until it is over. Raises EngineErrors."""
    ingress.set_route(replica, RouteState.DRAINING)
    while True:
        seen = ingress.observe().get(replica, RouteSeen(RouteState.OUT))
        if ended := judge_drain(seen, timeout, time.time()):
            return ended
        time.sleep(_PAUSE)
