"""Where one stack alone is scraped, beside the API: plain HTTP, a token of its own, nothing to be asked for."""

from __future__ import annotations

import errno
import hmac
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from controller.loop.secret import PRIVATE, read_secret, read_shared
from controller.loop.window import Window
from controller.model.errors import ControllerError
from controller.model.metrics import HOST_GATEWAY, Listening
from controller.web.access import ScrapeAccess
from controller.web.binding import find_spot, listen_at
from controller.web.guard import Place
from controller.web.hosting import Hosted, Hosting
from controller.web.keys import TOKEN_FILE

SCRAPE_FILE = "scrape.token"
_CONNECTIONS = 32
_MENDS = {
    errno.EADDRINUSE: "end what listens there, or name another port in metrics.listen",
    errno.EACCES: "name a port above 1023 in metrics.listen",
    errno.EADDRNOTAVAIL: "name an address of this machine in metrics.listen, such as 127.0.0.1",
}


class ScrapeServer:
    """Serves until closed. Raises ControllerErrors where that cannot be begun."""

    def __init__(
        self, window: Window, stack: str, listening: Listening, on_failure: Callable[[str], None], *, discovery: bool
    ) -> None:
        self._window, self._stack, self._discovery = window, stack, discovery
        self._token = _find_token(window, stack, listening)
        self._port = listening.port
        bound = _bind(listening, _find_host(window, listening))
        self._hosting = Hosting(f"scrape {stack}", bound, self._make, on_failure)

    def stop(self) -> None:
        """Begin to end; `close` waits for it."""
        self._hosting.stop()

    def close(self) -> None:
        """What is being answered has two seconds."""
        self._hosting.close()

    def _make(self) -> Hosted:
        from controller.web.app import make_scrape_app
        from controller.web.scrapes import View

        view = View(self._window, self._stack, self._discovery)
        app = make_scrape_app(view, Place("http", self._port, None), ScrapeAccess(self._token))
        return Hosted(app)


def _find_token(window: Window, stack: str, listening: Listening) -> str:
    """The token that scrapers show; made where there is none. Raises ControllerError."""
    path = listening.token_file
    if path is None:
        return read_secret(window.folder_of(stack) / SCRAPE_FILE, PRIVATE)
    token = read_shared(path, window.root)
    if hmac.compare_digest(token.encode(), _read(window.root / TOKEN_FILE).encode()):
        raise ControllerError(f"{path}: this is the API's token, which opens everything", hint="name another file")
    return token


def _read(path: Path) -> str:
    with suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace").strip()
    return ""


def _find_host(window: Window, listening: Listening) -> str:
    if listening.host != HOST_GATEWAY:
        return listening.host
    found = window.gateway()
    if found is None:
        message = f"metrics cannot be served on {listening.address}: the engine has no default bridge"
        raise ControllerError(message, hint="name an address of this machine in metrics.listen")
    return found


def _bind(listening: Listening, host: str) -> socket.socket:
    try:
        return listen_at(find_spot(host, listening.port), _CONNECTIONS)
    except OSError as error:
        where = listening.address if host == listening.host else f"{listening.address} ({host})"
        message = f"metrics cannot be served on {where}: {error.strerror}"
        mend = _MENDS.get(error.errno or 0, "name another address in metrics.listen")
        raise ControllerError(message, hint=mend) from None
