"""Judges: how many containers are started at once, and how many services may be starting, on a machine as it is. Pure.

What starts cost was measured on two cores (Docker 20.10.24, eight containers on a network of their own, medians of
rounds in turn): one at a time 2.20 s for all, two 1.60, three 1.42, four 1.42, six 1.41. On another engine (26.1.5)
1, 2, 3 and 6 at once took 331, 381, 512 and 984 ms. So more than cores + 1 buys nothing. Nor does less where others
keep the cores busy: at a load of ten two at a time took 3.06 s, three 2.14, since each has its share. So the
processor's pressure is no reason for fewer. Beside two that write to the disk two took 3.18 s, three 3.27 and one 5.24:
there one fewer costs nothing. Memory is what all of them keep.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from controller.resources.pressure import NO_PRESSURE, Pressure

STALLED = (0.05, 0.4)
"""Shares of the time in which some task waits for memory: up to the first all is well, from the second on one start at
a time is plenty. Such waits are pages that are read again: there are next to none on a machine with room."""

LEFT = (0.05, 0.15)
"""Shares of its memory that are available: from the second on there is room, at the first there is none."""

ROOMY = 0.5
"""Share of available memory from which on such waits are not the machine's: a container that has come to its own limit
has its pages read again and again, whatever the machine has left."""

QUEUED = 0.5
"""Share of the time in which some task waits for a disk, from which on one start fewer is made at once."""

NARROW = 0.5
"""Of the room for starts, from which on it is also bounded how many services may be on their way to ready."""


class Machine(NamedTuple):
    """What is known of the engine's machine. `memory_left`: the share of its memory that is available."""

    cores: int
    pressure: Pressure = NO_PRESSURE
    memory_left: float | None = None


def starts_at_once(machine: Machine) -> int:
    """Calls that start a container, at once: cores + 1, fewer under pressure, never less than one."""
    most = machine.cores if _is_queued(machine) else machine.cores + 1
    return _part(most, _memory(machine))


def slots(machine: Machine) -> int | None:
    """Services that may be starting until they are ready, at once; None: as many as there are.

    Most of them sleep most of that time: only what they keep all the while, memory, is a reason to hold others back.
    """
    room = _memory(machine)
    return None if room > NARROW else _part(machine.cores + 1, room)


def tell_squeeze(machine: Machine) -> str:
    """What makes it fewer, with its numbers; "": nothing."""
    stall, left, disk = _stall(machine), machine.memory_left, machine.pressure.io
    said = []
    if left is not None and _above(left, LEFT) < 1.0:
        said.append(f"{left:.0%} of the memory is free")
    if _below(stall, STALLED) < 1.0:
        said.append(f"tasks wait for memory {stall:.0%} of the time")
    if disk is not None and _is_queued(machine):
        said.append(f"tasks wait for the disk {disk:.0%} of the time")
    return ", ".join(said)


def _part(most: int, room: float) -> int:
    return 1 + math.floor((most - 1) * room + 1e-9)


def _memory(machine: Machine) -> float:
    left = machine.memory_left
    return min(_below(_stall(machine), STALLED), 1.0 if left is None else _above(left, LEFT))


def _stall(machine: Machine) -> float:
    roomy = machine.memory_left is not None and machine.memory_left >= ROOMY
    return 0.0 if roomy else machine.pressure.memory or 0.0


def _is_queued(machine: Machine) -> bool:
    return machine.pressure.io is not None and machine.pressure.io >= QUEUED


def _above(share: float, bounds: tuple[float, float]) -> float:
    """0 at the lower bound and below, 1 at the upper one and above."""
    low, high = bounds
    return min(max((share - low) / (high - low), 0.0), 1.0)


def _below(share: float, bounds: tuple[float, float]) -> float:
    return 1.0 - _above(share, bounds)
