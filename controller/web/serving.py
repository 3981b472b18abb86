"""uvicorn as we need it: no signal handlers, no ticking at rest, and nobody who says nothing holds a connection."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from controller.web.guard import App

_LOOK_EVERY = 0.25
"""Seconds between two looks whether to end; uvicorn's own ten a second take a quarter of a percent of a core."""


class QuietServer(uvicorn.Server):
    """Wakes seldom, and says at the beginning of its end that followers are to go."""

    def __init__(self, config: uvicorn.Config, on_end: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_end = on_end

    async def main_loop(self) -> None:
        while not self.should_exit:
            await asyncio.sleep(_LOOK_EVERY)
        self._on_end()


REQUEST_SECONDS = 10.0
"""Within which a client has sent a whole request, and after an answer sends the next one."""


class ImpatientProtocol(H11Protocol):
    """Hangs up on who has not sent a whole request, head and body, within that time (slowloris)."""

    _waits: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.more_body and not self.cycle.response_complete:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._stop_waiting()
        self._waits = self.loop.call_later(REQUEST_SECONDS, self._hang_up)

    def _stop_waiting(self) -> None:
        if self._waits is not None:
            self._waits.cancel()
            self._waits = None

    def _hang_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


class ImpatientLoop(asyncio.SelectorEventLoop):
    """Who begins a TLS handshake has no more time for it than for a request (asyncio gives a minute)."""

    async def create_server(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("ssl") is not None:
            kwargs["ssl_handshake_timeout"] = REQUEST_SECONDS
        return await super().create_server(*args, **kwargs)


def make_server(app: App, settings: Mapping[str, Any], *, on_end: Callable[[], None], patience: float) -> QuietServer:
    """To be run on a thread that is not the main one, where it touches no signals."""
    for name in ("uvicorn.error", "asyncio"):  # what clients do wrong is no line on the screen of `run`
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False
    config = uvicorn.Config(
        app,
        http=ImpatientProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=int(REQUEST_SECONDS),
        timeout_graceful_shutdown=int(patience),
        h11_max_incomplete_event_size=16 * 1024,
        **settings,
    )
    return QuietServer(config, on_end)
