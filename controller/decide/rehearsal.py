"""The plan is a rehearsal: the very same pass on a simulated engine under a virtual clock, until it comes to rest."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Protocol

from controller.decide.admission import PORT_TAKEN, SHORT_OF_ROOM
from controller.decide.barred import INSECURE
from controller.decide.case import ALIVE
from controller.decide.diary import Diary
from controller.decide.identity import publishes_itself
from controller.decide.phase import QUARANTINED
from controller.decide.stack import decide_stack
from controller.decide.timeline import Story, make_rows
from controller.decide.world import World
from controller.model.decision import Decision, Freeze
from controller.model.desired import DesiredService
from controller.model.names import Instant, Release, ReplicaId
from controller.model.observed import ServiceView, Trouble
from controller.model.phases import AT_REST, Phase
from controller.model.plan import Held, Plan, PlannedUpdate
from controller.model.steps import (
    Create,
    Outcome,
    Remove,
    Result,
    Row,
    Step,
    Stop,
    fetched_image,
    split_fetches,
)

HORIZON = 3600.0
"""Seconds of virtual time without a service coming to rest after which the stack is said not to settle."""

TURNS = 12
"""Moves per service after which it is said not to settle; a replacement takes about six."""


HELD_REASONS = frozenset(
    {str(Freeze.PAUSED), str(Freeze.NOT_STARTED), "NotRunningAtAdoption", "StoppedByUser", "Orphaned"}
    | {"Pinned", "UpdateHalted", INSECURE, *SHORT_OF_ROOM, *QUARANTINED}
)
"""Reasons of decisions by which a service is left as it is; a plan lists them."""


class Bed(Protocol):
    """The simulated engine, as far as a rehearsal needs it."""

    def perform(self, steps: Sequence[Step], now: Instant) -> tuple[Outcome, ...]: ...
    def view(self, service: str, now: Instant) -> ServiceView: ...
    def changed(self, now: Instant) -> tuple[str, ...]: ...
    def next_change(self, now: Instant) -> Instant | None: ...
    def is_busy(self, service: str, now: Instant) -> bool: ...
    @property
    def guesses(self) -> Collection[object]: ...


def rehearse(world: World, bed: Bed, now: Instant) -> Plan:
    """Play the world forward. It is used up: hand over one made for this."""
    play = _Play(world, bed, now)
    play.run()
    return play.plan()


class _Play:
    def __init__(self, world: World, bed: Bed, now: Instant) -> None:
        self.world, self.bed = world, bed
        self.begun = self.now = now
        self.diary = Diary(world.desired.name, now, lambda: bed.guesses)
        self._ran: frozenset[ReplicaId] = frozenset()
        self._ended: set[str] = set()
        self._made: set[str] = set()
        self._direct: set[str] = set()
        self._returning: set[str] = set()
        self.downtime: dict[str, float] = {}
        self.down_since: dict[str, Instant] = {}
        self.served: set[str] = set()
        self._wakes: list[tuple[Instant, str]] = []
        self._wake_of: dict[str, Instant] = {}
        self._troubles: dict[str, Trouble] = {}
        self._fetch_troubles: dict[str, dict[str, Trouble]] = {}
        """By service and image."""
        self._arrivals: dict[Row, Instant] = {}
        self._passes = 0
        self._restless = set(world.desired.services)
        self._progress_at = now

    def run(self) -> None:
        dirty: Sequence[str] = tuple(self.world.desired.services)
        for name in dirty:
            self._look(name)
        views = self.world.views.values()
        self._ran = frozenset(replica.id for view in views for replica in view.replicas if replica.phase in ALIVE)
        self._direct = {name for name, want in self.world.desired.services.items() if self._has_own_ports(name, want)}
        first = True
        while dirty or first:
            first = False
            self._pass(dirty)
            dirty = self._forward()

    def _has_own_ports(self, name: str, want: DesiredService) -> bool:
        """What is to be behind the ingress still publishes its ports itself."""
        view = self.world.views.get(name)
        return view is not None and any(publishes_itself(replica, want) for replica in view.replicas)

    def _pass(self, dirty: Sequence[str]) -> None:
        self._passes += 1
        decisions = decide_stack(dirty, self.world, self.now)
        self.world.absorb(decisions)
        for decision in decisions.values():
            self._schedule(decision)
            self._note(decision)
            if decision.steps:
                self._perform(decision)

    def _perform(self, decision: Decision) -> None:
        fetches, steps = split_fetches(decision.steps)
        if steps:
            self._do(steps, decision.release)
            self.world.busy.add(decision.service)
        for fetch in fetches:
            key = (decision.service, fetch.image)
            self._arrivals[key] = self._do((fetch,), decision.release)
            self.world.fetching.add(key)
        if decision.phase is Phase.ROLLING_BACK:
            self._returning.add(decision.service)

    def _do(self, steps: Sequence[Step], release: Release) -> Instant:
        """When they are done."""
        at = self.now
        for outcome in self.bed.perform(steps, self.now):
            self.diary.note_step(outcome, at)
            self._note_replaced(outcome)
            at += outcome.seconds
            self._note_trouble(outcome, at, release)
        return at

    def _note_replaced(self, outcome: Outcome) -> None:
        step = outcome.step
        if outcome.result is Result.DONE and isinstance(step, Create):
            self._made.add(step.service)
        elif outcome.result is Result.DONE and isinstance(step, Stop | Remove) and step.replica in self._ran:
            self._ended.add(step.service)

    def _note_trouble(self, outcome: Outcome, at: Instant, release: Release) -> None:
        """What the engine would refuse is not asked for again at once: virtual time must go on."""
        name = outcome.step.service
        troubles, key = self._troubles, name
        if image := fetched_image(outcome.step):
            troubles, key = self._fetch_troubles.setdefault(name, {}), image
        match outcome.result:
            case Result.DONE:
                troubles.pop(key, None)
            case Result.SKIPPED:
                pass
            case _:
                before = troubles.get(key)
                lasting = outcome.result is Result.REJECTED
                count = before.count + 1 if before is not None and before.release == release else 1
                kind = type(outcome.step).__name__
                troubles[key] = Trouble(count, at, kind, outcome.message, lasting, release)

    def _look(self, name: str) -> None:
        view = self.bed.view(name, self.now)
        if trouble := self._troubles.get(name):
            view = replace(view, trouble=trouble)
        if fetching := self._fetch_troubles.get(name):
            view = replace(view, fetch_troubles=dict(fetching))
        self.world.see({name: view})

    def _forward(self) -> Sequence[str]:
        """Go to the next instant at which something is to be decided; nothing where it is at rest or never will be."""
        if self._at_rest() or self._passes > TURNS * len(self.world.desired.services) + 50:
            return ()
        while True:
            instant = self._next()
            if instant is None or instant - self._progress_at > HORIZON:
                return ()
            self.now = max(self.now, instant)
            dirty = self._news()
            if dirty:
                return dirty

    def _news(self) -> Sequence[str]:
        dirty = {name: None for name in self.bed.changed(self.now)}
        for name in dirty:
            self.world.busy.discard(name)
        for key in [key for key, at in self._arrivals.items() if at <= self.now]:
            del self._arrivals[key]
            self.world.fetching.discard(key)
        for name in dirty:
            self._look(name)
        while self._wakes and self._wakes[0][0] <= self.now:
            at, name = heapq.heappop(self._wakes)
            if self._wake_of.get(name) == at:
                del self._wake_of[name]
                dirty[name] = None
        return tuple(dirty)

    def _next(self) -> Instant | None:
        while self._wakes and self._wake_of.get(self._wakes[0][1]) != self._wakes[0][0]:
            heapq.heappop(self._wakes)
        wake = self._wakes[0][0] if self._wakes else None
        change = self.bed.next_change(self.now)
        return min((instant for instant in (wake, change) if instant is not None), default=None)

    def _schedule(self, decision: Decision) -> None:
        """A new wake takes the place of the old one, also where it is never. In a rehearsal no port becomes free."""
        self._wake_of.pop(decision.service, None)
        if decision.wake_at is not None and decision.reason != PORT_TAKEN:
            self._wake_of[decision.service] = decision.wake_at
            heapq.heappush(self._wakes, (decision.wake_at, decision.service))

    def _note(self, decision: Decision) -> None:
        """Waits and downtime, from one decision to the next."""
        name = decision.service
        self.diary.note_wait(decision, self.now)
        self._note_rest(decision)
        self._note_service(name, decision.offers.reached)

    def _note_rest(self, decision: Decision) -> None:
        leaves = decision.ready > decision.desired and decision.wake_at is not None  # and waits for its end
        if decision.phase not in AT_REST or decision.steps or leaves:
            self._restless.add(decision.service)
        elif decision.service in self._restless:
            self._restless.discard(decision.service)
            self._progress_at = self.now

    def _note_service(self, name: str, reached: bool) -> None:
        if reached:
            self.served.add(name)
            if name in self.down_since:
                self.downtime[name] = self.downtime.get(name, 0.0) + self.now - self.down_since.pop(name)
        elif name in self.served and name not in self.down_since:
            self.down_since[name] = self.now

    def _at_rest(self) -> bool:
        return not self.world.busy and not self.world.fetching and not self._restless

    def plan(self) -> Plan:
        restful = all(d.phase in AT_REST or d.phase is Phase.PAUSED for d in self.world.decisions.values())
        last = self.diary.known(self.now - self.begun) if self.diary.steps else 0.0
        downtime = {name: self.diary.known(seconds) for name, seconds in sorted(self.downtime.items()) if seconds > 0}
        lost = {name: None for name in sorted(self.down_since) if not self._leaves(name)}
        return Plan(
            stack=self.world.desired.name,
            steps=tuple(self.diary.steps),
            waits=tuple(self.diary.waits),
            held=self._held(),
            updates=tuple(self._update(name) for name in sorted(self._made & self._ended)),
            timeline=make_rows(self._story()),
            seconds=last,
            downtime={**downtime, **lost},
            settles=restful or bool(self._held()),
        )

    def _story(self) -> Story:
        diary, updated = self.diary, self._made & self._ended
        return Story(
            self.world, self.begun, self.now, diary.acts, diary.waited(self.now), self.bed.guesses, updated
        )  # fmt: skip

    def _update(self, name: str) -> PlannedUpdate:
        """Who ran at the beginning was ended, and another one made: by what policy."""
        want = self.world.desired.services[name]
        policy = want.rollback if name in self._returning else want.update
        stack = self.world.desired.name
        return PlannedUpdate(
            stack,
            name,
            policy.order,
            policy.because,
            policy.parallelism,
            policy.monitor,
            drain=want.drain_timeout if want.frontends else None,
            hands_over=name in self._direct,
            pre_stop_delay=want.pre_stop_delay,
        )

    def _leaves(self, name: str) -> bool:
        return self.world.decisions[name].phase in (Phase.STOPPED, Phase.COMPLETED)

    def _held(self) -> tuple[Held, ...]:
        stack = self.world.desired.name
        if self.world.hold is not None:
            return (Held(stack, None, self.world.hold.reason, self.world.hold.message),)
        return tuple(
            Held(stack, name, "quarantined" if decision.reason in QUARANTINED else decision.reason, decision.message)
            for name, decision in sorted(self.world.decisions.items())
            if decision.reason in HELD_REASONS
        )
