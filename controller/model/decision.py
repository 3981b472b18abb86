"""What was decided, what a dependent may know of it, and the little that must be remembered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from controller.model.desired import DesiredService
from controller.model.names import Instant, Release, ReplicaId, Revision
from controller.model.observed import Life, Mount
from controller.model.phases import Phase
from controller.model.routes import Frontend
from controller.model.steps import Create, Step

FETCHING, BUILDING = "FetchingImage", "BuildingImage"
ON_ITS_WAY = frozenset({FETCHING, BUILDING})
"""Reasons of services whose image is on its way."""


class Grant(NamedTuple):
    """A restart granted to one life, so that our death between note and call neither counts twice nor loses it.

    `tries` so far; `ended` is the end of the life that it answers (its start, where it had to be cut short).
    """

    tries: int
    ended: Instant


class Attempt(NamedTuple):
    """An update that is under way: towards which release, and which lives of it have failed.

    `excused`: lives that had failed before it began, or before its bake. `best`: the most replicas of it that were
    settled at once, `clock`: since when there are no more (None while nothing may go on). `settled_at`: when all of it
    had been watched, so that only its bake is left. `baseline`: how often the release before had failed when it began.
    `gone`: old replicas that were let go since all were there (where none ran when it began: all of them).
    """

    release: Release = Release("")
    failures: frozenset[Life] = frozenset()
    excused: frozenset[Life] = frozenset()
    best: int = 0
    clock: Instant | None = None
    settled_at: Instant | None = None
    baseline: int = 0
    gone: frozenset[ReplicaId] = frozenset()


@dataclass(frozen=True, slots=True)
class History:
    """Durable memory of one service: only what the engine cannot tell. Written before the steps that follow from it."""

    good: Release | None = None
    """The last release that settled, with the image that its replicas had: what a failed update goes back to."""
    attempt: Attempt | None = None
    failed: Mapping[Release, str] = field(default_factory=dict)
    """Quarantined releases and why; valid while the manifest still asks for the revision `failed_for`."""
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
    pinned: Release | None = None
    """What a person went back to (`rollout undo`); valid while the manifest still asks for `pinned_over`."""
    pinned_over: Revision | None = None
    halted: bool = False
    """A person halted its update (`rollout pause`): no batch begins; what runs is kept in shape."""
    retired: frozenset[ReplicaId] = frozenset()
    """Replicas that a person wants replaced though nothing changed (`rollout restart`)."""
    adopted_at: Instant | None = None
    """When the service was first seen; what was replaced before that restarts nobody."""

    @property
    def updating(self) -> bool:
        """An update is under way that is not yet done and watched."""
        return self.attempt is not None and self.attempt.settled_at is None


class Offers(NamedTuple):
    """All that a dependent may know of a service."""

    started: bool = False
    healthy: bool = False
    completed: bool = False
    failed: bool = False
    settled: bool = False
    """Nothing of it is left to replace."""
    updated: bool = False
    """It is what is asked for, and was watched: who depends on it may be replaced after it."""
    running: bool = False
    """Some replica still runs: who it depends on may not be stopped before it."""
    reached: bool = False
    """Callers reach a replica that is ready, behind the ingress too: who drains, or is not led to yet, has none."""
    epoch: Instant = 0.0
    """When the oldest serving replica was created."""
    tended: bool = True
    """Where nobody serves, that is to be mended, and not for long in vain."""
    served_since: Instant = 0.0
    """Since when somebody serves without a gap, as far as it is known; 0: nobody does."""
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


class Course(StrEnum):
    """Why a service is not simply on its way to what is asked for. What runs is healed on every course."""

    RETURNING = "Returning"
    """The release that is asked for failed: back to the last good one."""
    STACK_RETURNING = "StackReturning"
    """Another service's release failed, and its scope is the stack."""
    PINNED = "Pinned"
    """A person went back to an earlier release."""
    HALTED = "Halted"
    """No replica is replaced: the update failed and is to pause, its way back failed, or a person halted it."""


class Aim(NamedTuple):
    """Which release a service is to have, on which course, and what stands in the way.

    `asked`: the release that the manifest asks for. `want.update` is the policy that holds on this course.
    """

    want: DesiredService
    asked: Release
    frozen: Freeze | None = None
    message: str = ""
    course: Course | None = None


class Shortage(NamedTuple):
    """What there is no room for on the machine: a reason, and a sentence with its numbers."""

    reason: str
    message: str


class Decision(NamedTuple):
    """What is to be done about one service now, why, and when to look again (None: only if something changes).

    `starting` asks for, or holds, one of the stack's start slots; `denied`: it asked in vain. `short`: the machine has
    no room for all that it would start. `waits_for` names one unmet dependency. `release`: what the steps lead to.
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
    short: Shortage | None = None
    ready: int = 0
    updated: int = 0
    desired: int = 0
    frontends: tuple[Frontend, ...] = ()
    """Of the release that is aimed at."""
    parts_from: tuple[str, ...] = ()
    """Networks that it stays on until others can do without it there."""
    unconfined: bool = False
    """Some of what runs of it is not on the networks of its edges alone, or not off them again."""
    release: Release = Release("")
    course: Course | None = None
    successor: Create | None = None
    """What is to come in the place of who is let go by these steps."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a whole stack is left as it is: reason, sentence, and until when (None: until somebody acts)."""

    reason: str
    message: str
    until: Instant | None = None
