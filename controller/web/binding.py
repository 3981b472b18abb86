"""Ports of this machine, bound at once, so that clients find us while all else is still being imported."""

from __future__ import annotations

import errno
import socket
from typing import Any, NamedTuple

_BACKLOG = 128


class Spot(NamedTuple):
    """An address that sockets can be bound to."""

    family: int
    address: tuple[Any, ...]

    def at(self, port: int) -> Spot:
        return Spot(self.family, (self.address[0], port, *self.address[2:]))


def find_spot(host: str, port: int) -> Spot:
    """Raises OSError where nobody knows that host."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except UnicodeError:  # of the codec for names
        raise OSError(errno.EADDRNOTAVAIL, "no name of a host") from None
    return Spot(found[0][0], found[0][4])


def listen_at(spot: Spot) -> socket.socket:
    """Listening. Raises OSError. Without SO_REUSEADDR a port of who has just ended would be busy a minute."""
    made = socket.socket(spot.family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(spot.address)
        made.listen(_BACKLOG)
    except OSError:
        made.close()
        raise
    return made
