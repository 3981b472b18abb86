"""What the machine is to be kept to: admission, reserve, limits that follow use, clean-up, and quick starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from controller.model.names import ReplicaId


class Amount(NamedTuple):
    """Of memory (bytes) and of processor time (cores)."""

    memory: int = 0
    cpu: float = 0.0


class Limit(NamedTuple):
    """What one replica may have at most: bytes, and cores. None: as much as there is."""

    memory: int | None = None
    cpu: float | None = None


class Bounds(NamedTuple):
    """Between what a limit may be adjusted, in bytes and cores. None: the manifest says nothing of that."""

    min_memory: int | None = None
    max_memory: int | None = None
    min_cpu: float | None = None
    max_cpu: float | None = None


NOTHING, NO_LIMIT, NO_BOUNDS = Amount(), Limit(), Bounds()


class Admission(StrEnum):
    """What becomes of a start that the machine has no room for."""

    ENFORCE = "enforce"
    """It waits."""
    WARN = "warn"
    """It starts, and that is told."""
    OFF = "off"


class AdjustMode(StrEnum):
    OFF = "off"
    RECOMMEND = "recommend"
    APPLY = "apply"


@dataclass(frozen=True, slots=True)
class Reserve:
    """What is kept free for the host: bytes of memory, cores, bytes on the disk of the engine's data."""

    memory: int = 0
    cpu: float = 0.0
    disk: int = 0


NO_RESERVE = Reserve()


@dataclass(frozen=True, slots=True)
class AdjustPolicy:
    """How limits follow use. `headroom` and `step` are shares of a limit, `cooldown` seconds."""

    mode: AdjustMode = AdjustMode.RECOMMEND
    headroom: float = 0.2
    cooldown: float = 600.0
    step: float = 0.25


@dataclass(frozen=True, slots=True)
class CleanupPolicy:
    """What counts as unused, and whether it goes by schedule. `every` and `older_than` in seconds.

    `larger_than`: only items of so many bytes; networks have none. `keep_storage`: bytes of build cache that are kept.
    """

    enabled: bool = False
    every: float = 86400.0
    images: bool = True
    build_cache: bool = False
    older_than: float = 604800.0
    larger_than: int = 0
    keep_storage: int = 10 * 2**30


@dataclass(frozen=True, slots=True)
class HostThresholds:
    """Shares of the machine in use at which an alert is raised, after `lasting` seconds."""

    memory: float = 0.9
    cpu: float = 0.9
    disk: float = 0.85
    lasting: float = 300.0


@dataclass(frozen=True, slots=True)
class ResourcePolicy:
    """The `resources` of a stack."""

    admission: Admission = Admission.WARN
    reserve: Reserve = Reserve()
    adjust: AdjustPolicy = AdjustPolicy()
    cleanup: CleanupPolicy = CleanupPolicy()
    thresholds: HostThresholds = HostThresholds()


@dataclass(frozen=True, slots=True)
class Optimization:
    """What makes starts quicker."""

    adaptive_parallelism: bool = True
    longest_path_first: bool = True
    early_pulls: bool = True
    learned_timeouts: bool = True


EVERYTHING_ON = Optimization()


@dataclass(frozen=True, slots=True)
class Claims:
    """What the files say that one replica of a service needs and may have."""

    reserved: Amount = NOTHING
    limit: Limit = NO_LIMIT
    bounds: Bounds = NO_BOUNDS
    exclusive: tuple[str, ...] = ()
    """Volumes, by Docker's names, that no two running containers may have at once."""


NO_CLAIMS = Claims()


@dataclass(frozen=True, slots=True)
class Room:
    """What the machine has for the replicas of one stack. None: not known, and then no bound.

    `memory` (bytes) and `cpu` (cores) are for all of them together, those that run already as well: the reserve is
    off, and what other stacks were promised. `most`: what there would be if nobody else were there. `disk`: bytes free
    beyond the reserve. `used`: bytes of memory that each replica used when the machine was looked at.
    """

    memory: int | None = None
    cpu: float | None = None
    disk: int | None = None
    most: Limit = NO_LIMIT
    used: Mapping[ReplicaId, int] = field(default_factory=dict, hash=False)
    reserve: Reserve = NO_RESERVE

    @property
    def bounds_starts(self) -> bool:
        """Whether anything is known that a start could be short of."""
        return self.memory is not None or self.cpu is not None


NO_ROOM_KNOWN = Room()
