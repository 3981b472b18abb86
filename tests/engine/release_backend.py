"""Runs in a container: one release of a web service, HTTP/1.1 with keep-alive. Asked to end it takes no connection
more, finishes what it has and is gone. How it fails is said by its environment."""

import asyncio
import os
import signal
import socket
import sys
import time
from pathlib import Path

NAME = f"{os.environ['RELEASE']} {socket.gethostname()}".encode()
PORT = int(os.environ["PORT"])
READY_AFTER = float(os.environ["READY_AFTER"])
EXIT_AFTER = float(os.environ["EXIT_AFTER"])
TAKES = float(os.environ["TAKES"])
"""Seconds from a request to its answer; others are answered meanwhile."""
LINGERS = 0.05
"""Seconds in which requests that are on their way still arrive after the last word was said."""

_links: "set[Link]" = set()


class State:
    """Of this process."""

    ready = False
    ends = False


class Link(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.text, self.asked = transport, b"", 0
        _links.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        _links.discard(self)

    def data_received(self, data: bytes) -> None:
        self.text += data
        while (request := self._take()) is not None:
            self.asked += 1
            if TAKES:
                asyncio.get_running_loop().call_later(TAKES, self._answer, request)
            else:
                self._answer(request)

    def leave(self) -> None:
        """What was asked is answered first."""
        if not self.asked:
            self.transport.close()

    def _take(self) -> bytes | None:
        """The first line of the next request, once all of it is here."""
        head, end, rest = self.text.partition(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        if not end or len(rest) < size:
            return None
        self.text = rest[size:]
        return head.split(b"\r\n")[0]

    def _answer(self, request: bytes) -> None:
        self.asked -= 1
        status = b"503 Not Ready" if b" /ready " in request and not State.ready else b"200 OK"
        last = b"Connection: close\r\n" if State.ends else b""
        size = b"Content-Length: %d\r\n" % len(NAME)
        self.transport.write(b"HTTP/1.1 " + status + b"\r\n" + size + last + b"\r\n" + NAME)
        if State.ends:
            self.transport.close()


def get_ready() -> None:
    """It says when, so that it can be told how long a start really takes; and a file says it to a health check."""
    State.ready = True
    Path("/tmp/ready").touch()
    print(f"ready {time.time():.6f}", flush=True)


async def serve() -> None:
    loop, ending = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ending.set)
    server = await loop.create_server(Link, "", PORT, backlog=512)
    print(f"listens on {PORT}", flush=True)
    loop.call_later(max(0.0, READY_AFTER), get_ready)
    if EXIT_AFTER > 0:
        loop.call_later(EXIT_AFTER, lambda: os._exit(1))  # with whatever it has in its hands
    await ending.wait()
    State.ends = True
    server.close()
    await asyncio.sleep(LINGERS)
    for link in tuple(_links):
        link.leave()
    while _links:
        await asyncio.sleep(0.01)


if EXIT_AFTER == 0:
    sys.exit("this release crashes at its start")
asyncio.run(serve())
