"""What was decided, what a dependent may know of it, and the little that must be remembered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from controller.model.desired import DesiredService
from controller.model.names import Instant, ReplicaId, Revision
from controller.model.observed import Mount
from controller.model.steps import Step


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


class StackPhase(StrEnum):
    """The phase of a stack."""

    CONVERGED = "Converged"
    PROGRESSING = "Progressing"
    DEGRADED = "Degraded"
    FAILED = "Failed"
    PAUSED = "Paused"
    STOPPED = "Stopped"


class Grant(NamedTuple):
    """A restart granted to one life, so that our death between note and call neither counts twice nor loses it.

    `tries` so far; `ended` is the end of the life that it answers (its start, where it had to be cut short).
    """

    tries: int
    ended: Instant


class Attempt(NamedTuple):
    """An update that is under way: towards which revision, and which lives of it have failed."""

    revision: Revision
    failures: frozenset[tuple[ReplicaId, Instant | None, int]] = frozenset()
    best: int = 0
    clock: Instant | None = None


@dataclass(frozen=True, slots=True)
class History:
    """Durable memory of one service: only what the engine cannot tell. Written before the steps that follow from it."""

    good: Revision | None = None
    """The last revision that settled: all replicas ready."""
    attempt: Attempt | None = None
    failed: Mapping[str, str] = field(default_factory=dict)
    """Quarantined revisions and why; valid while the manifest still asks for `failed_for`."""
    failed_for: Revision | None = None
    completed: Revision | None = None
    """The revision of which a job ended with 0; its container may be gone."""
    restarts: Mapping[str, Grant] = field(default_factory=dict)
    carried: tuple[tuple[Mount, ...], ...] = ()
    """Anonymous volumes of replaced replicas, for the ones that take their place."""
    paused: bool = False
    stopped: str = ""
    """Why it is to stay stopped: a condition's reason (`StoppedByUser`, `NotRunningAtAdoption`); "" where it is not."""
    put_down: Mapping[str, Instant] = field(default_factory=dict)
    """Lives that we ended (replica → when that life began): however they ended, nothing was completed by it."""
    pinned: Revision | None = None
    adopted_at: Instant | None = None
    """When the service was first seen; what was replaced before that restarts nobody."""


class Offers(NamedTuple):
    """All that a dependent may know of a service."""

    started: bool = False
    healthy: bool = False
    completed: bool = False
    failed: bool = False
    settled: bool = False
    """Nothing of it is left to replace."""
    running: bool = False
    """Some replica still runs: who it depends on may not be stopped before it."""
    epoch: Instant = 0.0
    """When the oldest serving replica was created."""
    holder: ReplicaId | None = None
    holder_started_at: Instant | None = None
    exists: bool = True


class Freeze(StrEnum):
    """Why nothing may be done to a service, or nothing of it started."""

    PAUSED = "Paused"
    """A person paused it: touch nothing."""
    HELD = "Held"
    """The stack is held: adoption, another writer, a mass removal, missing variables. Touch nothing."""
    NOT_STARTED = "NotStarted"
    """`autoStart: false`, or not running at adoption: keep what runs in shape, start nothing else."""


class Aim(NamedTuple):
    """Which revision a service is to have, and what stands in the way."""

    want: DesiredService
    asked: Revision
    frozen: Freeze | None = None
    message: str = ""


class Decision(NamedTuple):
    """What is to be done about one service now, why, and when to look again (None: only if something changes).

    `starting` asks for, or holds, one of the stack's start slots; `denied`: it asked in vain. `waits_for` names one
    unmet dependency.
    """

    service: str
    phase: Phase
    reason: str
    message: str
    history: History
    offers: Offers
    steps: tuple[Step, ...] = ()
    wake_at: Instant | None = None
    waits_for: str | None = None
    starting: bool = False
    denied: bool = False
    ready: int = 0
    updated: int = 0
    desired: int = 0


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a whole stack is left as it is: reason, sentence, and until when (None: until somebody acts)."""

    reason: str
    message: str
    until: Instant | None = None
