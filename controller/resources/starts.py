"""Senses: how many starts the engine's machine bears now. Looked at at any time, read once a second at most."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress

from controller.engines.base import EngineInfo
from controller.resources.parallelism import Machine, slots, starts_at_once, tell_squeeze
from controller.resources.pressure import read_pressure

_LASTS = 1.0
"""Seconds for which a reading holds: what the kernel tells are means over ten."""


class Starts:
    """From any thread: a reading is a value that is swapped whole."""

    def __init__(self, read: Callable[[], Machine], clock: Callable[[], float] = time.monotonic) -> None:
        self._read, self._clock = read, clock
        self._machine: tuple[float, Machine] | None = None

    def at_once(self) -> int:
        """Calls that start a container, at once."""
        return starts_at_once(self._look())

    def slots(self) -> int | None:
        """Services that may be starting at once; None: as many as there are."""
        return slots(self._look())

    def tell(self) -> str:
        """Why these are fewer than usual; "": they are not."""
        return tell_squeeze(self._look())

    def _look(self) -> Machine:
        known, now = self._machine, self._clock()
        if known is None or now - known[0] >= _LASTS:
            self._machine = known = (now, self._read())
        return known[1]


def count_cores() -> int:
    """Those that we may use: the engine's too, as long as it has not said what it has."""
    return len(os.sched_getaffinity(0))


def cores_of(engine: EngineInfo | None) -> int:
    """Of the machine on which its containers run."""
    return count_cores() if engine is None or engine.cores is None else engine.cores


def read_machine(engine: EngineInfo | None) -> Machine:
    """That of this engine, as it is now: four small files, 0.15 ms (measured), where it is ours.

    psutil would take 15 ms to load, in the way of a start. Of a machine elsewhere only the cores are known, and of a
    virtual one on ours too: how ours fares says nothing of them.
    """
    if engine is None or not engine.shares_host:
        return Machine(cores_of(engine))
    return Machine(cores_of(engine), read_pressure(), _read_memory_left())


def _read_memory_left(path: str = "/proc/meminfo") -> float | None:
    with suppress(OSError, ValueError, IndexError, ZeroDivisionError), open(path, encoding="ascii") as file:
        fields = {line.partition(":")[0]: line.split()[1] for line in file.read(8192).splitlines() if line.strip()}
        if "MemAvailable" in fields and "MemTotal" in fields:
            return int(fields["MemAvailable"]) / int(fields["MemTotal"])
    return None
