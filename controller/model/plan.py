"""What would be done: the rehearsal of a stack, ready to be printed (docs/cli.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from controller.model.desired import Order


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step: `at` seconds from the start, None while times before it are unknown. `replica`: a name for people.

    `seconds`: how long it usually takes; None: not measured enough.
    """

    stack: str
    at: float | None
    action: str
    service: str
    replica: str | None
    because: str
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class PlannedWait:
    """A wait between two steps: on what, and how long it usually takes (None: unknown, first start)."""

    stack: str
    at: float | None
    service: str
    waits_for: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class PlannedUpdate:
    """How a service is replaced: `because` of what in that order ("": it was asked for), how many at once (0: all).

    `monitor`: seconds for which each new replica is watched. `drain`: seconds that the connections of one that leaves
    may take to end (None: it is not behind the ingress). `hands_over`: the ingress gets its host ports now.
    `pre_stop_delay`: seconds for which one that leaves is out of its names before.
    """

    stack: str
    service: str
    order: Order
    because: str
    parallelism: int
    monitor: float
    drain: float | None = None
    hands_over: bool = False
    pre_stop_delay: float = 0.0


class Doing(StrEnum):
    """What fills a stretch of a service's time."""

    WAIT = "wait"
    """For a dependency, a start slot, or room."""
    PULL = "pull"
    BUILD = "build"
    CREATE = "create"
    START = "start"
    RESTART = "restart"
    READY = "ready"
    """From the end of the start to ready."""
    RUN = "run"
    """A job, to its end."""
    WATCH = "watch"
    """Ready, and watched before it counts (`monitor`)."""
    DRAIN = "drain"
    """Nobody new is led to it, or finds it by name, before it stops."""
    STOP = "stop"
    REMOVE = "remove"


class Bar(NamedTuple):
    """A stretch of time, in seconds from the start. `replica`: a name for people, None for what is the service's.

    `of`: the service that is waited for; `lack`: what of the machine, or of the manifest's bounds, instead.
    """

    doing: Doing
    at: float
    seconds: float
    replica: str | None = None
    of: str = ""
    lack: str = ""

    @property
    def end(self) -> float:
        return self.at + self.seconds


@dataclass(frozen=True, slots=True)
class Row:
    """What one service does in a plan, and when. `critical`: it is on the way that takes longest.

    `unknown_from`: seconds from the start after which nothing of it is known, and no bar is given: how long
    `unknown_doing` takes was not measured enough, or when `unknown_after` is done, the service that it waits for,
    or when it gets its `lack`: a start slot, memory. That is set too where it gets it never.
    """

    stack: str
    service: str
    bars: tuple[Bar, ...] = ()
    unknown_from: float | None = None
    unknown_doing: Doing | None = None
    unknown_after: str = ""
    lack: str = ""
    critical: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """What will not be done, and why. `service` None: the whole stack."""

    stack: str
    service: str | None
    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The rehearsed way from what runs to what is wanted. Seconds; None where nothing was measured yet.

    `settles` is False when the rehearsal never came to rest (a crash loop, an unmet dependency).
    """

    stack: str
    steps: tuple[PlannedStep, ...] = ()
    waits: tuple[PlannedWait, ...] = ()
    held: tuple[Held, ...] = ()
    updates: tuple[PlannedUpdate, ...] = ()
    timeline: tuple[Row, ...] = ()
    """A row for each service that does something."""
    seconds: float | None = None
    downtime: Mapping[str, float | None] = field(default_factory=dict)
    settles: bool = True
