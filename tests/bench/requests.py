"""Which calls the controller makes, and when: its way to the engine leads through a socket that writes them down."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.engine.proxy import EngineProxy
from tests.engine.proxy.wire import Request as Call


@dataclass(frozen=True, slots=True)
class Request:
    """One call. `at` is monotonic seconds."""

    at: float
    method: str
    path: str

    @property
    def acts(self) -> bool:
        return self.method in ("POST", "PUT", "DELETE")


class RequestLog(EngineProxy):
    """Docker's socket, with a log of what is asked of it. Pings, which ask nothing, are left out."""

    def __init__(self, path: Path) -> None:
        self._log: list[Request] = []
        self._changed = threading.Condition()
        super().__init__(path)

    def heard(self, call: Call) -> None:
        if call.path == "/_ping":
            return
        with self._changed:
            self._log.append(Request(time.monotonic(), call.method, call.question))
            self._changed.notify_all()

    @staticmethod
    def now() -> float:
        return time.monotonic()

    def since(self, instant: float) -> list[Request]:
        with self._changed:
            return [request for request in self._log if request.at >= instant]

    def first(self, instant: float, fits: Callable[[Request], bool], patience: float = 20.0) -> Request:
        """The first such call after that instant. Raises TimeoutError."""
        deadline = time.monotonic() + patience
        with self._changed:
            while True:
                for request in self._log:
                    if request.at >= instant and fits(request):
                        return request
                if not self._changed.wait(deadline - time.monotonic()):
                    raise TimeoutError("the controller made no such call")
