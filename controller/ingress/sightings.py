"""What was seen of the proxy, told by replica; remembers what the proxy does not say, and may be lost at any time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from controller.ingress.routes import Slot, addresses_of, service_of
from controller.ingress.runtime import Proxy
from controller.model.names import Instant, ReplicaId
from controller.model.own import Placed
from controller.model.routes import Figures, RouteSeen, RouteState

LINGERS = 30.0
"""Seconds for which connections by a way that takes no new ones keep it open."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """Who has a slot, what the slot had counted at the last look, and how much of all of it is this tenant's."""

    replica: ReplicaId
    counted: Figures
    own: Figures


class Memory:
    """Of one proxy. Not safe from several threads."""

    def __init__(self) -> None:
        self._tenants: dict[tuple[str, int], Tenant] = {}
        self._drains: dict[ReplicaId, tuple[Instant, int]] = {}
        self._blank = True

    def see(
        self, proxy: Proxy, placed: Sequence[Placed], networks: Collection[str], now: Instant
    ) -> Mapping[ReplicaId, RouteSeen]:
        """How each replica of a service behind the ingress stands."""
        seen: dict[ReplicaId, RouteSeen] = {}
        for item in placed:
            addresses = addresses_of(item, networks)
            places = [place for place in _places(proxy, item.service) if place[1].address in addresses]
            slots = [slot for _, slot in places]
            if not any(service_of(name) == item.service for name in proxy.table):
                continue
            figures = add(self._count(key, item.id, proxy.figures.get(key, Figures())) for key, _ in places)
            route = self._tell(item.id, slots, figures, now)
            seen[item.id] = replace(route, via=_find_ways(item, slots))
        self._drains = {
            replica: begun
            for replica, begun in self._drains.items()
            if replica in seen and seen[replica].state is RouteState.DRAINING
        }
        self._blank = False
        return seen

    def begin_drain(self, replica: ReplicaId, connections: int, now: Instant) -> None:
        """It was asked to drain now, with so many connections open; a repeated request changes nothing."""
        self._drains.setdefault(replica, (now, connections))

    def _tell(self, replica: ReplicaId, slots: Sequence[Slot], figures: Figures, now: Instant) -> RouteSeen:
        state = overall(slot.state for slot in slots)
        seen = RouteSeen(state, sum(slot.connections for slot in slots), figures=figures)
        if state is not RouteState.DRAINING:
            return seen
        if replica in self._drains:
            since, connections = self._drains[replica]
            return replace(seen, draining_since=since, at_drain=connections)
        return replace(seen, draining_since=now - max(slot.since for slot in slots))

    def _count(self, key: tuple[str, int], replica: ReplicaId, counted: Figures) -> Figures:
        """A slot counts for all who ever had it, and begins anew where the proxy does."""
        before = self._tenants.get(key)
        if before is None or before.replica != replica:
            own = counted if before is None and self._blank else Figures(latency=counted.latency)
        elif counted.requests < before.counted.requests:
            own = add((before.own, counted))
        else:
            requests = before.own.requests + counted.requests - before.counted.requests
            errors = before.own.errors + max(0, counted.errors - before.counted.errors)
            own = Figures(requests, errors, counted.latency)
        self._tenants[key] = Tenant(replica, counted, own)
        return own


def _find_ways(item: Placed, slots: Iterable[Slot]) -> tuple[str, ...]:
    """The networks of the addresses that are led to, and for a while those of open connections."""
    used = {
        slot.address
        for slot in slots
        if slot.state is not RouteState.OUT or (slot.connections and slot.since < LINGERS)
    }
    return tuple(sorted(name for name, address in item.addresses.items() if address in used))


def overall(states: Iterable[RouteState]) -> RouteState:
    """Of a replica over all of its ports: as long as one takes requests, it is in."""
    found = set(states)
    return next((state for state in (RouteState.IN, RouteState.DRAINING) if state in found), RouteState.OUT)


def add(figures: Iterable[Figures]) -> Figures:
    """All of them together; the latency is that of the slowest."""
    items = tuple(figures)
    return Figures(
        sum(item.requests for item in items),
        sum(item.errors for item in items),
        max((item.latency for item in items), default=0.0),
    )


def _places(proxy: Proxy, service: str) -> Iterable[tuple[tuple[str, int], Slot]]:
    """Key and slot of each backend of that service."""
    for name, slots in proxy.table.items():
        if service_of(name) == service:
            yield from (((name, number), slot) for number, slot in enumerate(slots, start=1))
