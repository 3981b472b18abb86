"""Which certificate a port serves, found out by a handshake that shows the service's own one as a client's."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from controller.security.leaves import BUNDLE, CHAIN, KEY, read_facts

PATIENCE = 3.0
"""Seconds for all of it."""
_POSTGRES = struct.pack("!II", 8, 80877103)
"""Asks a PostgreSQL server to speak TLS from here on."""
_YES = b"S"
_POSTGRES_PORT = 5432
"""Where it is asked first: what it does not understand it writes into its log, each time."""
_GOODBYE = 0.5
"""Seconds in which the other side may hang up. Who is left without a word tells its log."""


class Shown(NamedTuple):
    """The serial that was served, in hexadecimal; or why there is none. `reached`: somebody answered at all, be it that
    nobody `listens` there."""

    serial: str = ""
    why: str = ""
    reached: bool = True
    listens: bool = True


def see_served(address: str, port: int, folder: Path, patience: float = PATIENCE) -> Shown:
    """With the files of that folder in our hands, as another service of the stack would. Raises nothing."""
    try:
        context = _context(folder)
    except (OSError, ssl.SSLError) as error:
        return Shown(why=f"its own files cannot be used: {error}")
    asks = port == _POSTGRES_PORT
    first = _shake(context, address, port, patience, asks=asks)
    if first.serial or not first.reached:
        return first
    second = _shake(context, address, port, patience, asks=not asks)
    return second if second.serial else first


def _context(folder: Path) -> ssl.SSLContext:
    """Believes everybody: what is looked for is what is served, whoever has signed it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if (folder / BUNDLE).exists():
        context.load_cert_chain(folder / CHAIN, folder / KEY)
    return context


def _shake(context: ssl.SSLContext, address: str, port: int, patience: float, *, asks: bool) -> Shown:
    try:
        with _connected(address, port, patience) as plain:
            if asks and not _begin_postgres(plain):
                return Shown(why="it does not speak TLS")
            with context.wrap_socket(plain) as speaking:
                found = speaking.getpeercert(binary_form=True)
                _part(speaking)
    except ConnectionRefusedError as error:
        return Shown(why=f"nobody listens there: {error.strerror}", listens=False)
    except (ssl.SSLError, ConnectionError) as error:
        return Shown(why=f"no handshake: {error.strerror or error}")
    except OSError as error:
        return Shown(why=f"it cannot be reached: {error.strerror or error}", reached=False)
    facts = read_facts(ssl.DER_cert_to_PEM_cert(found).encode()) if found else None
    return Shown(facts.serial) if facts is not None else Shown(why="it shows no certificate")


@contextmanager
def _connected(address: str, port: int, patience: float) -> Iterator[socket.socket]:
    with socket.create_connection((address, port), patience) as plain:
        plain.settimeout(patience)
        yield plain


def _part(speaking: ssl.SSLSocket) -> None:
    speaking.settimeout(_GOODBYE)
    with suppress(OSError):
        speaking.unwrap()


def _begin_postgres(plain: socket.socket) -> bool:
    plain.sendall(_POSTGRES)
    return plain.recv(1) == _YES
