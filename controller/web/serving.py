"""uvicorn as we need it: no signal handlers, no ticking at rest, and nobody who says nothing holds a connection."""

from __future__ import annotations

import asyncio
import logging
import math
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
"""Within which a client has sent a whole request, and after an answer begins with the next one."""

_TAKEN = 64 * 1024
"""Bytes: who takes so much of an answer in that time, or half of what is left, has as much time again."""


class ImpatientProtocol(H11Protocol):
    """Hangs up on who has not sent a whole request, head and body, within that time (slowloris), or takes no answer."""

    _waits: asyncio.TimerHandle | None = None
    _untaken: float = 0
    _between = False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        if self._between:  # the next request has its own time
            self._between = False
            self._wait()
        super().data_received(data)

    def handle_events(self) -> None:
        super().handle_events()
        self._give_time()

    def on_response_complete(self) -> None:
        self._between = True
        self._wait()
        super().on_response_complete()  # may begin with the next request, which came along with this one

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._give_time()

    def timeout_keep_alive_handler(self) -> None:
        """The time between two requests is counted here, along with how much of the last answer is taken."""

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _give_time(self) -> None:
        """While it is us who are awaited."""
        answering = self.cycle is not None and not self.cycle.more_body and not self.cycle.response_complete
        if answering and not self.flow.write_paused:
            self._stop_waiting()

    def _wait(self, untaken: float = math.inf) -> None:
        self._stop_waiting()
        self._untaken = untaken
        self._waits = self.loop.call_later(REQUEST_SECONDS, self._hang_up)

    def _stop_waiting(self) -> None:
        if self._waits is not None:
            self._waits.cancel()
            self._waits = None

    def _hang_up(self) -> None:
        """At once: to close would wait until the rest is taken."""
        left = unsent(self.transport)
        if 0 < left <= max(self._untaken / 2, self._untaken - _TAKEN):
            self._wait(left)
        else:
            self.transport.abort()


def unsent(transport: asyncio.Transport) -> int:
    """Bytes that the system has not taken yet. Of TLS asyncio counts only what is not encrypted and handed on."""
    below = getattr(getattr(transport, "_ssl_protocol", None), "_transport", None)
    return transport.get_write_buffer_size() + (below.get_write_buffer_size() if below is not None else 0)


_NO_TIME_OF_ITS_OWN = 24 * 60 * 60.0
"""Seconds: `ImpatientProtocol` hangs up long before."""


class ImpatientLoop(asyncio.SelectorEventLoop):
    """TLS: no more time for a handshake than for a request (asyncio gives a minute), and at the end no time of its own
    (half a minute, in which a slow client has not taken a long answer)."""

    async def create_server(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("ssl") is not None:
            kwargs["ssl_handshake_timeout"] = REQUEST_SECONDS
            kwargs["ssl_shutdown_timeout"] = _NO_TIME_OF_ITS_OWN
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
