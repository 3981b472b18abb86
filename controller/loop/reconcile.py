"""One stack, kept in shape: look, decide, record, perform, tell. Only the loop's thread calls it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from controller.decide.stack import decide_stack
from controller.decide.world import World, make_world
from controller.engines.base import Engine
from controller.health.prober import Prober
from controller.loop.chronicle import Chronicle
from controller.loop.conditions import make_conditions
from controller.loop.executor import Batch, Executor
from controller.loop.holds import Circumstances, find_hold
from controller.loop.loaded import Loaded
from controller.loop.queue import Queue
from controller.loop.recognise import recognise
from controller.loop.senses import Senses
from controller.loop.store import Store
from controller.model.decision import Decision, History, StackPhase
from controller.model.desired import Leaving
from controller.model.errors import EngineError
from controller.model.names import Instant, ReplicaId
from controller.model.observed import Observed, ReplicaPhase, ServiceView, Trouble
from controller.model.status import Event, StackStatus
from controller.model.steps import Outcome, Pull, Result, Stop

WATCH_AFTER_RECONNECT = 5.0
"""Seconds after a reconnect to the engine in which what fell over is only watched (CONTRACTS 3.3)."""

_RETRY_FIRST, _RETRY_LAST = 0.5, 10.0
"""Seconds between looks at an engine that does not answer, doubling."""

_HALF_SEEN = 0.25
"""Seconds after which is looked again at what could only be seen in part: an inspect waits while Docker starts."""

_CONFLICTS = 3
"""Conflicts in a row after which the world is not just moving: the next try waits."""


WRITER_FORGOTTEN = 60.0
"""Seconds for which a replica that we stopped is known to have been stopped by us."""


class Key(NamedTuple):
    """What the queue holds: a service to look at, or the whole stack."""

    stack: str
    service: str | None = None


@dataclass(frozen=True, slots=True)
class Tools:
    """What a reconciler works with. `tell` and `show` are called from the loop's thread, quickly."""

    engine: Engine
    executor: Executor
    prober: Prober | None
    queue: Queue[Key]
    now: Callable[[], Instant]
    tell: Callable[[Event], None]
    show: Callable[[StackStatus], None]


class Reconciler:
    """The loop's side of one stack."""

    def __init__(self, tools: Tools, loaded: Loaded, store: Store) -> None:
        self._tools = tools
        self.loaded = loaded
        self.store = store
        self.memory = store.stack.load()
        self.chronicle = Chronicle(store, loaded.name, tools.tell)
        self.senses = Senses(tools.engine, tools.prober, store.replicas.known, tools.now())
        self.world: World = make_world(loaded.desired, self._rank)
        self.world.histories = dict(store.histories.load())
        self.broken: str | None = None
        """Why the newest files cannot be used, while the last good generation stays in force."""
        self.unavailable: str | None = None
        self.observed: Observed | None = None
        self.follows_tags = False
        """During an `apply`: a tag that stands for another image now counts as a change (CONTRACTS 2.11)."""
        self.immediately: frozenset[str] = frozenset()
        """Services to be stopped without grace (`stop --now`)."""
        self.turns = 0
        """Passes over the whole stack so far."""
        self._failures = 0
        self._seen = False
        self._conflicts: dict[str, int] = {}
        self._stopped_by_us: dict[ReplicaId, Instant] = {}
        self._before: tuple[str, ...] = ()
        self._kept_generation = -1
        if store.mended is not None:
            self.chronicle.say(tools.now(), None, "StoreMended", store.mended, warning=True)

    # --- the pass

    def turn(self, services: frozenset[str] | None, now: Instant) -> None:
        """Look at these services (None: all) and do what follows from it."""
        for completed in self._tools.executor.collect(self.loaded.name):
            self._done(completed.batch.service, completed.outcomes, now)
        whole = services is None or not self._seen
        if whole:  # before all that may want to look sooner
            self._tools.queue.add_at(Key(self.loaded.name), now + self.loaded.desired.policy.resync)
        views = self._look(None if whole else services, now)
        if views is None:
            return
        self.world.views.update(views)
        if self.follows_tags:
            self._follow_tags()
        self._look_again(views, now)
        news = self._hold(now)
        self._decide(self.world.desired.services if news else views, now)
        if whole:
            self.turns += 1
        self.publish(now)

    def _look(self, only: frozenset[str] | None, now: Instant) -> Mapping[str, ServiceView] | None:
        try:
            observed, views = self.senses.look(self.loaded.desired, only)
        except EngineError as error:
            self._lose(error, now)
            return None
        if self.unavailable is not None:
            self._regain(now)
        self.observed = observed
        if only is None and observed.complete:
            recognise(self.store.replicas, observed, views, self.loaded.desired)
            if not self._seen:
                self._first_sight(views, now)
        return views

    def _look_again(self, views: Mapping[str, ServiceView], now: Instant) -> None:
        """What was only half seen is not decided, and no event will say that it can be seen now."""
        for name, view in views.items():
            if not view.complete:
                self._tools.queue.add_at(Key(self.loaded.name, name), now + _HALF_SEEN)

    def _lose(self, error: EngineError, now: Instant) -> None:
        """Unknown is not gone: nothing is decided until the engine answers again."""
        self._failures += 1
        pause = min(_RETRY_LAST, _RETRY_FIRST * 2 ** (self._failures - 1))
        self._tools.queue.add_at(Key(self.loaded.name), now + pause)
        if self.unavailable is None:
            self.chronicle.say(now, None, "EngineUnavailable", error.message, warning=True)
        self.unavailable = error.message
        self.publish(now)

    def _regain(self, now: Instant) -> None:
        self.chronicle.say(now, None, "EngineAvailable", "the engine answers again")
        self.unavailable, self._failures = None, 0
        if self._seen:
            self.reconnected(now)

    def reconnected(self, now: Instant) -> None:
        """The watch had a gap: deadlines begin anew, and what fell over is watched for a moment first."""
        self.senses.since = now
        self.world.heals_at = now + WATCH_AFTER_RECONNECT
        self._tools.queue.add_at(Key(self.loaded.name), self.world.heals_at)

    def _first_sight(self, views: Mapping[str, ServiceView], now: Instant) -> None:
        """A stack that we never saw: what may not be started by itself is noted before anything is decided."""
        self._seen = True
        if not any(view.replicas for view in views.values()):
            self.change_memory(adopted=True)  # there is nothing of anybody else's to take over
        if self.world.histories:
            return
        running = any(r.phase is ReplicaPhase.RUNNING for view in views.values() for r in view.replicas)
        if self.loaded.quiet and not running:
            self.change_histories(self.loaded.desired.services, lambda h: replace(h, stopped="NotRunningAtAdoption"))
        if not self.loaded.desired.policy.auto_start:
            self.memory = replace(self.memory, not_started=True)
            self.store.stack.save(self.memory)

    # --- holds

    def _hold(self, now: Instant) -> bool:
        """Find out whether the stack is held; whether that is news, so that everything has to be decided again."""
        before = self.world.hold
        self.world.started = not self.memory.not_started
        ours = self._stopped_by_us = {i: at for i, at in self._stopped_by_us.items() if now - at < WRITER_FORGOTTEN}
        around = Circumstances(self.loaded, self.memory, self.observed, tuple(ours), self._before)
        hold = self.world.hold = find_hold(self.world, around, now)
        if hold is not None and (before is None or hold.reason != before.reason):
            self.chronicle.say(now, None, hold.reason, hold.message, warning=True)
        if hold is not None and hold.until is not None:
            self._tools.queue.add_at(Key(self.loaded.name), hold.until)
        return (before is None) != (hold is None)

    # --- deciding and doing

    def _decide(self, dirty: Iterable[str], now: Instant) -> None:
        decisions = decide_stack(dirty, self.world, now)
        self.store.histories.record({name: decision.history for name, decision in decisions.items()})
        self.world.absorb(decisions)
        self.chronicle.note_decisions(decisions, now)
        self.chronicle.learn_readiness(self.world, tuple(decisions), now)
        ranked = sorted(decisions.values(), key=lambda d: (-self.world.graph.rank[d.service], d.service))
        for decision in ranked:
            self._tools.queue.add_at(Key(self.loaded.name, decision.service), decision.wake_at)
            if decision.steps:
                self._perform(decision, now)

    def _perform(self, decision: Decision, now: Instant) -> None:
        self.world.busy.add(decision.service)
        if decision.service in self.immediately:
            hurried = tuple(replace(s, grace=0.0) if isinstance(s, Stop) else s for s in decision.steps)
            decision = replace(decision, steps=hurried)
        for step in decision.steps:
            if isinstance(step, Stop):
                self._stopped_by_us[step.replica] = now
        rank = -self.world.graph.rank[decision.service]
        project, journal = self.loaded.project, self.store.replicas
        batch = Batch(self.loaded.name, decision.service, decision.steps, project, journal, rank)
        if not self._tools.executor.submit(batch):
            self.world.busy.discard(decision.service)

    def _done(self, service: str, outcomes: Sequence[Outcome], now: Instant) -> None:
        """The steps of one decision came to their end: remember failures, look again."""
        self.world.busy.discard(service)
        self.chronicle.note_outcomes(outcomes, now)
        failed = next((o for o in outcomes if o.result not in (Result.DONE, Result.SKIPPED)), None)
        self._note_trouble(service, failed, now)
        for outcome in outcomes:
            if isinstance(outcome.step, Pull) and outcome.result is Result.DONE:
                self.senses.pulled[service] = now

    def _note_trouble(self, service: str, failed: Outcome | None, now: Instant) -> None:
        if failed is None:
            self.senses.troubles.pop(service, None)
            self._conflicts.pop(service, None)
            return
        if failed.result is Result.CONFLICT:
            self._conflicts[service] = self._conflicts.get(service, 0) + 1
            if self._conflicts[service] < _CONFLICTS:
                return
        before = self.senses.troubles.get(service)
        count = before.count + 1 if before is not None else 1
        kind, lasting = type(failed.step).__name__, failed.result is Result.REJECTED
        self.senses.troubles[service] = Trouble(count, now, kind, failed.message, lasting)

    # --- telling

    def publish(self, now: Instant) -> StackStatus:
        conditions = make_conditions(self.world, self.broken, self.unavailable, now)
        status = self.chronicle.publish(self.world, conditions, now)
        if status.phase is StackPhase.CONVERGED and self.world.hold is None:
            self._note_convergence()
        self._tools.show(status)
        return status

    def _note_convergence(self) -> None:
        """After the first convergence changes apply without asking; the variables in use now are expected later."""
        variables = tuple(sorted(self.loaded.variables))
        converged = replace(self.memory, adopted=True, variables=variables, source=self.loaded.desired.source)
        if converged != self.memory:
            self.memory = converged
            self.store.stack.save(converged)
        if self._kept_generation != self.loaded.desired.generation:
            self._kept_generation = self.loaded.desired.generation
            self._forget_revisions()

    def _forget_revisions(self) -> None:
        """Only what is wanted, what runs and what worked last is needed to go back."""
        wanted = {(name, service.revision) for name, service in self.world.desired.services.items()}
        running = {(r.service, r.revision) for view in self.world.views.values() for r in view.replicas}
        good = {(name, h.good) for name, h in self.world.histories.items() if h.good is not None}
        self.store.stack.drop_revisions(wanted | running | good)

    # --- changes from outside

    def adopt_generation(self, loaded: Loaded, now: Instant) -> None:
        """Newer files: what is wanted changes, what was seen and learned stays. Decided again at once."""
        self._before = tuple(n for n, s in self.world.desired.services.items() if s.leaving is None)
        self.loaded, self.broken = loaded, None
        self.world.adopt(loaded.desired, self._rank)
        self.senses.troubles.clear()
        message = f"generation {loaded.desired.generation} from {loaded.place}"
        self.chronicle.say(now, None, "GenerationChanged", message)
        self._tools.queue.add(Key(loaded.name))

    def _follow_tags(self) -> None:
        services = {
            name: replace(service, image_id=view.image_id if view is not None else None)
            for name, service in self.world.desired.services.items()
            for view in (self.world.views.get(name),)
        }
        self.world.desired = replace(self.world.desired, services=services)

    def prune(self, everything: bool) -> None:
        """Let what is in no file go, or everything; `end_prune` goes back to what is wanted."""
        services = {
            name: replace(service, replicas=0, leaving=Leaving.REMOVED)
            if everything or service.leaving is Leaving.ORPHANED
            else service
            for name, service in self.world.desired.services.items()
        }
        self.world.desired = replace(self.world.desired, services=services)
        self.change_memory(removal_granted=self.loaded.desired.digest)

    def end_prune(self, everything: bool) -> None:
        self.world.desired = self.loaded.desired
        if everything:
            self._tools.engine.remove_networks(self.loaded.name)

    def follow_tags(self, follows: bool) -> None:
        """Begin or end to let moved tags count."""
        self.follows_tags = follows
        if not follows:
            self.world.desired = self.loaded.desired

    def change_histories(self, names: Iterable[str], change: Callable[[History], History]) -> None:
        """A person's wish about these services, written down before anything follows from it."""
        changed = {name: change(self.world.histories.get(name, History())) for name in names}
        self.store.histories.record(changed)
        self.world.histories.update(changed)

    def change_memory(self, **changes: object) -> None:
        """A person's wish about the stack, likewise."""
        self.memory = replace(self.memory, **changes)  # type: ignore[arg-type]
        self.store.stack.save(self.memory)

    def wake(self) -> None:
        """Look at the whole stack now."""
        self._tools.queue.add(Key(self.loaded.name))

    def _rank(self, service: str) -> float:
        usual = self.chronicle.usually(service)
        return 1.0 if usual is None else usual
