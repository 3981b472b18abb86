"""Keeps a scrape server for each stack whose manifest says so (`metrics.listen`), as long as it says so."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from controller.loop.grace import Grace
from controller.loop.window import Window
from controller.model.errors import ControllerError
from controller.model.metrics import Listening
from controller.model.names import Instant
from controller.web.scrapeserver import ScrapeServer

AGAIN = 10.0
"""Seconds after which is tried again what could not be served."""
_LAST_PATIENCE = 2.0
"""Seconds that an engine which is asked for its gateway is waited for at the end."""


class Scrapers:
    """Begun, moved and ended as manifests change. Closed once the loop has ended, or never begun to turn."""

    def __init__(self, window: Window, *, discovery: bool = True) -> None:
        self._window, self._discovery = window, discovery
        self._wanted: Mapping[str, Listening] = {}
        self._open: dict[str, tuple[Listening, ScrapeServer]] = {}
        self._due: dict[str, tuple[Listening, float]] = {}
        """When what could not be served is tried again, unless something else is wanted by then."""
        self._troubled: dict[str, str] = {}
        """What was told of them."""
        self._failed: set[str] = set()
        """Whose servers have ended by themselves."""
        self._wake, self._ended = threading.Event(), threading.Event()
        self._grace = Grace(_LAST_PATIENCE)
        self._thread: threading.Thread | None = None
        self._look()
        window.on_turn(self._look)

    def stop(self) -> None:
        """Begin to end."""
        self._grace.begin()
        self._ended.set()
        self._wake.set()
        for _, server in tuple(self._open.values()):
            server.stop()

    def close(self) -> None:
        self.stop()
        if self._thread is not None:
            self._thread.join(self._grace.left)
        for stack in tuple(self._open):
            self._end(stack)

    def _look(self, now: Instant = 0.0) -> None:
        """The loop's thread: is something else wanted?"""
        wanted = self._window.listening()
        if wanted == self._wanted or self._ended.is_set():
            return
        self._wanted = wanted
        self._wake.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep, name="scrapers", daemon=True)
            self._thread.start()

    # --- the thread

    def _keep(self) -> None:
        while not self._ended.is_set():
            self._wake.clear()
            self._arrange(self._wanted)
            self._wake.wait(self._pause())

    def _pause(self) -> float | None:
        """Seconds until something is tried again; None: until something changes."""
        soonest = min((due for _, due in self._due.values()), default=None)
        return None if soonest is None else max(0.0, soonest - time.monotonic())

    def _arrange(self, wanted: Mapping[str, Listening]) -> None:
        """First what is to go: its port may be wanted by another."""
        for stack, (listening, _) in tuple(self._open.items()):
            if wanted.get(stack) != listening:
                self._end(stack)
        for stack in self._troubled.keys() - wanted.keys():
            self._forget(stack)
        while self._failed:
            self._put_off(self._failed.pop())
        for stack, listening in wanted.items():
            if stack not in self._open and self._is_due(stack, listening):
                self._begin(stack, listening)

    def _is_due(self, stack: str, listening: Listening) -> bool:
        tried, due = self._due.get(stack, (None, 0.0))
        return tried != listening or time.monotonic() >= due

    def _put_off(self, stack: str) -> None:
        """A server that has failed is gone; the next one comes after a while."""
        if stack in self._open:
            self._due[stack] = (self._open[stack][0], time.monotonic() + AGAIN)
            self._end(stack)

    def _end(self, stack: str) -> None:
        _, server = self._open.pop(stack)
        server.close()

    def _forget(self, stack: str) -> None:
        self._troubled.pop(stack, None)
        self._due.pop(stack, None)

    def _begin(self, stack: str, listening: Listening) -> None:
        try:
            server = ScrapeServer(
                self._window, stack, listening, lambda why: self._fail(stack, why), discovery=self._discovery
            )
        except ControllerError as error:
            self._tell(stack, error.whole)
            self._due[stack] = (listening, time.monotonic() + AGAIN)
            return
        self._open[stack] = (listening, server)
        if stack in self._troubled:
            self._forget(stack)
            self._window.say(stack, "MetricsServed", f"metrics are served on {listening.address}", warning=False)

    def _tell(self, stack: str, message: str) -> None:
        """Once, as long as it stays the same."""
        if self._troubled.get(stack) != message:
            self._troubled[stack] = message
            self._window.say(stack, "MetricsNotServed", message)

    def _fail(self, stack: str, why: str) -> None:
        """From a server's own thread: it cannot go on."""
        self._tell(stack, f"the server of metrics has ended: {why} (it is begun again)")
        self._failed.add(stack)
        self._wake.set()
