"""What a reconciler works with, and the keys under which the loop's queue holds what is to be looked at."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from controller.engines.base import Engine
from controller.health.prober import Prober
from controller.loop.auditor import AuditBook
from controller.loop.executor import Executor
from controller.loop.queue import Queue
from controller.loop.rooms import Rooms
from controller.model.names import Instant
from controller.model.status import Event, StackStatus
from controller.resources.starts import Starts


class Key(NamedTuple):
    """What the queue holds: a service to look at, or the whole stack."""

    stack: str
    service: str | None = None


@dataclass(frozen=True, slots=True)
class Tools:
    """What a reconciler works with. `tell` and `show` are called from the loop's thread, quickly.

    `starts`: how many the engine's machine bears; None: nobody knows. `rooms`: what it has room for. `audit`:
    where what is done is written down.
    """

    engine: Engine
    executor: Executor
    prober: Prober | None
    queue: Queue[Key]
    now: Callable[[], Instant]
    tell: Callable[[Event], None]
    show: Callable[[StackStatus], None]
    starts: Starts | None = None
    rooms: Rooms = field(default_factory=lambda: Rooms(None, time.time))
    audit: AuditBook | None = None

    @property
    def lost(self) -> str | None:
        """Why acts are not in the audit log; None: they are."""
        return self.audit.trouble if self.audit is not None else None
