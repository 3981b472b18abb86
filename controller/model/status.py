"""What users read: one status model feeds CLI, API, dashboard, metrics and alerts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.model.names import Instant
from controller.model.observed import Replica
from controller.model.phases import Phase, StackPhase
from controller.model.routes import Frontend


@dataclass(frozen=True, slots=True)
class Condition:
    """Kubernetes-style. `status` is True, False or Unknown; `transitioned_at` changes only when `status` does."""

    type: str
    status: str
    reason: str
    message: str
    transitioned_at: Instant


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One service. `desired` of a job is 1, of a stopped service 0; `since` is when it entered its phase."""

    name: str
    phase: Phase
    reason: str
    message: str
    desired: int
    ready: int
    updated: int
    replicas: tuple[Replica, ...]
    since: Instant
    waits_for: str | None = None
    wake_at: Instant | None = None
    frontends: tuple[Frontend, ...] = ()
    """Ports that the ingress has for it."""
    usually: float | None = None
    """Learned seconds from start to ready; None before two measured starts."""
    conditions: tuple[Condition, ...] = ()
    restarted: Mapping[str, int] = field(default_factory=dict, hash=False)
    """How often each of its replicas was started again, by Docker or by us; who never was is left out."""

    @property
    def restarts(self) -> int:
        return sum(self.restarted.values())


@dataclass(frozen=True, slots=True)
class StackStatus:
    """One stack. `generation` is the one that was observed."""

    name: str
    phase: StackPhase
    generation: int
    conditions: tuple[Condition, ...]
    services: tuple[ServiceStatus, ...]
    taken_at: Instant
    source: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """Something worth telling. `kind` is Normal or Warning; `seq` grows and never repeats.

    A repeat takes the place of the earlier one: `count` times since `first_at` (None: only once, at `at`).
    """

    at: Instant
    stack: str
    service: str | None
    kind: str
    reason: str
    message: str
    seq: int = 0
    count: int = 1
    first_at: Instant | None = None
