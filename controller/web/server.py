"""The server beside the loop: binds at once, serves from a thread of its own, ends when it is told to."""

from __future__ import annotations

import asyncio
import errno
import secrets
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from controller import failpoints
from controller.loop.window import Window
from controller.model.errors import ControllerError
from controller.model.serving import Serving
from controller.web.guard import Place
from controller.web.keys import ADDRESS_FILE, Address, Keys, read_token

if TYPE_CHECKING:
    from uvicorn import Server

_MOST_PORTS = 100
"""Ports that are tried, one after the other."""
_BACKLOG = 128
_CONNECTIONS = 512
"""Open at once; who comes then is refused. Each is a file, and the loop needs some too."""
_ENDS = 2.0


class ApiServer:
    """Serves until closed. Where the manifest or the command line wants it beyond this machine, over TLS only."""

    def __init__(self, window: Window, serving: Serving) -> None:
        if not serving.is_local and serving.certificate is None:
            message = f"the API on {serving.host} could be reached from other machines without TLS"
            raise ControllerError(message, hint="give a Controller manifest api.tls, or listen on 127.0.0.1")
        self._window = window
        self._serving = serving
        epoch = secrets.token_hex(8)
        self.keys = Keys(read_token(window.root), epoch)
        self._socket = bind(serving)
        self._place = Place(serving.scheme, self._socket.getsockname()[1], find_names(serving))
        self.address = Address(f"{serving.scheme}://{_host(serving)}:{self._place.port}", epoch)
        self.address.write(window.folder)
        self._server: Server | None = None
        self._closing = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="api", daemon=True)
        self._thread.start()

    def make_link(self) -> str:
        """It opens the dashboard once."""
        return self.address.link(self.keys.make_code())

    def close(self) -> None:
        """Followers are sent home; what is being answered has two seconds."""
        with self._lock:
            self._closing = True
            if self._server is not None:
                self._server.should_exit = True
        self._thread.join(_ENDS + 1.0)
        if Address.read(self._window.folder) == self.address:  # and not another controller's on this engine
            with suppress(OSError), failpoints.around("disk.address"):
                (self._window.folder / ADDRESS_FILE).unlink()
        with suppress(OSError):
            self._socket.close()

    def _run(self) -> None:
        """What it needs takes half a second to import; the loop does not wait for that, and clients find us bound."""
        try:
            self._serve()
        except Exception as error:
            if not self._closing:
                self._window.tell("ApiFailed", f"the API has ended: {type(error).__name__}: {error}")

    def _serve(self) -> None:
        from controller.web.app import make_app
        from controller.web.desk import Desk
        from controller.web.feed import Feed
        from controller.web.scrapes import View
        from controller.web.serving import make_server

        feed = Feed()
        view = View(self._window, discovery=self._serving.discovery)
        app = make_app(Desk(self._window, feed, self.keys, self._place), view)
        settings: dict[str, Any] = {"limit_concurrency": _CONNECTIONS}
        if self._serving.certificate is not None:
            settings |= {"ssl_certfile": self._serving.certificate, "ssl_keyfile": self._serving.key}
        server = make_server(app, settings, on_end=feed.close, patience=_ENDS)
        with self._lock:
            self._server = server
            if self._closing:
                return
        asyncio.run(server.serve(sockets=[self._socket]))


def _host(serving: Serving) -> str:
    return f"[{serving.host}]" if ":" in serving.host else serving.host


def bind(serving: Serving) -> socket.socket:
    """The port that was asked for, or the next one that is free. Raises ControllerError."""
    try:
        found = socket.getaddrinfo(serving.host, serving.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ControllerError(
            f"the API cannot listen on {serving.host}: {error.strerror}", hint="--api 127.0.0.1:7070"
        ) from None
    family, _, _, _, address = found[0]
    last = min(serving.port + _MOST_PORTS, 65536) if serving.port else 1
    for port in range(serving.port, last):
        made = _try_bind(family, (address[0], port, *address[2:]))
        if made is not None:
            return made
    message = f"no port from {serving.port} to {last - 1} is free on {serving.host}"
    raise ControllerError(message, hint="name one with --api")


def _try_bind(family: int, address: tuple[Any, ...]) -> socket.socket | None:
    """None: somebody has it. Without SO_REUSEADDR a port of a controller that has just ended would be busy a minute."""
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        if error.errno == errno.EADDRINUSE:
            return None
        message = f"the API cannot listen on {address[0]}:{address[1]}: {error.strerror}"
        raise ControllerError(message, hint="name another address with --api") from None
    return made


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
