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


class Door(socket.socket):
    """Listens, and lets only so many in at once: each is a file, and the loop needs some too. Who comes then finds it
    closed, whether they would have said something or not."""

    most = 0
    _inside: tuple[socket.socket, ...] = ()

    def accept(self) -> tuple[socket.socket, Any]:
        made, address = super().accept()
        self._inside = tuple(one for one in self._inside if one.fileno() != -1)
        if len(self._inside) >= self.most:
            made.close()
            raise ConnectionAbortedError(errno.ECONNABORTED, "enough are in")
        self._inside = (*self._inside, made)
        return made, address


def listen_at(spot: Spot, most: int) -> Door:
    """Listening, for `most` connections at once. Raises OSError.

    Without SO_REUSEADDR a port of who has just ended would be busy a minute.
    """
    made = Door(spot.family, socket.SOCK_STREAM)
    made.most = most
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(spot.address)
        made.listen(_BACKLOG)
    except OSError:
        made.close()
        raise
    return made
