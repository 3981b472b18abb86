"""What may happen to one call instead of what it asks for."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.engine.proxy.wire import Request, compose_answer, encode, read_answer, read_body


class Call(Protocol):
    """One call under way: what was asked, by whom, and the way to the daemon."""

    request: Request
    near: socket.socket

    def forward(self) -> None: ...
    def ask(self) -> socket.socket: ...


class Effect(Protocol):
    def __call__(self, call: Call) -> None: ...


@dataclass(frozen=True, slots=True)
class Delay:
    """The daemon gets the call so many seconds later."""

    seconds: float

    def __call__(self, call: Call) -> None:
        time.sleep(self.seconds)
        call.forward()


@dataclass(frozen=True, slots=True)
class Drop:
    """The connection is reset; the daemon never hears of it."""

    def __call__(self, call: Call) -> None:
        read_body(call.near, call.request)


@dataclass(frozen=True, slots=True)
class Hang:
    """No answer, and the daemon never hears of it, until `released` is set."""

    released: threading.Event = field(default_factory=threading.Event)

    def __call__(self, call: Call) -> None:
        self.released.wait()


@dataclass(frozen=True, slots=True)
class Answer:
    """Another answer than the daemon's, which never hears of it. `body`: bytes, text, or anything that is JSON."""

    status: int
    body: Any = field(default_factory=lambda: {"message": "as the test says"})
    headers: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, call: Call) -> None:
        read_body(call.near, call.request)
        call.near.sendall(compose_answer(self.status, encode(self.body), self.headers))


@dataclass(frozen=True, slots=True)
class ApplyThenDrop:
    """The daemon does it, whole; nobody hears of it, or hears something else."""

    instead: Answer | None = None

    def __call__(self, call: Call) -> None:
        with call.ask() as far:
            read_answer(far, call.request.method).read()
        if self.instead is not None:
            self.instead(call)


@dataclass(frozen=True, slots=True)
class Rewrite:
    """The daemon's own answer, changed: JSON in, anything out."""

    change: Callable[[Any], Any]

    def __call__(self, call: Call) -> None:
        with call.ask() as far:
            answer = read_answer(far, call.request.method)
            body = answer.read()
        if answer.status < 300 and body.strip():
            body = encode(self.change(json.loads(body)))
        call.near.sendall(compose_answer(answer.status, body))


def Garble() -> Rewrite:
    """The daemon's answer with its second half overwritten: of the right length, and no JSON."""
    return Rewrite(lambda found: (text := json.dumps(found))[: len(text) // 2] + "\x00" * (len(text) - len(text) // 2))


@dataclass(frozen=True, slots=True)
class Truncate:
    """The head and half of the daemon's body, then the end of the connection. `honest`: without a length."""

    honest: bool = True

    def __call__(self, call: Call) -> None:
        with call.ask() as far:
            answer = read_answer(far, call.request.method)
            body = answer.read()
        half = body[: max(1, len(body) // 2)]
        length = {"Content-Length": len(body)} if self.honest else {}
        whole = compose_answer(answer.status, b"", length)
        head = whole if self.honest else whole.replace(b"Content-Length: 0\r\n", b"")
        call.near.sendall(head + half)


@dataclass(frozen=True, slots=True)
class Lines:
    """A stream of lines (events), changed as it goes by: cut where `change` ends, slower where it sleeps."""

    change: Callable[[Iterator[bytes]], Iterable[bytes]]

    def __call__(self, call: Call) -> None:
        with call.ask() as far:
            answer = read_answer(far, call.request.method)
            head = compose_answer(answer.status, b"", {"Transfer-Encoding": "chunked"})
            call.near.sendall(head.replace(b"Content-Length: 0\r\n", b""))
            for line in self.change(iter(answer.readline, b"")):
                call.near.sendall(b"%x\r\n%b\r\n" % (len(line), line))
            call.near.sendall(b"0\r\n\r\n")
