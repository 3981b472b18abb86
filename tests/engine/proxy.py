"""A way to the engine that can be shut: a unix socket in front of Docker's that answers, refuses or hangs."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

DOCKER = "/var/run/docker.sock"


class EngineProxy:
    """Copies bytes both ways. `refuse` cuts every connection and takes no other; `hang` lets them stand still."""

    def __init__(self, path: Path) -> None:
        self.path = path
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
        self._listener.close()

    def refuse(self) -> None:
        """As if dockerd had ended: open calls break, new ones are refused."""
        self._refusing = True
        self._answering.set()
        self.path.unlink(missing_ok=True)
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
            self._listener.close()
            self._listener = _listen(self.path)
            threading.Thread(target=self._accept, daemon=True).start()
        self._answering.set()

    def sent(self, data: bytes) -> None:
        """For those who want to know what is asked."""

    def _accept(self) -> None:
        listener = self._listener
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        far = socket.socket(socket.AF_UNIX)
        with near, far, contextlib.suppress(OSError):
            with self._lock:
                self._open |= {near, far}
            far.connect(DOCKER)
            self._copy(near, far)
        with self._lock:
            self._open -= {near, far}

    def _copy(self, near: socket.socket, far: socket.socket) -> None:
        chooser = selectors.DefaultSelector()
        chooser.register(near, selectors.EVENT_READ, far)
        chooser.register(far, selectors.EVENT_READ, near)
        while chooser.get_map():
            for key, _ in chooser.select():
                source: socket.socket = key.fileobj  # type: ignore[assignment]
                data = source.recv(65536)
                self._answering.wait()
                if source is near:
                    self.sent(data)
                if data:
                    key.data.sendall(data)
                else:
                    chooser.unregister(source)
                    with contextlib.suppress(OSError):
                        key.data.shutdown(socket.SHUT_WR)


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(128)
    return listener
