"""What would be done: the rehearsal of a stack, ready to be printed (docs/cli.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.model.desired import Order


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step: `at` seconds from the start, None while times before it are unknown. `replica`: a name for people."""

    stack: str
    at: float | None
    action: str
    service: str
    replica: str | None
    because: str


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
    seconds: float | None = None
    downtime: Mapping[str, float | None] = field(default_factory=dict)
    settles: bool = True
