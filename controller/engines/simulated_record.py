"""One simulated container: what never changes, its state, and what is known beforehand of its process."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import IntEnum
from operator import attrgetter

from controller.engines.simulated_behaviour import Behaviour
from controller.model.desired import DockerRestart
from controller.model.names import Instant
from controller.model.observed import FIRST_PAUSE, Health, Replica, ReplicaPhase


@dataclass(frozen=True, slots=True)
class Nature:
    """What is known beforehand of a container's process, in seconds. `runs`: of a job, to its end; None: for ever."""

    checked: bool = False
    ready_after: float = 1.0
    runs: float | None = None
    policy: DockerRestart = DockerRestart.NO
    retries: int | None = None
    """Of `on-failure`; None: without end."""
    behaviour: Behaviour = field(default_factory=Behaviour)
    lives_on: bool = False
    """A liveness probe calls it alive, ready or not."""


class Happening(IntEnum):
    """What comes by itself."""

    READY = 0
    EXIT = 1
    RETURN = 2
    """Docker's restart policy starts it again."""
    FLAP = 3
    GONE = 4
    LOOK = 5
    """Nothing happens; a call has ended, so there is something to look at."""


_CHANGES = (
    "name",
    "phase",
    "health",
    "ready_since",
    "alive",
    "exit_code",
    "oom_killed",
    "started_at",
    "finished_at",
    "restarts",
    "temporary",
    "last_output",
)
"""Fields of a replica that change in its life; a record has them all. Half the cost of `dataclasses.replace`."""

_KEPT = tuple(field.name for field in fields(Replica) if field.name not in _CHANGES)
_changes = attrgetter(*_CHANGES)
_kept = attrgetter(*_KEPT)


@dataclass(slots=True, eq=False)
class Record:
    """One container: `base` holds what never changes, the rest is its state. `life` numbers its processes."""

    base: Replica
    nature: Nature
    name: str
    phase: ReplicaPhase
    health: Health = Health.NONE
    ready_since: Instant | None = None
    alive: Health = Health.NONE
    exit_code: int | None = None
    oom_killed: bool = False
    started_at: Instant | None = None
    finished_at: Instant | None = None
    restarts: int = 0
    temporary: bool = False
    last_output: str = ""
    life: int = 0
    run: int = 0
    """Which start of its revision the present process is, 1-based."""
    deferred: tuple[Happening, ...] = ()
    """What was due while it was paused."""
    pause: float = FIRST_PAUSE
    frozen: Replica | None = None

    @property
    def service(self) -> str:
        return self.base.service

    @property
    def up(self) -> bool:
        return self.phase in (ReplicaPhase.RUNNING, ReplicaPhase.PAUSED, ReplicaPhase.RESTARTING)

    def freeze(self) -> Replica:
        """The replica as it is now; the same object until something changes."""
        if self.frozen is None:
            changed = dict(zip(_CHANGES, _changes(self), strict=True))
            self.frozen = Replica(**dict(zip(_KEPT, _kept(self.base), strict=True)), **changed)
        return self.frozen


def record_of(replica: Replica, nature: Nature) -> Record:
    """A record that begins as `replica` was seen."""
    changes = dict(zip(_CHANGES, _changes(replica), strict=True))
    return Record(base=replica, nature=nature, frozen=replica, **changes)
