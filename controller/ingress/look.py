"""One look at the proxy and at whom it may lead to, and what the proxy is to do when one of them comes or goes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from controller.ingress.reach import find_deaf_port
from controller.ingress.routes import (
    Endpoint,
    Targets,
    Wishes,
    addresses_of,
    port_at,
    port_of,
    present_wishes,
    service_of,
)
from controller.ingress.runtime import Proxy
from controller.model.errors import Conflict, Transient
from controller.model.names import ReplicaId
from controller.model.own import Placed
from controller.model.routes import RouteState


class Look(NamedTuple):
    """The proxy, the stack's running replicas, and the networks on which the proxy reaches them."""

    proxy: Proxy
    placed: Sequence[Placed]
    networks: Collection[str]
    preferred: Collection[str] = ()
    """Those of them that it is to reach them on."""


def present(look: Look) -> Wishes:
    """What the proxy does now, without the addresses that nobody has any more."""
    return present_wishes(look.proxy.table, look.placed, look.networks, look.preferred)


def with_route(look: Look, replica: ReplicaId, to: RouteState, targets: Targets) -> Wishes:
    """What the proxy does now, with that one replica as it is to be. Raises Conflict where it cannot be let in."""
    table = look.proxy.table
    wishes = {name: dict(wanted) for name, wanted in present(look).items()}
    found = _find(look, replica)
    addresses = _addresses(found, look) if found else ()
    if found is None or not addresses:
        if to is RouteState.IN:
            raise Conflict(f"replica {replica[:12]} is not running on a network that the ingress is on")
        return wishes  # it has no traffic
    backends = [name for name in table if service_of(name) == found.service]
    if to is RouteState.IN and not backends:
        raise Conflict(f"{found.service} has no port behind the ingress")
    for name in backends:  # who is asked to drain anew after a reload gets its slot again
        port = port_at(name, replica, targets)
        ends = [Endpoint(one, port) for one in addresses]
        wishes[name][next((end for end in ends if end in wishes[name]), ends[0])] = to
    return wishes


def _addresses(found: Placed, look: Look) -> Sequence[str]:
    """Those by which it is to be led to first."""
    every = addresses_of(found, look.networks)
    better = addresses_of(found, frozenset(look.networks).intersection(look.preferred))
    return (*better, *(one for one in every if one not in better))


def refuse_deaf(look: Look, replica: ReplicaId, targets: Targets) -> None:
    """Raises Transient where it does not listen on a port on which another one of its service serves."""
    found = _find(look, replica)
    addresses = _addresses(found, look) if found else ()
    if found is not None and addresses:
        led = {end.address for wanted in present(look).values() for end in wanted}
        address = next((one for one in addresses if one in led), addresses[0])  # as with_route will lead to it
        ports = {name: port_at(name, replica, targets) or port_of(name) for name in look.proxy.table}
        port = find_deaf_port(look.proxy.table, found.service, address, ports)
        if port is not None:
            message = f"replica {replica[:12]} refuses connections to port {port}, on which others of it serve"
            raise Transient(message, hint="has the port changed on which it listens, and not the published one?")


def _find(look: Look, replica: ReplicaId) -> Placed | None:
    return next((item for item in look.placed if item.id == replica), None)
