"""One HTTP server on a thread of its own, over a socket that is bound already."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from controller.loop.grace import Grace
from controller.web.guard import App

if TYPE_CHECKING:
    from uvicorn import Server

_ENDS = 2.0
"""Seconds that what is being answered has at the end."""


class Hosted(NamedTuple):
    """What is served, uvicorn's settings for it, and what is called as its end begins."""

    app: App
    settings: Mapping[str, Any] = MappingProxyType({})
    on_end: Callable[[], None] = lambda: None


class Hosting:
    """Serves until closed. `make` is called on its thread: what it needs takes half a second to import."""

    def __init__(
        self, name: str, bound: socket.socket, make: Callable[[], Hosted], on_failure: Callable[[str], None]
    ) -> None:
        self._socket, self._make, self._on_failure = bound, make, on_failure
        self._server: Server | None = None
        self._closing = False
        self._grace = Grace(_ENDS + 1.0)
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Begin to end."""
        with self._lock:
            self._closing = True
            self._grace.begin()
            if self._server is not None:
                self._server.should_exit = True

    def close(self) -> None:
        """What is being answered has two seconds from the beginning of the end."""
        self.stop()
        self._thread.join(self._grace.left)
        self._shut()

    def _shut(self) -> None:
        """Nobody waits at a door behind which there is nobody."""
        with suppress(OSError):
            self._socket.close()

    def _run(self) -> None:
        why = "it has ended by itself"
        try:
            self._serve()
        except SystemExit:  # uvicorn's word for an application that does not come up
            pass
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
        if not self._closing:
            self._shut()
            self._on_failure(why)

    def _serve(self) -> None:
        from controller.web.serving import ImpatientLoop, make_server

        hosted = self._make()
        server = make_server(hosted.app, hosted.settings, on_end=hosted.on_end, patience=_ENDS)
        with self._lock:
            self._server = server
            if self._closing:
                return
        with asyncio.Runner(loop_factory=ImpatientLoop) as runner:
            runner.run(server.serve(sockets=[self._socket]))
