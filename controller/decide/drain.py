"""Traffic through the ingress: who is led to, and that nobody is stopped before its connections are done. Pure.

A new replica of an update is watched before it takes traffic while another one serves, so that one that fails cuts
nobody's connection. Whether a replica drains is read from the proxy, never remembered: a proxy that forgot it is asked
again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from controller.decide.attempt import is_settled
from controller.decide.case import Case, Parts, has_no_verdict, is_ready, is_unled, soonest, still_waits
from controller.decide.identity import publishes_itself
from controller.decide.mend import find_lost
from controller.decide.moves import NONE, Moves
from controller.decide.names import is_withdrawn, withdraw, withdrawn_until
from controller.decide.networks import lacks_networks
from controller.model.names import Instant, ReplicaId
from controller.model.observed import Replica
from controller.model.routes import RouteSeen, RouteState
from controller.model.steps import Restart, Route, Step, Stop

LOOK_AGAIN = 0.2
"""Seconds between two looks at connections that are to end."""


def is_behind(case: Case, replica: Replica) -> bool:
    """It is reached by the ingress alone, also where its service leaves it. Who publishes a port is reached there."""
    return (bool(case.want.frontends) or replica.route is not None) and not publishes_itself(replica, case.want)


def serves(case: Case, replica: Replica) -> bool:
    """It is ready, is found by its names, and behind the ingress it is led to. What cannot be told is as it was."""
    if not is_ready(case, replica) or is_withdrawn(case, replica):
        return False
    return not (is_behind(case, replica) and is_unled(replica))


def lead(case: Case, parts: Parts, going: Iterable[ReplicaId]) -> Moves:
    """Traffic to who is ready and stays, none to who is not; who drained and need not leave any more is taken back."""
    if not case.want.frontends:
        return NONE
    leaves = frozenset(going)
    steps: list[Step] = []
    watches = case.history.updating and _is_served(case, parts)
    for replica in parts.fresh + parts.stale:
        step = _lead_one(case, replica, watches and replica in parts.fresh)
        if step is not None and replica.id not in leaves:
            steps.append(step)
    return Moves(tuple(steps)) if steps else NONE


def _is_served(case: Case, parts: Parts) -> bool:
    """Somebody old, or watched, has the traffic. Where nobody has, a new one can cut nobody's connection."""
    watched = [replica for replica in parts.fresh if is_settled(case, replica)]
    return any(serves(case, replica) for replica in (*parts.stale, *watched))


def _lead_one(case: Case, replica: Replica, watches: bool) -> Route | None:
    if replica.route is None or not is_behind(case, replica) or not replica.running:
        return None
    state = replica.route.state
    if not is_ready(case, replica):
        well = state is not RouteState.IN or has_no_verdict(replica, case.seen.since)
        return None if well else _route(case, replica, RouteState.OUT, "is not ready")
    if watches and not is_settled(case, replica):
        return None  # also where the place that it got is one that somebody drained
    if state is RouteState.OUT:
        return None if _is_joined_first(case, replica) else _route(case, replica, RouteState.IN, "is ready")
    return _route(case, replica, RouteState.IN, "stays") if state is RouteState.DRAINING else None


def _is_joined_first(case: Case, replica: Replica) -> bool:
    """Off its network it may not be reached, and mending stands beside no other step. Not where that has failed."""
    return case.seen.trouble is None and bool(find_lost(case, replica) or lacks_networks(case, replica))


def drain_first(case: Case, moves: Moves) -> Moves:
    """The same moves, but traffic is led away before a stop or the restart of who is well, and names before a stop."""
    ends = [step for step in moves.steps if isinstance(step, (Stop, Restart))]
    if not ends or case.hurried:
        return moves
    by_id = {replica.id: replica for replica in case.seen.replicas}
    found = [
        _before_end(case, by_id[step.replica], step) if isinstance(step, (Stop, Restart)) else step
        for step in moves.steps
    ]
    steps = [item for item in found if not isinstance(item, float)]
    wakes = [item for item in found if isinstance(item, float)]
    if not wakes:
        return moves._replace(steps=tuple(steps))
    names = ", ".join(by_id[step.replica].name for step in ends)
    wake = soonest(moves.wake_at, *wakes)
    return moves._replace(steps=tuple(steps), wake_at=wake, reason="Draining", message=f"drains {names}", shut=True)


def _before_end(case: Case, replica: Replica, step: Stop | Restart) -> Step | Instant:
    """What is done now, or until when is waited: first its traffic goes, then its names, then it ends."""
    instead = _drain(case, replica, step)
    if instead is None:
        return case.now + LOOK_AGAIN
    if isinstance(instead, Route):
        return instead
    return withdraw(case, replica, step) or withdrawn_until(case, replica) or instead


def _drain(case: Case, replica: Replica, step: Stop | Restart) -> Step | None:
    """What comes before its end, or the end itself; None: it is waited for.

    Where the service is to stop a proxy that does not answer is not waited for.
    """
    if not is_behind(case, replica) or not replica.running or replica.route is None:
        return step
    if isinstance(step, Restart) and not is_ready(case, replica):
        return step
    route = replica.route
    match route.state:
        case RouteState.OUT:
            return step
        case RouteState.IN:
            return _route(case, replica, RouteState.DRAINING, step.because)
        case RouteState.UNKNOWN if is_ready(case, replica) and case.want.leaving is None:
            return None
        case RouteState.DRAINING if route.connections and _may_drain(case, route):
            return None
        case _:
            return _tell_drained(case, replica, step, route)


def _may_drain(case: Case, route: RouteSeen) -> bool:
    timeout = case.want.drain_timeout
    since = route.draining_since if route.draining_since is not None else case.now
    return still_waits(since + timeout, timeout, case.now)


def _tell_drained(case: Case, replica: Replica, step: Stop | Restart, route: RouteSeen) -> Step:
    """With how the drain ended, for people."""
    if route.draining_since is None:
        return step
    over = replica.withdrawn_since if replica.withdrawn_since is not None else case.now
    seconds = max(0.0, over - route.draining_since)
    count = "" if route.at_drain is None else f"{route.at_drain} connections "
    return replace(step, because=f"{step.because}; drained {count}in {seconds:.1f} s, {route.connections} cut")


def _route(case: Case, replica: Replica, to: RouteState, because: str) -> Route:
    return Route(case.want.name, replica.id, replica.number, to, because)
