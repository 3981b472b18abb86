"""Whether a replica listens where traffic would be led to it. Senses, and raises nothing."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping

from controller.ingress.routes import Table, port_of, service_of
from controller.model.routes import RouteState

_PATIENCE = 0.2
"""Seconds; next door an answer takes a thousandth of that."""

Knock = Callable[[str, int], bool | None]


def knock(address: str, port: int) -> bool | None:
    """Is the port open? None: nobody answers, so that nothing can be told from here."""
    try:
        with socket.create_connection((address, port), _PATIENCE):
            return True
    except ConnectionRefusedError:
        return False
    except OSError:
        return None


def find_deaf_port(
    table: Table, service: str, address: str, ports: Mapping[str, int], ask: Knock = knock
) -> int | None:
    """A port that this replica refuses while another one takes connections for it; None: there is none.

    `ports`: where it listens for the traffic of each backend. A port that nobody listens on is not held against it:
    what is published may well be unused.
    """
    for name, slots in table.items():
        others = [slot for slot in slots if slot.state is RouteState.IN and slot.address != address]
        if service_of(name) != service or not others:
            continue
        port = ports.get(name, port_of(name))
        if ask(address, port) is False and any(ask(one.address, one.port or port_of(name)) for one in others):
            return port
    return None
