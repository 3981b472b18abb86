"""Figures scraped from real sockets: whole within their time and their size, or not at all."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from controller.engines.simulated import SimulatedEngine
from controller.model.errors import ControllerError
from controller.model.metrics import CustomMetric
from controller.model.names import ReplicaId, Revision
from controller.model.observed import Replica, ReplicaPhase
from controller.resources.scrape import LARGEST, read_figure

pytestmark = pytest.mark.unit

HERE = Replica(ReplicaId("x"), "shop-web-1", "web", 1, Revision(""), ReplicaPhase.RUNNING, address="127.0.0.1")
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def serve() -> Iterator[Callable[..., int]]:
    """Makes a server that answers each request with these parts, so many seconds apart."""
    listeners: list[socket.socket] = []

    def start(*parts: bytes, pause: float = 0.0) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def answer() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    with client, suppress(OSError):
                        client.recv(4096)
                        for part in parts:
                            client.sendall(part)
                            time.sleep(pause)

        threading.Thread(target=answer, daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def ask(port: int, patience: float = 5.0) -> float:
    return read_figure(SimulatedEngine(), HERE, CustomMetric("jobs", "web", port, "/metrics", "jobs"), patience)


@pytest.mark.parametrize(
    "parts",
    [
        (OK + b"Content-Length: 7\r\n\r\njobs 3\n",),
        (OK + b"\r\n", b"jobs", b" 3\n"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\njobs\r\n3\r\n 3\n\r\n0\r\n\r\n",),
    ],
    ids=["with a length", "to the end", "in chunks"],
)
def test_a_figure(serve: Callable[..., int], parts: tuple[bytes, ...]) -> None:
    assert ask(serve(*parts)) == 3.0


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ((b"HTTP/1.1 404 Not Found\r\n\r\n",), "it answered 404"),
        ((b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n",), "it answered 302"),
        ((b"ssh-2.0\r\n",), "ssh"),
        ((OK + b"\r\n" + b"a 1\n" * (LARGEST // 4 + 1),), "more than 1 MiB"),
        ((OK + b"\r\nother 3\n",), "it exposes no series jobs"),
        ((), "GET"),
    ],
)
def test_what_is_no_figure_says_why(serve: Callable[..., int], parts: tuple[bytes, ...], why: str) -> None:
    with pytest.raises(ControllerError, match=why):
        ask(serve(*parts))


def test_an_answer_that_drips_has_no_more_time_than_another(serve: Callable[..., int]) -> None:
    port, begun = serve(*[b"H"] * 100, pause=0.1), time.monotonic()
    with pytest.raises(ControllerError, match="no whole answer within"):
        ask(port, 0.5)
    assert time.monotonic() - begun < 2.0


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ControllerError, match="refused"):
        ask(port)
