"""One stack, kept in shape: look, decide, record, perform, tell. Only the loop's thread calls it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace

from controller.decide.stack import decide_stack
from controller.decide.world import WATCH_AFTER_RECONNECT, World, make_world
from controller.loop.annals import Annals
from controller.loop.batches import make_batches
from controller.loop.bounds import Bounds
from controller.loop.chronicle import Chronicle
from controller.loop.conditions import Obstacles, Told, make_conditions
from controller.loop.confining import Confining, note_networks, remove_surplus
from controller.loop.ended import Ended
from controller.loop.guard import Guard
from controller.loop.handback import differing
from controller.loop.holds import Circumstances, find_hold
from controller.loop.ingress_pair import FOLDER as INGRESS
from controller.loop.ingress_pair import PairReader
from controller.loop.keeper import Keeper
from controller.loop.ledger import Ledger
from controller.loop.limits import Limits
from controller.loop.loaded import Loaded
from controller.loop.memory import Definitions
from controller.loop.overlay import is_frozen, only_limits
from controller.loop.pauses import SOON, Pauses
from controller.loop.recognise import recognise
from controller.loop.reloads import Reloads
from controller.loop.senses import Senses
from controller.loop.setbacks import find_failed_restarts
from controller.loop.store import Store
from controller.loop.tools import Key, Tools
from controller.loop.wanted import Extra, with_extras
from controller.model.decision import Decision
from controller.model.errors import ControllerError, EngineError
from controller.model.generation import Cause
from controller.model.names import Instant, Release, Revision
from controller.model.observed import Observed, ServiceView
from controller.model.phases import StackPhase
from controller.model.status import StackStatus
from controller.model.steps import Outcome, Row

_ASKS_AGAIN = 5.0
"""Seconds after which is looked again whether what was refused at the last moment may come now."""


class Reconciler:
    """The loop's side of one stack."""

    def __init__(self, tools: Tools, loaded: Loaded, store: Store) -> None:
        self._tools = tools
        self.loaded = loaded
        self.store = store
        self.annals = Annals(store.stack)
        self.chronicle = Chronicle(store, loaded.name, tools.tell)
        self.limits = Limits(store, self.chronicle)
        self.confining = Confining()
        self._reloads = Reloads(tools.engine, store.folder, self.wake)
        known, made = store.replicas.known, lambda: self.world.known
        self.senses = Senses(tools.engine, tools.prober, known, made, tools.now(), self._quickest)
        own, wake = tools.engine.own, lambda: tools.queue.add(Key(loaded.name))
        ingress = store.folder / INGRESS
        self.keeper = Keeper(own, loaded.name, ingress, wake, tools.audit) if own is not None else None
        self._pair = PairReader(store.folder)
        self._told_trouble: str | None = None
        self.world: World = make_world(loaded.desired, self._way)
        self.bounds = Bounds(tools, self.limits, self.chronicle, self.world, self._want)
        self.ledger = Ledger(store, self.world)
        self.broken: str | None = None
        """Why the newest files cannot be used, while the last good generation stays in force."""
        self.unavailable: str | None = None
        self.certificate_troubles: tuple[Told, ...] = ()
        self.observed: Observed | None = None
        self.looks_only = False
        """Decide and tell, but do nothing: nobody stays to see the steps through."""
        self.limits_only = False
        """Do nothing but what brings limits to what they are to be."""
        self.turns = 0
        """Whole looks at the whole stack so far."""
        self._turns_before = 0
        self._extras: frozenset[Extra] = frozenset()
        self._tagged: frozenset[str] = frozenset()
        """Services of which a tag that moved counts while somebody asks for it (`rollout restart`)."""
        self._pauses = Pauses()
        self._guard = Guard(tools.engine)
        self._answered_at = tools.now()
        """When the last look began that the engine answered."""
        self._seen = False
        """Other files came than what is laid over limits was last held against."""
        self._unseen: set[Row] = set()
        """Whose calls, and which fetches, came to an end that no look shows yet."""
        self._ended = Ended()
        self._before: tuple[str, ...] = ()
        if store.mended is not None:
            self.chronicle.say(tools.now(), None, "StoreMended", store.mended, warning=True)
        if self.limits.kept or loaded.desired.policy.address_pool:
            self._want()

    # --- the pass

    def turn(self, services: frozenset[str] | None) -> None:
        """Look at these services (None: all) and do what follows from it."""
        outcomes = self._collect(self._tools.now())
        self._tell((outcome for outcome in outcomes if not outcome.may_pass), self._tools.now())
        whole = services is None or not self._seen or any(outcome.collided for outcome in outcomes)
        if self.loaded.gate is not None and (whole or outcomes):
            self._ask_anew(outcomes)
        if whole:  # before all that may want to look sooner
            self._tools.queue.add_at(Key(self.loaded.name), self._tools.now() + self.loaded.desired.policy.resync)
        views = self._look(None if services is None or whole else services | self._due)
        if views is None:
            return  # what failed and may pass failed for want of an engine
        now = self._tools.now()
        self._tell((outcome for outcome in outcomes if outcome.may_pass), now)
        complete = self._take(views, whole, now)
        moved = self.confining.heed(self.world)
        if moved:
            self._want()
        dirty = self.world.desired.services if self._hold(now) or moved else views
        self.bounds.settle_due(self.loaded, now)
        self._decide(dirty, now)
        self._tend(now)
        self._take_up(now)
        with suppress(ControllerError):  # the next look notes it; until then images are only kept longer
            self.store.images.note(views, now, whole=whole)
        self.turns += whole and complete
        self.publish(now)
        if self.confining.is_behind(self.world):
            self.wake()

    @property
    def now(self) -> Instant:
        return self._tools.now()

    @property
    def is_current(self) -> bool:
        """Whether all was decided since the present generation came."""
        return self.turns > self._turns_before

    def _collect(self, now: Instant) -> tuple[Outcome, ...]:
        """What came to its end. A service stays busy until it was looked at: no older view shows what was done."""
        completed = self._tools.executor.collect(self.loaded.name)
        for done in completed:
            self._unseen.add((done.batch.service, done.batch.fetches))
            self.senses.note(done.batch.service, done.outcomes, now, done.batch.release)
        return tuple(outcome for done in completed for outcome in done.outcomes)

    def _ask_anew(self, outcomes: Iterable[Outcome]) -> None:
        """What the scan lets be started may be other than it was."""
        before = self.loaded
        self.loaded = self._guard.anew(before, outcomes, self.world.histories, self._tools.now())
        if self.loaded is not before:
            self._want()

    def _refuse(self, key: tuple[str, Revision], why: str, now: Instant) -> None:
        """Nobody makes way for what may not come: it is decided anew with that known, and asked again soon."""
        desired, queue = self.loaded.desired, self._tools.queue
        if key not in desired.refused:
            self.loaded = replace(self.loaded, desired=replace(desired, refused={**desired.refused, key: why}))
            self._want()
            queue.add_at(Key(self.loaded.name, key[0]), now)
        queue.add_at(Key(self.loaded.name), now + _ASKS_AGAIN)

    def refusals(self, pins: Mapping[str, Release | None]) -> Mapping[str, str]:
        """Which services a person may not take to these releases, and why. Raises EngineErrors."""
        return self._guard.back(self.loaded, pins, self.world.known)

    @property
    def _due(self) -> frozenset[str]:
        """Of whom something came to its end since they were last looked at."""
        return frozenset(service for service, _ in self._unseen)

    @property
    def _acted(self) -> frozenset[str]:
        """For whom a call for containers did."""
        return frozenset(service for service, image in self._unseen if not image)

    def _tell(self, outcomes: Iterable[Outcome], now: Instant) -> None:
        if told := tuple(outcomes):
            with self.store.transaction():
                self.chronicle.note_outcomes(told, self.world, now)

    def _look(self, only: frozenset[str] | None) -> Mapping[str, ServiceView] | None:
        begun = self._tools.now()
        try:
            observed, views = self.senses.look(self._laid_over.desired, only)
        except EngineError as error:
            self._lose(error, self._tools.now())
            return None
        if self.keeper is not None:
            views = self.keeper.see(self.world, views)
        now = self._tools.now()
        if self.unavailable is not None:
            self._regain(now)
            views = self.senses.renew(views)
        self.observed, self._answered_at = observed, begun
        if only is None:
            busy, journal = self.world.busy - self._acted, self.store.replicas
            views = recognise(journal, observed, views, self.loaded.desired, busy)
            if not self._seen:
                self.ledger.note_first_sight(self.loaded, views)
                self.ledger.forget_gone(self.loaded)
                self.bounds.unsettle()
                self._seen = True
        return views

    def _take(self, views: Mapping[str, ServiceView], whole: bool, now: Instant) -> bool:
        """Whether all was seen: the other half is not decided, and no event will say that it can be seen now."""
        self.world.see(views)
        self.world.busy -= self._acted
        self.world.fetching -= self._unseen
        self._unseen.clear()
        if self._extras or self._tagged or self.loaded.follows_tags:
            self._want()
        pauses = self._pauses.after_look(views, whole)
        for again, pause in pauses.items():
            self._tools.queue.add_at(Key(self.loaded.name, again), now + pause)
        return not pauses

    def _lose(self, error: EngineError, now: Instant) -> None:
        """Unknown is not gone: nothing is decided until the engine answers again."""
        self._tools.queue.add_at(Key(self.loaded.name), now + self._pauses.after_failure())
        if self.unavailable is None:
            self.chronicle.say(now, None, "EngineUnavailable", error.message, warning=True)
        self.unavailable = error.message
        self.publish(now)

    def _regain(self, now: Instant) -> None:
        self.chronicle.say(now, None, "EngineAvailable", "the engine answers again")
        self.unavailable = None
        self._pauses.after_answer()
        self.senses.troubles.forget_after(self._answered_at)  # for want of an engine: says nothing about the next try
        if self._seen:
            self.reconnected(now)

    def reconnected(self, now: Instant) -> None:
        """The watch had a gap: deadlines begin anew, and what fell over is watched for a moment first."""
        self.senses.since = now
        self.world.heals_at = now + WATCH_AFTER_RECONNECT
        self._tools.queue.add_at(Key(self.loaded.name), self.world.heals_at)

    # --- holds

    def _hold(self, now: Instant) -> bool:
        """Find out whether the stack is held; whether that is news, so that everything has to be decided again."""
        before = self.world.hold
        self.world.started = not self.ledger.memory.not_started
        ours = self._ended.lately(now)
        around = Circumstances(self.loaded, self.ledger.memory, self.observed, ours, self._before)
        hold = self.world.hold = find_hold(self.world, around, now)
        if hold is not None and (before is None or hold.reason != before.reason):
            self.chronicle.say(now, None, hold.reason, hold.message, warning=True)
        if hold is not None and hold.until is not None:
            self._tools.queue.add_at(Key(self.loaded.name), hold.until)
        return (before is None) != (hold is None)

    # --- deciding and doing

    def _decide(self, dirty: Collection[str], now: Instant) -> None:
        self.bounds.before(dirty, self.loaded, now)
        decisions = decide_stack(dirty, self.world, now)
        if self.limits_only:
            decisions = {name: only_limits(decision, self.world) for name, decision in decisions.items()}
        self.annals.note_failed_restarts(find_failed_restarts(self.world.histories, decisions))
        self.store.histories.record({name: decision.history for name, decision in decisions.items()})
        self.world.absorb(decisions)
        self.bounds.look_again(now)
        ranked = sorted(decisions.values(), key=lambda d: (-self.world.rank(d.service), d.service))
        for decision in ranked:
            self._tools.queue.add_at(Key(self.loaded.name, decision.service), decision.wake_at)
            if decision.steps and not self.looks_only:
                self._perform(decision, now)
        with self.store.transaction():  # what is told and learned holds up no step, and is one write to the disk
            self.chronicle.note_decisions(decisions, now)
            learned = self.chronicle.learn_readiness(self.world, tuple(decisions), now)
        before, self.loaded = self.loaded, self.bounds.heed(self.loaded, learned, now)
        if self.loaded is not before:
            self._want()
        self.bounds.after()

    def _perform(self, decision: Decision, now: Instant) -> None:
        if (refused := self._guard.ahead(self.loaded, decision)) is not None:
            return self._refuse(*refused, now)
        route = None if self.keeper is None else self.keeper.perform
        for batch in make_batches(decision, self.world, self.loaded, self.store.replicas, route):
            if not self._tools.executor.submit(batch):
                self._tools.queue.add_at(Key(self.loaded.name, batch.service), now + SOON)
            elif batch.fetches:
                self.world.fetching.add((batch.service, batch.fetches))
            else:
                self._ended.note(batch.steps, now)
                self.world.busy.add(batch.service)

    def _tend(self, now: Instant) -> None:
        """A hold keeps the ingress as it is too, but for the certificate that it serves."""
        if self.keeper is None or self.looks_only or self.limits_only:
            return
        template = self._pair.template(self.loaded.ingress)
        if self.world.hold is not None:
            self.keeper.serve(template.tls)
            return
        self.keeper.tend(self.world, template)
        if (trouble := self.keeper.trouble) != self._told_trouble:
            self._told_trouble = trouble
            told = ("IngressFailed", trouble) if trouble else ("IngressReady", "the ingress is as wanted")
            self.chronicle.say(now, None, *told, warning=trouble is not None)

    def _take_up(self, now: Instant) -> None:
        """Who takes up new secrets while it runs does so; nobody touches whom a person has paused."""
        if self.loaded.delivery.sets and not self.looks_only and not self.limits_only:
            views = {name: view for name, view in self.world.views.items() if not is_frozen(self.world, name)}
            with suppress(ControllerError):  # the disk is full, say: the next look does it
                self._reloads.tend(self.loaded.delivery, views, now, self.chronicle.say)

    @property
    def ingress_settled(self) -> bool:
        return self.keeper is None or self.keeper.settled

    @property
    def ingress_trouble(self) -> str | None:
        """Why the proxy is not as it is to be."""
        return None if self.keeper is None else self.keeper.trouble

    def close(self) -> None:
        """Nothing of it works on any more."""
        self._reloads.close()
        if self.keeper is not None:
            self.keeper.close()

    # --- telling

    def publish(self, now: Instant) -> StackStatus:
        locked = self.loaded.delivery.locked
        obstacles = Obstacles(self.broken, self.unavailable, self.ingress_trouble, self._tools.lost, locked)
        before, more = self.chronicle.status, self.certificate_troubles
        conditions = make_conditions(self.world, obstacles, now, before, more)
        status = self.chronicle.publish(self.world, conditions, now, self._tools.show)
        converged = status.phase is StackPhase.CONVERGED and bool(self.world.decisions)  # not only told before
        if converged and self.world.hold is None and self.world.only is None:
            self.ledger.note_convergence(self.loaded)
            self.confining.sweep(self._tools.engine, self.loaded, self.world.desired, now, self._tools.audit)
        knows = self.is_current and self.unavailable is None and self.world.hold is None
        if knows and self.annals.note(self.world, now):
            self._renumber()
        return status

    def begin_generation(self, cause: Cause, definitions: Definitions | None = None) -> None:
        """A new one of the same files, by a person's wish; decided by the next look, not by what was decided before."""
        self.annals.begin(cause, self.now, definitions)
        self._turns_before = self.turns
        self._renumber()

    def _renumber(self) -> None:
        present = self.annals.present
        if present is not None:
            self.loaded = replace(self.loaded, desired=replace(self.loaded.desired, generation=present.number))
            self._want()

    # --- changes from outside

    def adopt_generation(self, loaded: Loaded, now: Instant) -> None:
        """Newer files: what is wanted changes, what was seen and learned stays. Decided again at once.

        What a held generation was about to remove still counts as there: an edit of it is no confirmation.
        """
        there = {name for name, view in self.world.views.items() if view.replicas}
        self._before = tuple(n for n, s in self.world.desired.services.items() if s.leaving is None or n in there)
        self.ledger.read()
        self.loaded, self.broken = loaded, None
        self.annals.read()
        self.world.known = self.store.stack.revisions()
        self.world.adopt(loaded.desired, self._way)
        self.ledger.forget_gone(loaded)
        self._want()
        self.bounds.unsettle()
        self.senses.troubles.clear()
        self._turns_before = self.turns
        message = f"generation {loaded.desired.generation} from {loaded.place}"
        self.chronicle.say(now, None, "GenerationChanged", message)
        self.wake()

    def refresh(self, loaded: Loaded) -> None:
        """The same is wanted, from files that may be others, or hold what is not wanted of us."""
        before, barred = self.loaded.desired, loaded.desired.barred
        given = loaded.delivery != self.loaded.delivery or loaded.ingress != self.loaded.ingress
        self.loaded = replace(loaded, desired=replace(before, barred=barred, refused={}))
        self.bounds.unsettle()
        if barred != before.barred or before.refused or given:  # a waiver, say, or a secret
            self._want()
            self.wake()

    @property
    def _laid_over(self) -> Loaded:
        """The generation in force with limits that follow use, and its networks; while it is given back, its own."""
        back = Extra.COMPOSED in self._extras
        loaded = self.limits.over(self.loaded, back=back)
        return loaded if back else self.confining.over(loaded)

    def _want(self) -> None:
        """The generation in force, with what holds only while somebody asks for it."""
        self.world.desired = with_extras(self._laid_over, self._extras, self.world.views, self._tagged)
        if self.world.counts:
            self.world.recount()
        if Extra.COMPOSED in self._extras:
            self.world.only = (self.world.only or frozenset()) | differing(
                self.world.desired, self.world.views, self.world.known
            )

    def ask(self, extra: Extra) -> None:
        """Begin to want this as well; `unask` goes back to what the files say."""
        self._extras |= {extra}
        self._want()

    def unask(self, extra: Extra) -> None:
        """Raises EngineError where the networks of what was pruned could not be asked for."""
        asked, composed = extra in self._extras, self.world.desired
        self._extras -= {extra}
        self._want()
        if asked and extra is Extra.COMPOSED:
            self.world.only = None
            with suppress(EngineError):  # nobody is on them
                remove_surplus(self._tools.engine, composed, self._tools.audit)
        if asked and extra is Extra.EVERYTHING:
            emptied = self._tools.engine.remove_networks(self.loaded.name)
            note_networks(self._tools.audit, self.loaded.name, emptied)

    def follow_tags(self, names: Iterable[str]) -> None:
        """Begin to heed moved tags of these services too, or with none end it."""
        self._tagged = frozenset(names)
        self._want()

    def wake(self) -> None:
        """Look at the whole stack now."""
        self._tools.queue.add(Key(self.loaded.name))

    def _way(self, service: str) -> float:
        return self.chronicle.timings.until_serving(service)

    def _quickest(self, service: str) -> float:
        learns = self.loaded.desired.policy.optimization.learned_timeouts
        return self.chronicle.timings.quickest(service) if learns else 0.0
