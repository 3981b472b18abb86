"""What replicas are counted with on the machine: what their files reserve, what they were measured to use. Pure.

Kubernetes' scheduler adds up requests alone; here nothing has to be requested, so what is measured counts too, and what
nobody asked for but somebody else uses is off what is free.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from controller.decide.case import ALIVE
from controller.decide.identity import Known
from controller.decide.lacking import laid_as, made_with
from controller.decide.leeway import add, at_least, plus, times
from controller.model.decision import ON_ITS_WAY, Decision, History
from controller.model.desired import DesiredService, Order
from controller.model.names import ReplicaId, Revision, split_release
from controller.model.observed import Replica, ReplicaPhase, ServiceView
from controller.model.phases import AT_REST, Phase
from controller.model.resources import NOTHING, Amount, Claims
from controller.model.routes import RouteState
from controller.model.steps import Create, Fetch, Route, Start, Stop, Withdraw

_GIVES_UP = AT_REST - {Phase.READY} | {Phase.FAILED}
"""Phases in which what does not run is not to be started again by itself."""

_NONE: Mapping[ReplicaId, Amount] = MappingProxyType({})


class Held(NamedTuple):
    """What a service has of the machine. `places`: replicas that run, or that were let start and are wanted still;
    `kept`: those of them that neither run nor are being started.

    `amount`: what all the others are counted with; `vacant`: what is kept for these. `going`: replicas that are to be
    stopped for one that takes their place. `coming`: replicas of which image or container is being made, with nothing
    else in their way: they will ask for a place.
    """

    places: int = 0
    kept: int = 0
    amount: Amount = NOTHING
    vacant: Amount = NOTHING
    going: frozenset[ReplicaId] = frozenset()
    coming: int = 0


NOBODY_HELD = Held()


class Scales(NamedTuple):
    """By what is counted. `used`: bytes measured by replica; `learned`: bytes that one replica of a service usually
    uses at most; `whole`: bytes that the machine has for all of them, None: not known."""

    known: Known
    used: Mapping[ReplicaId, int]
    learned: Mapping[str, int]
    whole: int | None = None


def demand_of(claims: Claims, learned: int | None, whole: int | None = None) -> Amount:
    """Of one replica: the more of what is reserved and what it was measured to use, but never more than its limit.

    Of which neither is known, its limit, as Kubernetes takes a limit for a request that nobody wrote; not one that is
    above all that there is, which limits nothing. Processor time that is only used, and not reserved, can be shared,
    and keeps nobody from starting.
    """
    most = claims.limit.memory
    memory = max(claims.reserved.memory, learned or 0)
    if not memory and most is not None and (whole is None or most <= whole):
        memory = most
    return Amount(memory if most is None else min(memory, most), claims.reserved.cpu)


def demand(want: DesiredService, scales: Scales) -> Amount:
    """Of one replica of this service that is yet to start."""
    return demand_of(want.claims, scales.learned.get(want.name), scales.whole)


def demand_of_revision(want: DesiredService, revision: Revision, scales: Scales) -> Amount:
    """Of one of that revision, as far as it is known still, with the limits that it would be made with."""
    made = want if revision == want.revision else scales.known.get((want.name, revision), want)
    return demand(laid_as(made, want), scales)


def ask_others(want: DesiredService, view: ServiceView | None, scales: Scales) -> Mapping[ReplicaId, Amount]:
    """Of those that do not run, and were made from something else: that is what they would start as."""
    if view is None:
        return _NONE
    others = [r for r in view.replicas if r.revision != want.revision and r.phase not in ALIVE]
    return {r.id: demand(made_with(r, want, scales.known), scales) for r in others} if others else _NONE


def weigh(replica: Replica, want: DesiredService, scales: Scales) -> Amount:
    """Of one that runs: what it was promised, or uses already."""
    asked = demand(made_with(replica, want, scales.known), scales)
    return asked._replace(memory=max(asked.memory, scales.used.get(replica.id, 0)))


def first_places(want: DesiredService, view: ServiceView | None, history: History | None) -> Held:
    """What it had before anybody counted: who ran once, and who was let go for a successor that is not there yet."""
    there = {r.id for r in view.replicas if r.phase is not ReplicaPhase.CREATED} if view is not None else set()
    if history is not None and history.attempt is not None:
        there |= history.attempt.gone
    return Held(places=min(want.replicas, len(there)))


def count_held(
    want: DesiredService, view: ServiceView | None, decision: Decision | None, before: Held, scales: Scales
) -> Held:
    """What the service has now. `decision`: the last one, of which the steps may be under way.

    A place that was granted once is kept while it is wanted: what falls over, or was stopped to be replaced, does not
    lose it to others in the meantime. Who makes way is counted as the one that takes its place, if that is more.
    """
    alive = [replica for replica in view.replicas if replica.phase in ALIVE] if view is not None else []
    granted = _find_granted(want, view, decision, scales)
    kept = max(0, min(before.places, _keeps(want, decision)) - len(alive) - len(granted))
    next_one = demand_of_revision(want, _aimed_at(want, decision), scales)
    going = _find_going(want, alive, decision, before.going)
    amounts = [weigh(replica, want, scales) for replica in alive if replica.id not in going]
    amounts += [at_least(weigh(replica, want, scales), next_one) for replica in alive if replica.id in going]
    vacant = times(kept, next_one) if kept else NOTHING
    places = len(alive) + len(granted) + kept
    coming = max(0, want.replicas - places) if _makes_more(want, decision) else 0
    return Held(places, kept, plus(add(amounts), add(granted)), vacant, going, coming)


def _makes_more(want: DesiredService, decision: Decision | None) -> bool:
    """Not for an update: that begins nothing that it has no place for. Only while a call is under way, which ends."""
    if decision is None or want.leaving is not None or _updates(decision) or decision.waits_for is not None:
        return False
    return decision.reason in ON_ITS_WAY or any(isinstance(step, Create | Fetch) for step in decision.steps)


def _aimed_at(want: DesiredService, decision: Decision | None) -> Revision:
    """What is made now: on a way back an earlier revision."""
    return want.revision if decision is None or not decision.release else split_release(decision.release)[0]


def _find_granted(
    want: DesiredService, view: ServiceView | None, decision: Decision | None, scales: Scales
) -> list[Amount]:
    """Starts that were decided and are not seen yet; in an update also creates, which are to start."""
    if decision is None or not decision.steps:
        return []
    alive = {replica.id for replica in view.replicas if replica.phase in ALIVE} if view is not None else set()
    starts = {step.replica for step in decision.steps if isinstance(step, Start)} - alive
    creates = [step.revision for step in decision.steps if isinstance(step, Create)] if _updates(decision) else []
    if not starts and not creates:
        return []
    others, own = ask_others(want, view, scales), demand(want, scales)
    made = [demand_of_revision(want, revision, scales) for revision in creates]
    return [others.get(replica, own) for replica in sorted(starts)] + made


def _updates(decision: Decision) -> bool:
    return decision.history.attempt is not None


def _find_going(
    want: DesiredService, alive: Iterable[Replica], decision: Decision | None, before: frozenset[ReplicaId]
) -> frozenset[ReplicaId]:
    """Those that are stopped, or led to no more, for a successor; until they have ended or are taken back."""
    if not before and (decision is None or not decision.steps):
        return before  # nearly always
    going = set(before)
    for step in decision.steps if decision is not None else ():
        if isinstance(step, Route) and step.to is RouteState.IN:
            going.discard(step.replica)
        elif isinstance(step, Stop | Route | Withdraw):
            going.add(step.replica)
    if want.leaving is not None or decision is None or not _updates(decision):
        return frozenset()
    return frozenset(going & {replica.id for replica in alive})


def _keeps(want: DesiredService, decision: Decision | None) -> int:
    """Places that it may keep though nobody runs there."""
    if want.leaving is not None:
        return 0
    if decision is None:
        return want.replicas
    if decision.phase in _GIVES_UP or decision.reason == "SelfHealOff":
        return 0
    surges = [p.parallelism or want.replicas for p in (want.update, want.rollback) if p.order is Order.START_FIRST]
    return want.replicas + (max(surges, default=0) if _updates(decision) else 0)


def most_of(services: Iterable[DesiredService], scales: Scales) -> Amount:
    """What all of them could be counted with at most, in the middle of their updates or on the way back from them."""
    wanted = {want.name: want for want in services}
    largest: dict[str, Amount] = {}
    for made in (*wanted.values(), *scales.known.values()):
        laid = laid_as(made, wanted.get(made.name, made))
        largest[made.name] = at_least(largest.get(made.name, NOTHING), demand(laid, scales))
    return add(times(2 * want.replicas, largest[want.name]) for want in wanted.values() if want.leaving is None)
