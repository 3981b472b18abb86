"""uvicorn as we need it: no signal handlers, no ticking at rest, and nobody who says nothing holds a connection."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Mapping
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from controller.web.guard import HEADERS, App

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
    _is_deaf = False
    _tls: Any = None
    """asyncio's `SSLProtocol`. Its transport forgets it when it is closed twice, and can then end nothing any more."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._tls = getattr(transport, "_ssl_protocol", None)
        if self._tls is not None:  # else half a megabyte more waits before we hear that nothing is taken
            transport.set_write_buffer_limits(high=1, low=0)
        self._wait()

    def data_received(self, data: bytes) -> None:
        if self._between:  # the next request has its own time
            self._between = False
            self._wait()
        super().data_received(data)

    def eof_received(self) -> None:
        """Over TLS what is written from now on is dropped, and nobody is told."""
        self._is_deaf = True
        super().eof_received()

    def on_response_complete(self) -> None:
        self._between = True
        self._wait()
        super().on_response_complete()  # may begin with the next request, which came along with this one

    def send_400_response(self, msg: str) -> None:
        """To what is no HTTP: no request that the guard could answer."""
        own = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"cache-control", b"no-store"),
            (b"connection", b"close"),
        ]
        for event in (h11.Response(status_code=400, headers=[*HEADERS, *own]), h11.Data(data=msg.encode())):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.write(self.conn.send(h11.EndOfMessage()) or b"")
        self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait()

    def timeout_keep_alive_handler(self) -> None:
        """The time between two requests is counted here, along with how much of the last answer is taken."""

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waits is not None:
            self._waits.cancel()
        super().connection_lost(exc)

    def _wait(self, untaken: float = math.inf) -> None:
        if self._waits is not None:
            self._waits.cancel()
        self._untaken = untaken
        self._waits = self.loop.call_later(REQUEST_SECONDS, self._look)

    def _look(self) -> None:
        """Hangs up at once where it does: to close would wait until the rest is taken."""
        if self._is_awaited:
            self._wait()
            return
        transport = self.transport if self._tls is None else self._tls._transport
        if transport is None:  # it is gone
            return
        left = transport.get_write_buffer_size() + (self._tls._get_write_buffer_size() if self._tls is not None else 0)
        if 0 < left <= max(self._untaken / 2, self._untaken - _TAKEN):
            self._wait(left)
        else:
            transport.abort()

    @property
    def _is_awaited(self) -> bool:
        """The client has said all, takes what is said, and waits for more."""
        answering = self.cycle is not None and not self.cycle.more_body and not self.cycle.response_complete
        is_deaf = self._is_deaf or getattr(self._tls, "_eof_received", False)  # it is not said while we do not read
        return answering and not (self.flow.write_paused or self.transport.is_closing() or is_deaf)


_LONGEST_END = 600.0
"""Seconds for which a TLS connection that we have closed may be taken from; `ImpatientProtocol` hangs up before."""


class ImpatientLoop(asyncio.SelectorEventLoop):
    """TLS: no more time for a handshake than for a request (asyncio gives a minute), and more for the end (half a
    minute, in which a slow client has not taken a long answer)."""

    async def create_server(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("ssl") is not None:
            kwargs["ssl_handshake_timeout"] = REQUEST_SECONDS
            kwargs["ssl_shutdown_timeout"] = _LONGEST_END
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
        timeout_graceful_shutdown=int(patience),
        h11_max_incomplete_event_size=16 * 1024,
        **settings,
    )
    return QuietServer(config, on_end)
