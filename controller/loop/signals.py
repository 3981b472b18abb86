"""Signals as calls on a thread of their own: a handler could interrupt whoever holds the lock that it needs."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable


class Signals:
    """From its making until `close` each of these signals is handed to `on_signal`. For the main thread to make."""

    def __init__(self, numbers: Iterable[signal.Signals], on_signal: Callable[[int], None]) -> None:
        self._on_signal = on_signal
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        self._wakeup = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, _leave_it_to_the_pipe) for number in numbers}
        self._thread = threading.Thread(target=self._read, name="signals", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """As it was before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        os.close(self._writing)
        self._thread.join()
        os.close(self._reading)

    def _read(self) -> None:
        while numbers := os.read(self._reading, 64):
            for number in numbers:
                if number in self._before:
                    self._on_signal(number)


def _leave_it_to_the_pipe(number: int, frame: object) -> None:
    """The interpreter has written the number already."""
