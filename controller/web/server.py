"""The server beside the loop: binds at once, serves from a thread of its own, ends when it is told to."""

from __future__ import annotations

import errno
import os
import secrets
import socket
import time
from contextlib import suppress
from typing import Any

from controller import failpoints
from controller.loop.tokenbook import TokenBook, take_key
from controller.loop.window import Window
from controller.model.errors import ControllerError
from controller.model.serving import Serving
from controller.web.binding import Spot, find_spot, listen_at
from controller.web.callers import Doors
from controller.web.guard import Place
from controller.web.hosting import Hosted, Hosting
from controller.web.keys import ADDRESS_FILE, Address, Keys, read_token

_MOST_PORTS = 100
"""Ports that are tried, one after the other."""
_CONNECTIONS = 512
"""Open at once."""


class ApiServer:
    """Serves until closed. Where the manifest or the command line wants it beyond this machine, over TLS only."""

    def __init__(self, window: Window, serving: Serving) -> None:
        if not serving.is_local and serving.certificate is None:
            message = f"the API on {serving.host} could be reached from other machines without TLS"
            raise ControllerError(message, hint="give a Controller manifest api.tls, or listen on 127.0.0.1")
        self._window = window
        self._serving = serving
        epoch = secrets.token_hex(8)
        token, book = read_token(window.root), TokenBook(window.folder, take_key(os.environ), window.seals())
        self._socket = find_port(serving)
        port = self._socket.getsockname()[1]
        self.keys = Keys(token, epoch, port)
        self._doors = Doors(self.keys, book, lambda: window.serving().access)
        self._place = Place(serving.scheme, port, find_names(serving))
        self._open_book(book)
        self.address = Address(f"{serving.scheme}://{_host(serving)}:{self._place.port}", epoch)
        self.address.write(window.folder)
        self._hosting = Hosting("api", self._socket, self._make, self._tell_failure)

    def make_link(self) -> str:
        """It opens the dashboard once."""
        return self.address.link(self.keys.make_code())

    def stop(self) -> None:
        """Begin to end: followers are sent home."""
        self._hosting.stop()

    def close(self) -> None:
        """What is being answered has two seconds."""
        self._hosting.close()
        if Address.read(self._window.folder) == self.address:  # and not another controller's on this engine
            with suppress(OSError), failpoints.around("disk.address"):
                (self._window.folder / ADDRESS_FILE).unlink()

    def _open_book(self, book: TokenBook) -> None:
        """One that cannot be read opens nothing; all else is served."""
        try:
            book.settle(time.time())
        except ControllerError as error:
            self._window.tell("TokensUnreadable", f"no issued token is valid: {error.message} ({error.hint})")

    def _tell_failure(self, message: str) -> None:
        self._window.tell("ApiFailed", f"the API has ended: {message}")

    def _make(self) -> Hosted:
        from controller.web.app import make_app
        from controller.web.desk import Desk
        from controller.web.feed import Feed
        from controller.web.scrapes import View

        feed, view = Feed(), View(self._window, discovery=self._serving.discovery)
        cookie = cookie_name(self._place)
        app = make_app(Desk(self._window, feed, self._doors, self._place, cookie), view)
        settings: dict[str, Any] = {}
        if self._serving.certificate is not None:
            settings = {"ssl_certfile": self._serving.certificate, "ssl_keyfile": self._serving.key}
        return Hosted(app, settings, feed.close)


def _host(serving: Serving) -> str:
    return f"[{serving.host}]" if ":" in serving.host else serving.host


def cookie_name(place: Place) -> str:
    """Cookies go to every port of a host: each has one of its own. Over TLS no other host can set it (`__Host-`)."""
    return f"{'__Host-' if place.scheme == 'https' else ''}controller_{place.port}"


def find_port(serving: Serving) -> socket.socket:
    """The port that was asked for, or the next one that is free. Raises ControllerError."""
    try:
        spot = find_spot(serving.host, serving.port)
    except OSError as error:
        raise ControllerError(
            f"the API cannot listen on {serving.host}: {error.strerror}", hint="--api 127.0.0.1:7070"
        ) from None
    last = min(serving.port + _MOST_PORTS, 65536) if serving.port else 1
    for port in range(serving.port, last):
        made = _try_bind(spot.at(port))
        if made is not None:
            return made
    message = f"no port from {serving.port} to {last - 1} is free on {serving.host}"
    raise ControllerError(message, hint="name one with --api")


def _try_bind(spot: Spot) -> socket.socket | None:
    """None: somebody has it."""
    try:
        return listen_at(spot, _CONNECTIONS)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return None
        message = f"the API cannot listen on {spot.address[0]}:{spot.address[1]}: {error.strerror}"
        raise ControllerError(message, hint="name another address with --api") from None


def find_names(serving: Serving) -> frozenset[str]:
    """The names by which we may be asked for: our own, and those that the certificate is for."""
    own = frozenset({serving.host.lower()})
    if serving.certificate is None:
        return own
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificate(serving.certificate.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound) as error:
        message = f"{serving.certificate}: no certificate with a name: {error}"
        raise ControllerError(message, hint="see api.tls") from None
    return own | {name.lower() for name in names.get_values_for_type(x509.DNSName)}
