"""One stack under a virtual clock, driven as the loop drives it: look, decide, remember, perform; each step is checked.

Only what is in `histories` and in the simulated engine outlives `restart`, the death of the controller. It may die
between any two writes and calls: `points` counts those places, and it does so at those whose number is in `deadly`.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from controller.decide.stack import decide_stack
from controller.decide.status import stack_phase
from controller.decide.world import make_world
from controller.engines.simulated_faults import Faults, FaultyWorld
from controller.engines.simulated_world import Simulation
from controller.model.decision import Decision, History, Hold
from controller.model.desired import DesiredService, DesiredStack
from controller.model.errors import Transient
from controller.model.names import Instant, Release, Revision
from controller.model.observed import ServiceView, Trouble
from controller.model.phases import StackPhase
from controller.model.steps import Fetch, Outcome, Pull, Result, Row, Step, split_fetches, step_action, step_number
from controller.model.timings import Timings
from tests.builders import NOW, empty_views
from tests.property.rules import Rules

RESYNC = 60.0
SPIN = 400
"""Decisions of one service within ten virtual seconds; more is a spin. A busy update makes about forty."""


class Killed(Exception):
    """The controller died in mid-pass."""


class Play:
    """`at` schedules what happens from outside; `run` lets time pass. Both count as if the clock were never set."""

    def __init__(
        self,
        stack: DesiredStack,
        timings: Timings,
        faults: Faults | None = None,
        views: Mapping[str, ServiceView] | None = None,
    ) -> None:
        self.now: Instant = NOW
        self.simulation = Simulation(stack, empty_views(stack) if views is None else views, timings, NOW)
        self.bed = self.simulation if faults is None else FaultyWorld(self.simulation, faults)
        self.rules = Rules(self)
        self.world = make_world(stack)
        self.done: list[tuple[str, str, int | None]] = []
        """Service, action and number of every step that was asked for."""
        self.conflicts = 0
        self.deaths = 0
        self.happened = 0
        """Events from outside."""
        self.writes = 0
        """Histories that differed from what was remembered."""
        self.known: dict[tuple[str, Revision], DesiredService] = {}
        """What every revision that ever was wanted is made from."""
        self.shifted = 0.0
        """By how much the clock was set so far."""
        self.deadly: Collection[int] = ()
        self.points = 0
        self._events: list[tuple[Instant, int, Callable[[], None]]] = []
        self._count = 0
        self._know(stack)
        self._begin()

    def _begin(self) -> None:
        """All that a controller keeps in memory only."""
        self._dirty: dict[str, None] = dict.fromkeys(self.world.desired.services)
        self._wakes: dict[str, Instant] = {}
        self._ends: dict[str, Instant] = {}
        self._arrivals: dict[Row, Instant] = {}
        self._troubles: dict[str, Trouble] = {}
        self._fetch_troubles: dict[str, dict[str, Trouble]] = {}
        self._conflicts: Counter[str] = Counter()
        self._pulled: dict[str, frozenset[str]] = {}
        self.seen: dict[str, ServiceView] = {}
        """The last whole look at each service."""
        self._resync = self.now + RESYNC
        self._since = self.now
        self._absent_until = self.now
        self._spin: Counter[tuple[str, int]] = Counter()

    # --- from outside

    def at(self, instant: Instant, event: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (instant + self.shifted, self._count, event))

    def restart(self, after: float = 0.0) -> None:
        """The controller dies and comes back: what it remembers and what it sees is all that it has."""
        self.deaths += 1
        before, self.world = self.world, make_world(self.world.desired)
        self.world.hold, self.world.started, self.world.settled = before.hold, before.started, before.settled
        self.world.known = self.known
        for name, history in before.histories.items():
            self.world.remember(name, history)
        self._begin()
        self._absent_until = self.now + after

    def set_clock(self, seconds: float) -> None:
        """The wall clock is set. Instants that were noted stay as they are, what is to come keeps its distance."""
        self.now += seconds
        self.shifted += seconds
        self.bed.shift(seconds)
        self._events = [(at + seconds, number, event) for at, number, event in self._events]
        self._wakes = {name: at + seconds for name, at in self._wakes.items()}
        self._ends = {name: at + seconds for name, at in self._ends.items()}
        self._arrivals = {key: at + seconds for key, at in self._arrivals.items()}
        self._resync += seconds
        self._absent_until += seconds

    def put_on_hold(self, hold: Hold | None) -> None:
        self.world.hold = hold
        self._dirty.update(dict.fromkeys(self.world.desired.services))

    def is_from_before(self, instant: Instant) -> bool:
        """Dated before the clock was set back."""
        return instant > self.now + 1.0

    def retarget(self, stack: DesiredStack) -> None:
        """A newer generation."""
        self._know(stack)
        self.world.adopt(stack)
        self.simulation.retarget(stack, self.now)
        self._troubles.clear()
        self._fetch_troubles.clear()
        self._dirty.update(dict.fromkeys(stack.services))

    def _know(self, stack: DesiredStack) -> None:
        self.known |= {(name, service.revision): service for name, service in stack.services.items()}
        self.world.known = self.known

    def wish(self, name: str, **fields: object) -> None:
        """A person's wish about one service."""
        self.world.remember(name, replace(self.world.histories.get(name, History()), **fields))
        self._dirty[name] = None

    # --- time

    def run(self, until: Instant) -> None:
        while True:
            self._live()
            instant = self._next()
            if instant is None or instant > until + self.shifted:
                self.now = max(self.now, until + self.shifted)
                return
            self.now = max(self.now, instant)
            while self._events and self._events[0][0] <= self.now:
                self.happened += 1
                heapq.heappop(self._events)[2]()

    def _live(self) -> None:
        if self.now < self._absent_until:
            return
        if not self._since >= self._absent_until:
            self._since = self.now
        self._dirty.update(dict.fromkeys(self._news()))
        if self._dirty:
            try:
                self._turn()
            except Killed:
                self.restart()

    def _next(self) -> Instant | None:
        if self.now < self._absent_until:
            return min([self._absent_until, *(at for at, _, _ in self._events[:1])])
        change = self.bed.next_change(self.now)
        soon = self.now + 0.25
        late = [max(at, soon) if name in self._dirty else at for name, at in self._wakes.items()]
        retry = [soon] if self._dirty else []
        event = [self._events[0][0]] if self._events else []
        known = [] if change is None else [max(change, self.now + 1e-6)]
        return min([*late, *retry, *event, *known, self._resync], default=None)

    def _news(self) -> Iterable[str]:
        yield from self.bed.changed(self.now)
        for name, at in tuple(self._wakes.items()):
            if at <= self.now:
                del self._wakes[name]
                yield name
        if self._resync <= self.now:
            self._resync = self.now + RESYNC
            yield from self.world.desired.services

    def _turn(self) -> None:
        seen = [name for name in self._dirty if name in self.world.desired.services and self._look(name)]
        for name in tuple(self._dirty):
            if name in seen or name not in self.world.desired.services:
                del self._dirty[name]
        if not seen:
            return
        decisions = decide_stack(seen, self.world, self.now)
        self.rules.check_pass(seen, decisions)
        self._reach()
        self._remember(decisions)
        self._reach()
        for decision in decisions.values():
            self._heed(decision)

    def _remember(self, decisions: Mapping[str, Decision]) -> None:
        known = self.world.histories
        self.writes += sum(known.get(name, History()) != decision.history for name, decision in decisions.items())
        self.world.absorb(decisions)
        if self.world.hold is None and stack_phase(self.world.decisions.values(), held=False) is StackPhase.CONVERGED:
            self._note_convergence()

    def _note_convergence(self) -> None:
        """What the stack goes back to as a whole; while a release bakes, what there was before it."""
        histories = {name: self.world.histories.get(name, History()) for name in self.world.desired.services}
        if not any(history.attempt is not None for history in histories.values()):
            self.world.settled = {name: h.good for name, h in histories.items() if h.good is not None}

    def _reach(self) -> None:
        """A place between a write or call and the next one."""
        self.points += 1
        if self.points in self.deadly:
            raise Killed

    def _look(self, name: str) -> bool:
        """Whether the service may be decided on what is seen now; otherwise it stays dirty."""
        if self._ends.get(name, self.now) > self.now + 1e-9:
            return False
        self.world.busy.discard(name)
        arrived = [key for key, at in self._arrivals.items() if key[0] == name and at <= self.now + 1e-9]
        try:
            view = self.bed.view(name, self.now)
        except Transient:
            return False
        if view.taken_at < self._ends.get(name, float("-inf")) - 1e-9:
            return False
        self.world.views[name] = replace(
            view,
            since=max(view.since, self._since),
            trouble=self._troubles.get(name),
            fetch_troubles=dict(self._fetch_troubles.get(name, {})),
            pulled=self._pulled.get(name, frozenset()),
        )
        for key in arrived:
            del self._arrivals[key]
            self.world.fetching.discard(key)
        if view.complete:
            self.seen[name] = self.world.views[name]
        return view.complete

    def _heed(self, decision: Decision) -> None:
        name = decision.service
        self._spin[name, int(self.now / 10)] += 1
        assert self._spin[name, int(self.now / 10)] < SPIN, f"{name} spins at +{self.now - NOW:g}"
        self._wakes.pop(name, None)
        if decision.wake_at is not None:
            self._wakes[name] = decision.wake_at
        if decision.steps:
            self.rules.check_steps(decision)
            self.done += [(name, step_action(step), step_number(step)) for step in decision.steps]
            fetches, steps = split_fetches(decision.steps)
            if steps:
                self.world.busy.add(name)
                self._ends[name] = self._do(name, steps, decision.release)
            for fetch in fetches:
                self.world.fetching.add((name, fetch.image))
                self._arrivals[name, fetch.image] = self._do(name, (fetch,), decision.release)
            self.rules.check_surge(decision)

    def _do(self, name: str, steps: tuple[Step, ...], release: Release) -> Instant:
        """When they are done."""
        outcomes = self._perform(steps)
        end = self.now + sum(outcome.seconds for outcome in outcomes)
        self._note(name, outcomes, release, end)
        return end

    def _perform(self, steps: tuple[Step, ...]) -> tuple[Outcome, ...]:
        """All of them, or as many as were called when we died."""
        called = next((n for n in range(1, len(steps)) if self.points + n in self.deadly), len(steps))
        outcomes = self.bed.perform(steps[:called], self.now)
        self.points += called - 1
        self._reach()
        return outcomes

    def _note(self, name: str, outcomes: tuple[Outcome, ...], release: Release, end: Instant) -> None:
        self._dirty[name] = None
        troubles, key = self._troubles, name
        if isinstance(outcomes[0].step, Fetch):
            troubles, key = self._fetch_troubles.setdefault(name, {}), outcomes[0].step.image
        for outcome in outcomes:
            if isinstance(outcome.step, Pull) and outcome.result is Result.DONE:
                self._pulled[name] = self._pulled.get(name, frozenset()) | {outcome.step.image}
        failed = next((o for o in outcomes if o.result not in (Result.DONE, Result.SKIPPED)), None)
        if failed is None:
            troubles.pop(key, None)
            self._conflicts.pop(key, None)
            return
        if failed.result is Result.CONFLICT:
            self.conflicts += 1
            self._conflicts[key] += 1
            if self._conflicts[key] < 3:
                return
        before = troubles.get(key)
        kind, lasting = type(failed.step).__name__, failed.result is Result.REJECTED
        count = before.count + 1 if before is not None and before.release == release else 1
        troubles[key] = Trouble(count, end, kind, failed.message, lasting, release)
