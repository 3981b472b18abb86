"""The words for how services and stacks are. Loads next to nothing: `ide status` answers within a blink."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """The phase of a service."""

    PENDING = "Pending"
    WAITING = "Waiting"
    STARTING = "Starting"
    READY = "Ready"
    UPDATING = "Updating"
    ROLLING_BACK = "RollingBack"
    DEGRADED = "Degraded"
    CRASH_LOOP = "CrashLoopBackOff"
    FAILED = "Failed"
    COMPLETED = "Completed"
    PAUSED = "Paused"
    STOPPED = "Stopped"


SICK = frozenset({Phase.DEGRADED, Phase.CRASH_LOOP, Phase.FAILED})
"""Phases in which something is wrong."""

AT_REST = frozenset({Phase.READY, Phase.COMPLETED, Phase.STOPPED})
"""Phases of which nothing needs to be said beyond the word, and in which nothing more is to come."""

MOVING = frozenset({Phase.PENDING, Phase.WAITING, Phase.STARTING, Phase.UPDATING, Phase.ROLLING_BACK})
"""Phases of who is on its way."""


class StackPhase(StrEnum):
    """The phase of a stack."""

    CONVERGED = "Converged"
    PROGRESSING = "Progressing"
    DEGRADED = "Degraded"
    FAILED = "Failed"
    PAUSED = "Paused"
    STOPPED = "Stopped"
