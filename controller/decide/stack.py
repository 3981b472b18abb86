"""The pass: every service that changed and whom that concerns, decided in topological order; then slots are granted.

Cost follows what changed, not the size of the stack.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from controller.decide.aim import NOWHERE, Around, WayBack, aim, is_release, release_of
from controller.decide.barred import find_bar, find_tie
from controller.decide.budget import Budget
from controller.decide.case import ALIVE, NOBODY, Case, host_ports, still_waits
from controller.decide.gates import is_met
from controller.decide.goback import find_way_back
from controller.decide.identity import is_current
from controller.decide.leeway import Leeway
from controller.decide.networks import keep_on
from controller.decide.rollout import WAYS_BACK
from controller.decide.service import decide
from controller.decide.strays import begin_beside
from controller.decide.world import WATCH_AFTER_RECONNECT, World, note_slot
from controller.model.decision import Aim, Decision, History, Offers
from controller.model.desired import Condition, DesiredService, Leaving, Need, Order
from controller.model.names import Instant
from controller.model.observed import Replica, ServiceView

SPIN_LIMIT = 16
"""Times a service may be decided in one pass; more means that two rules undo each other."""


_NEW, _UNSEEN, _NO_NEED, _NOTHING_YET = History(), ServiceView(), Need(), Offers()
_NEEDS = tuple(Need(condition) for condition in Condition)
"""One of each condition, all required: an optional need is met otherwise only by what has failed, which wakes all."""


def decide_stack(dirty: Iterable[str], world: World, now: Instant) -> Mapping[str, Decision]:
    """Decide `dirty` and all whom the outcome concerns. Nothing is changed; the caller absorbs the result."""
    dirty = tuple(dirty)
    turn = _Turn(world, dirty, now)
    turn.push((*dirty, *world.parting))
    turn.drain()
    turn.refill()
    return turn.decided


class _Turn:
    """One pass under way: an overlay over the world."""

    def __init__(self, world: World, dirty: Iterable[str], now: Instant) -> None:
        self.world = world
        self.now = now
        self.decided: dict[str, Decision] = {}
        self.starting = set(world.starting)
        self.waiting = set(world.waiting)
        self._heap: list[int] = []
        self._queued: set[str] = set()
        self._times: dict[str, int] = {}
        self._failed = set(world.failed)
        self._just_failed: set[str] = set()
        self.short = set(world.short)
        self._tried: set[str] = set()
        self.budget = Budget(world, dirty)
        self._way_back = self._find_way_back()
        self._around = self._look_around()
        self.limit, self.chosen_limit = world.limit, world.chosen_limit

    def push(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self._queued and self._may_decide(name):
                self._queued.add(name)
                heapq.heappush(self._heap, self.world.graph.index[name])

    def _may_decide(self, name: str) -> bool:
        """Not while calls for it are in flight, and not on half a view: what is missing from that is not missing.

        What has just failed is written down before anything follows from it.
        """
        world = self.world
        if name in self._just_failed or (world.only is not None and name not in world.only):
            return False
        return name in world.desired.services and name not in world.busy and world.sees(name)

    def drain(self) -> None:
        while self._heap:
            name = self.world.graph.order[heapq.heappop(self._heap)]
            self._queued.discard(name)
            self._decide(name, in_turn=False)

    def refill(self) -> None:
        """Give free start slots, and room on the machine, to those who wait.

        By priority, then the longest way ahead (sequential: in order).
        """
        while candidates := self._find_waiting() - self._tried:
            name = min(candidates, key=self.world.turns.__getitem__)
            self._tried.add(name)
            if self._may_decide(name):
                self._decide(name, in_turn=True)
                self.drain()

    def _find_waiting(self) -> set[str]:
        """Who waited for room before is tried again only where somebody gave some back."""
        again = self.budget.released or not self.world.short <= self.short
        short = self.short if again else self.short & self.decided.keys()
        limit = self.limit if self.chosen_limit is None else self.chosen_limit
        return short | self.waiting if limit is None or len(self.starting) < limit else short

    def _has_slot(self, name: str, limit: int | None, *, in_turn: bool) -> bool:
        """It has one already, all have, or it is its turn and one is free."""
        return name in self.starting or limit is None or (in_turn and len(self.starting) < limit)

    def _decide(self, name: str, *, in_turn: bool) -> None:
        self._times[name] = self._times.get(name, 0) + 1
        if self._times[name] > SPIN_LIMIT:
            return
        before, history = self._offers(name), self._history(name)
        decision = decide(self._case(name, in_turn))
        decision = begin_beside(decision, self.world.desired, self.world.views, self.world.strays)
        self.decided[name] = decision
        note_slot(decision, self.starting, self.waiting)
        (self.short.add if decision.short else self.short.discard)(name)
        self.budget.note(decision)
        if decision.offers != before:
            self._wake(name, before, decision.offers)
        if decision.history is not history and decision.history.failed != history.failed:
            if decision.history.failed.keys() - history.failed.keys():
                self._just_failed.add(name)
            self._note_failed(name, bool(decision.history.failed))

    def _note_failed(self, name: str, failed: bool) -> None:
        """The whole stack may have to go back, or has no reason for it any more."""
        (self._failed.add if failed else self._failed.discard)(name)
        before, self._way_back = self._way_back, self._find_way_back()
        self._around = self._look_around()
        if before != self._way_back:
            self.push(other for other in self.world.desired.services if other != name)

    def _find_way_back(self) -> WayBack:
        if not self._failed:
            return NOWHERE
        return find_way_back(self._failed, self.world.desired.services, self._history, self.world.settled)

    def _case(self, name: str, in_turn: bool) -> Case:
        world = self.world
        want = world.desired.services[name]
        history = self._history(name)
        watching = world.heals_at is not None and still_waits(world.heals_at, WATCH_AFTER_RECONNECT, self.now)
        aimed = self._aim(name)
        leeway = self._leeway(aimed.want)
        return Case(
            aim=_in_turn(aimed, leeway),
            seen=self._seen(name),
            history=history,
            now=self.now,
            gates=self._gates(want),
            dependents=() if aimed.want.leaving is None else self._dependents(name),
            go_first=self._go_first(name) if self._way_back.releases else (),
            may_begin=self._has_slot(name, self.limit, in_turn=in_turn),
            may_heal=self._has_slot(name, self.chosen_limit, in_turn=in_turn),
            heals=world.desired.policy.self_heal and not watching,
            heals_at=world.heals_at if watching else None,
            hurried=name in world.hurried,
            fetching=(name, aimed.want.image) in world.fetching,
            leeway=leeway,
            fetches_early=world.desired.policy.optimization.early_pulls,
            barred=find_bar(aimed, world.desired),
            tied=self._tie(aimed) if world.desired.barred or world.desired.refused else "",
            known=world.known,
            kept_on=keep_on(world, name),
        )

    def _tie(self, aimed: Aim) -> str:
        """Why it cannot make way without cutting off who runs in its namespace."""
        name, views = aimed.want.name, self.world.views
        around = (self._aim(other) for other in self.world.graph.dependents.get(name, ()))
        sharers = ((one, views.get(one.want.name, _UNSEEN)) for one in around if one.want.namespace_of == name)
        return find_tie(aimed, views.get(name, _UNSEEN), sharers, self.world.desired)

    def _leeway(self, want: DesiredService) -> Leeway:
        """Who would begin something asks first, and gets an answer when it is its turn.

        What a service of a higher priority waits for, and will have once others have ended, is left to it; and what it
        will ask for as soon as it is made.
        """
        if not self.budget.is_asked(want):
            return self.budget.leeway(want, {})
        if want.name not in self._tried:
            return self.budget.bar(want)
        services, ahead = self.world.desired.services, {}
        first = [other for other in self.short | self.budget.coming if services[other].priority > want.priority]
        for other in sorted(first, key=self.world.turns.__getitem__):
            decision = self.decided.get(other) or self.world.decisions.get(other)
            if (claim := self.budget.claim(other, decision)) is not None:
                ahead[other] = claim
        return self.budget.leeway(want, ahead)

    def _aim(self, name: str) -> Aim:
        return aim(self.world.desired.services[name], self._history(name), self._around)

    def _look_around(self) -> Around:
        """The same for all services of this pass, until one of them fails."""
        world = self.world
        may_start = world.desired.policy.auto_start or world.started
        return Around(world.hold, may_start, world.known, self._way_back)

    def _seen(self, name: str) -> ServiceView:
        """A host port of one that goes will be free for who comes after it; of one that stays it will not.

        Which ports one on the host's network has is not known: what is taken may be taken by it.
        """
        view = self.world.views.get(name, _UNSEEN)
        if not view.taken_ports:
            return view
        present = ((other, replica) for other, seen in self.world.views.items() for replica in seen.replicas)
        going = [replica for other, replica in present if other == name or self._goes(other, replica)]
        if any(replica.host_network and replica.phase in ALIVE for replica in going):
            return replace(view, taken_ports=())
        holders = view.holders
        free = {port for one in going for port in host_ports(one) if one.phase in ALIVE or port not in holders}
        return replace(view, taken_ports=tuple(port for port in view.taken_ports if port not in free))

    def _goes(self, service: str, replica: Replica) -> bool:
        """It is to stop, or to be replaced."""
        want = self.world.desired.services.get(service)
        if want is None or self._history(service).paused:
            return False
        return self._is_to_stop(service) or (want.leaving is None and not is_current(replica, want, None))

    def _gates(self, want: DesiredService) -> Mapping[str, Offers]:
        gates = {name: self._offers(name) for name in want.needs}
        if want.namespace_of is not None:
            gates[want.namespace_of] = self._offers(want.namespace_of)
        return gates

    def _dependents(self, name: str) -> tuple[str, ...]:
        """Services that depend on this one, are to stop as well, and still run."""
        return tuple(
            other
            for other in self.world.graph.dependents.get(name, ())
            if self._is_to_stop(other) and _runs(self.world.views.get(other))
        )

    def _go_first(self, name: str) -> tuple[str, ...]:
        """Services on this one that serve and are still to go back: its earlier release may not be what they need."""
        return tuple(other for other in self.world.graph.dependents.get(name, ()) if self._is_to_go_back(other))

    def _is_to_go_back(self, name: str) -> bool:
        """Who is halted, or pinned, stays where it is: nobody waits for it."""
        aimed, offers = self._aim(name), self._offers(name)
        if aimed.course not in WAYS_BACK or aimed.frozen is not None or aimed.want.leaving is not None:
            return False
        is_back = offers.settled and is_release(release_of(aimed.want), self._history(name).good)
        return offers.healthy and not is_back

    def _is_to_stop(self, name: str) -> bool:
        """Orphans go on running: nothing waits for them to stop."""
        leaving = self.world.desired.services[name].leaving
        return leaving is not Leaving.ORPHANED and (leaving is not None or bool(self._history(name).stopped))

    def _history(self, name: str) -> History:
        decision = self.decided.get(name)
        return decision.history if decision is not None else self.world.histories.get(name, _NEW)

    def _offers(self, name: str) -> Offers:
        decision = self.decided.get(name)
        if decision is not None:
            return decision.offers
        return self.world.offers.get(name, _NOTHING_YET if name in self.world.desired.services else NOBODY)

    def _wake(self, name: str, before: Offers, after: Offers) -> None:
        """Only whom a changed field concerns: dependents through their need, dependencies that wait to stop."""
        services, dependents = self.world.desired.services, self.world.graph.dependents.get(name, ())
        if self._way_back.releases:
            self.push(dep for dep in services[name].needs if self._waits_for(dep) == name)
        elif before.running and not after.running:
            self.push(dep for dep in services[name].needs if dep in services and self._is_to_stop(dep))
        owner = services[name].namespace_of
        if owner is not None and before.running and not after.running:
            self.push((owner,))  # which may have waited for it to go
        if not dependents:
            return
        change = _compare(before, after)
        other_offer = _what_is_waited_for(before) != _what_is_waited_for(after)
        self.push(
            other
            for other in dependents
            if _concerns(services[other], name, change) or (other_offer and self._waits_for(other) == name)
        )

    def _waits_for(self, name: str) -> str | None:
        decision = self.decided.get(name) or self.world.decisions.get(name)
        return decision.waits_for if decision is not None else None


def _in_turn(aimed: Aim, leeway: Leeway) -> Aim:
    """On a way back with no room for two the failed release makes way first: it is not worth its place."""
    want = aimed.want
    if aimed.course not in WAYS_BACK or want.update.order is Order.STOP_FIRST or leeway.admits(leeway.asked):
        return aimed
    if not leeway.may_swap:
        return aimed
    return aimed._replace(want=replace(want, update=replace(want.update, order=Order.STOP_FIRST)))


class _Change(NamedTuple):
    """In which respects the offers of a service differ from those before."""

    failed: bool
    replaced: bool
    met: Mapping[Condition, bool]
    as_owner: bool


def _compare(before: Offers, after: Offers) -> _Change:
    return _Change(
        failed=before.failed != after.failed,
        replaced=before.epoch != after.epoch or before.healthy != after.healthy,
        met={need.condition: is_met(need, before) != is_met(need, after) for need in _NEEDS},
        as_owner=_as_owner(before) != _as_owner(after),
    )


def _concerns(dependent: DesiredService, name: str, change: _Change) -> bool:
    need = dependent.needs.get(name, _NO_NEED)
    if change.failed or change.met[need.condition] or (need.restart and change.replaced):
        return True
    return change.as_owner and dependent.namespace_of == name


def _what_is_waited_for(offers: Offers) -> tuple[object, ...]:
    """Beyond what a gate asks: to be replaced before us, and to serve again before we are restarted."""
    return (offers.settled, offers.updated, offers.healthy, offers.completed, offers.tended)


def _as_owner(offers: Offers) -> tuple[object, ...]:
    """What matters of the owner of a namespace to who shares it."""
    return (offers.holder, offers.holder_started_at, offers.settled)


def _runs(view: ServiceView | None) -> bool:
    return view is not None and any(replica.phase in ALIVE for replica in view.replicas)
