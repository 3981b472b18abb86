"""What is said of limits: what was used under them, what they should be, and why they are not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from controller.model.names import Instant
from controller.model.resources import AdjustMode


class Resource(StrEnum):
    """What a limit is of: bytes of memory, or cores."""

    MEMORY = "memory"
    CPU = "cpu"


class Use(NamedTuple):
    """What the replica of a service that uses most has used, in bytes or cores, over the last `span` seconds."""

    now: float
    p95: float
    peak: float
    late: float
    """The median since the limit was changed last, of one cool-down at most."""
    grew: float = 0.0
    """By what `now` is more than one cool-down ago."""
    span: float = 0.0
    samples: int = 1


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Another limit for each replica of a service, in bytes or cores.

    `target`: what it should be in the end; `next`: one change towards that. `barred`: why it cannot be set in place,
    not by hand either; `early`: why that would be too soon; `waits`: why it is not set by itself now. All "": it is.
    """

    resource: Resource
    present: float | None
    """The limit in force; None: there is none."""
    target: float
    next: float
    why: str
    barred: str = ""
    early: str = ""
    waits: str = ""

    @property
    def obstacle(self) -> str:
        """The first of them."""
        return self.barred or self.early or self.waits

    def whole(self) -> Recommendation:
        """The same in one change."""
        return replace(self, next=self.target)


@dataclass(frozen=True, slots=True)
class LimitStatus:
    """One resource of a service: bytes or cores of one replica. None: there is none, or it is not known."""

    resource: Resource
    reserved: float | None = None
    limit: float | None = None
    """In force."""
    original: float | None = None
    """What the Compose file says."""
    least: float | None = None
    most: float | None = None
    """The bounds, as the manifest has them."""
    use: Use | None = None
    recommendation: Recommendation | None = None

    @property
    def adjusted(self) -> bool:
        return self.limit != self.original


@dataclass(frozen=True, slots=True)
class ServiceLimits:
    """The limits of one service. `since`: when they were changed last, and `why`."""

    name: str
    resources: tuple[LimitStatus, ...] = ()
    since: Instant | None = None
    why: str = ""
    held: bool = False
    """A person undid a change: they stay as the file has them until `resume`, or until the manifest says otherwise."""


@dataclass(frozen=True, slots=True)
class StackLimits:
    """The limits of a stack's services."""

    name: str
    mode: AdjustMode = AdjustMode.RECOMMEND
    services: tuple[ServiceLimits, ...] = field(default_factory=tuple)
