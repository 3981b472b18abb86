"""Brings news to one channel, on a thread of its own: a channel that is down delays itself, and nobody else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from controller.alerts.notices import Notice
from controller.model.alert import Severity
from controller.model.errors import ControllerError
from controller.model.names import Instant

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
"""Seconds after a message that was not taken, doubled each time."""

_Key = tuple[str, Severity, bool, Instant]


class Ways(NamedTuple):
    """What a courier needs. `send` raises ControllerErrors; the other two are called from the courier's thread."""

    send: Callable[[Notice], None]
    on_told: Callable[[Notice], None]
    on_trouble: Callable[[str], None]
    """Once for each trouble: why a message was not taken."""


class Courier:
    """One channel's. `want` says all that the channel does not know yet, each time anew."""

    def __init__(self, name: str, ways: Ways) -> None:
        self._ways = ways
        self._changed = threading.Condition()
        self._wanted: dict[_Key, Notice] = {}
        self._told: set[_Key] = set()
        self._ended = False
        threading.Thread(target=self._run, name=f"courier {name}", daemon=True).start()

    def want(self, notices: Iterable[Notice]) -> None:
        """Nothing but these is to be brought from now on. Never blocks."""
        wanted = {_key(notice): notice for notice in notices}
        with self._changed:
            self._told &= wanted.keys()  # the others are written down by now
            self._wanted = {key: notice for key, notice in wanted.items() if key not in self._told}
            self._changed.notify()

    def close(self) -> None:
        """Bring nothing more; a message that is under way is not waited for."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def _run(self) -> None:
        pause, trouble = 0.0, ""
        while (item := self._next(pause)) is not None:
            key, notice = item
            before, trouble = trouble, self._try(notice)
            with self._changed:
                self._wanted.pop(key, None)
                if trouble:
                    self._wanted[key] = notice  # behind the others: it may be the message that is at fault
                else:
                    self._told.add(key)
            if not trouble:
                pause = 0.0
                self._ways.on_told(notice)
            else:
                pause = min(max(FIRST_PAUSE, 2 * pause), LONGEST_PAUSE)
                if trouble != before:
                    self._ways.on_trouble(trouble)

    def _try(self, notice: Notice) -> str:
        """Why it was not taken; "": it was."""
        try:
            self._ways.send(notice)
        except ControllerError as error:
            return error.message
        except Exception as error:  # a library's fault with one message is no end of all others
            return type(error).__name__
        return ""

    def _next(self, pause: float) -> tuple[_Key, Notice] | None:
        """The oldest that is wanted, after the pause; None: it is over."""
        until = time.monotonic() + pause
        with self._changed:
            while not self._ended:
                left = until - time.monotonic()
                if left <= 0 and self._wanted:
                    return next(iter(self._wanted.items()))
                self._changed.wait(left if left > 0 else None)
            return None


def _key(notice: Notice) -> _Key:
    """One message: what is told, after what was told before."""
    alert, before = notice.alert, notice.alert.told.get(notice.channel)
    return alert.id, alert.severity, alert.resolved_at is not None, before.at if before is not None else 0.0
