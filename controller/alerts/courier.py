"""Brings news to one channel, on a thread of its own: a channel that is down delays itself, and nobody else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from controller.alerts.notices import Notice
from controller.model.errors import ControllerError

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
"""Seconds after a message that was not taken, doubled each time."""


class Ways(NamedTuple):
    """What a courier needs. `send` raises ControllerErrors; the other two are called from the courier's thread."""

    send: Callable[[Notice], None]
    on_told: Callable[[Notice], None]
    """It was taken: nothing more of this alert is brought until `confirm`."""
    on_trouble: Callable[[Notice, str], None]
    """Once for each trouble: why a message was not taken."""


class Courier:
    """One channel's. `want` says all that the channel does not know yet, each time anew."""

    def __init__(self, name: str, ways: Ways) -> None:
        self._ways = ways
        self._changed = threading.Condition()
        self._wanted: dict[str, Notice] = {}
        """By alert, as are the other two."""
        self._failed: set[str] = set()
        self._taken: set[str] = set()
        self._pause = 0.0
        self._turn = 0
        self._ended = False
        threading.Thread(target=self._run, name=f"courier {name}", daemon=True).start()

    def want(self, notices: Iterable[Notice]) -> None:
        """Nothing but these is to be brought from now on. Never blocks."""
        with self._changed:
            self._wanted = {notice.alert.id: notice for notice in notices}
            self._failed &= self._wanted.keys()
            self._changed.notify()

    def confirm(self, alert: str) -> None:
        """It is written down what the channel was told of it; `want` says what there is beyond that."""
        with self._changed:
            self._taken.discard(alert)
            self._changed.notify()

    def close(self) -> None:
        """Bring nothing more; a message that is under way is not waited for."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def _run(self) -> None:
        trouble = ""
        while (notice := self._next()) is not None:
            before, trouble = trouble, self._try(notice)
            with self._changed:
                if trouble:
                    self._failed.add(notice.alert.id)
                    self._pause = min(max(FIRST_PAUSE, 2 * self._pause), LONGEST_PAUSE)
                else:
                    self._failed.discard(notice.alert.id)
                    self._taken.add(notice.alert.id)
                    self._pause = 0.0
            if not trouble:
                self._ways.on_told(notice)
            elif trouble != before:
                self._ways.on_trouble(notice, trouble)

    def _try(self, notice: Notice) -> str:
        """Why it was not taken; "": it was."""
        try:
            self._ways.send(notice)
        except ControllerError as error:
            return error.message
        except Exception as error:  # a library's fault with one message is no end of all others
            return type(error).__name__
        return ""

    def _next(self) -> Notice | None:
        """What was not tried yet, at once; what was not taken, after the pause. None: it is over."""
        until = time.monotonic() + self._pause
        with self._changed:
            while not self._ended:
                left = until - time.monotonic()
                open_ = [notice for name, notice in self._wanted.items() if name not in self._taken]
                fresh = [notice for notice in open_ if notice.alert.id not in self._failed]
                if fresh or (open_ and left <= 0):
                    return fresh[0] if fresh else self._rotate(open_)
                self._changed.wait(left if open_ else None)
            return None

    def _rotate(self, failed: list[Notice]) -> Notice:
        """Each in its turn: it may be the message that is at fault."""
        self._turn += 1
        return failed[self._turn % len(failed)]
