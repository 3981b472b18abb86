"""The socket: takes calls one a connection, notes them, and does to each what the first matching rule says."""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.engine.proxy.effects import Effect
from tests.engine.proxy.wire import Request, read_body, read_request

DOCKER = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")


@dataclass(slots=True)
class Rule:
    """What happens to the next `times` calls (None: all) of this method whose path (or path and query) matches."""

    method: str
    path: str
    effect: Effect
    times: int | None = None
    met: int = 0

    def takes(self, request: Request) -> bool:
        spent = self.times is not None and self.met >= self.times
        asked = request.question if "\\?" in self.path else request.path
        return not spent and request.method == self.method and re.fullmatch(self.path, asked) is not None


class EngineProxy:
    """`refuse` cuts every connection and takes no other; `hang` lets all stand still; `answer`: as before."""

    def __init__(self, path: Path, docker: str = DOCKER) -> None:
        self.path, self.docker = path, docker
        self.calls: list[Request] = []
        self._rules: list[Rule] = []
        self._answering = threading.Event()
        self._answering.set()
        self._refusing = False
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = _listen(path)
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.refuse()

    @property
    def host(self) -> str:
        return f"unix://{self.path}"

    # --- faults

    def rule(self, method: str, path: str, effect: Effect, times: int | None = None) -> Rule:
        """From now on. Of several rules that match, the one that was made last counts; `path`: a whole pattern."""
        made = Rule(method, path, effect, times)
        with self._lock:
            self._rules.insert(0, made)
        return made

    def drop(self, rule: Rule) -> None:
        """The rule holds no more."""
        with self._lock:
            self._rules.remove(rule)

    @contextmanager
    def while_ruled(self, method: str, path: str, effect: Effect, times: int | None = None) -> Iterator[Rule]:
        rule = self.rule(method, path, effect, times)
        try:
            yield rule
        finally:
            self.drop(rule)

    def refuse(self) -> None:
        """As if dockerd had ended: open calls break, new ones are refused."""
        self._refusing = True
        self._answering.set()
        self.path.unlink(missing_ok=True)
        _end(self._listener)
        self.cut()

    def cut(self) -> None:
        """Every open connection breaks."""
        with self._lock:
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def hang(self) -> None:
        """Calls are taken; no answer comes."""
        self._answering.clear()

    def answer(self) -> None:
        """As before."""
        if self._refusing:
            self._refusing = False
            self._listener = _listen(self.path)
            threading.Thread(target=self._accept, daemon=True).start()
        self._answering.set()

    def writes(self) -> list[Request]:
        """The calls so far that were to change something."""
        with self._lock:
            return [call for call in self.calls if call.writes]

    def heard(self, call: Request) -> None:
        """For those who want to know what is asked, and when."""

    # --- serving

    def _accept(self) -> None:
        listener = self._listener
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with near, contextlib.suppress(OSError), self._kept(near):
            request = read_request(near)
            if request is None:
                return
            rule = self._find(request)
            self.heard(request)
            self._answering.wait()
            call = _Call(self, request, near)
            if rule is None:
                call.forward()
            else:
                rule.effect(call)

    def _find(self, request: Request) -> Rule | None:
        with self._lock:
            self.calls.append(request)
            rule = next((rule for rule in self._rules if rule.takes(request)), None)
            if rule is not None:
                rule.met += 1
            return rule

    @contextmanager
    def _kept(self, end: socket.socket) -> Iterator[None]:
        with self._lock:
            self._open.add(end)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(end)

    def copy(self, near: socket.socket, far: socket.socket) -> None:
        """Bytes both ways until the daemon has said all."""
        with selectors.DefaultSelector() as chooser, self._kept(far):
            chooser.register(near, selectors.EVENT_READ, far)
            chooser.register(far, selectors.EVENT_READ, near)
            while far.fileno() in {key.fd for key in chooser.get_map().values()}:
                for key, _ in chooser.select():
                    source: socket.socket = key.fileobj  # type: ignore[assignment]
                    data = source.recv(65536)
                    self._answering.wait()
                    if data:
                        key.data.sendall(data)
                        continue
                    chooser.unregister(source)
                    with contextlib.suppress(OSError):
                        key.data.shutdown(socket.SHUT_WR)


@dataclass(frozen=True, slots=True)
class _Call:
    """One call on its way."""

    proxy: EngineProxy
    request: Request
    near: socket.socket

    def ask(self) -> socket.socket:
        """The daemon was asked the whole; its answer is still to be read."""
        return self._send(read_body(self.near, self.request))

    def forward(self) -> None:
        with self._send(self.request.rest) as far:
            self.proxy.copy(self.near, far)

    def _send(self, body: bytes) -> socket.socket:
        far = socket.socket(socket.AF_UNIX)
        far.connect(self.proxy.docker)
        far.sendall(self.request.head() + body)
        return far


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(128)
    return listener


def _end(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
