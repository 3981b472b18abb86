"""What replicas are counted with on the machine: what their files reserve, what they were measured to use. Pure.

Kubernetes' scheduler adds up requests alone; here nothing has to be requested, so what is measured counts too, and what
nobody asked for but somebody else uses is off what is free.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from controller.decide.case import ALIVE
from controller.decide.identity import Known, made_from
from controller.decide.leeway import plus, times
from controller.model.decision import AT_REST, Decision, Phase
from controller.model.desired import DesiredService, Order
from controller.model.names import ReplicaId
from controller.model.observed import Replica, ServiceView
from controller.model.resources import NOTHING, Amount, Claims
from controller.model.steps import Create, Start

_UPDATES = frozenset({Phase.UPDATING, Phase.ROLLING_BACK})
_GIVES_UP = AT_REST - {Phase.READY} | {Phase.FAILED}
"""Phases in which what does not run is not to be started again by itself."""


class Held(NamedTuple):
    """What a service has of the machine. `places`: replicas that run, or that were let start and are wanted still;
    `gap`: those of them that do not run now. `amount`: what all of them are counted with, `vacant`: those alone."""

    places: int = 0
    gap: int = 0
    amount: Amount = NOTHING
    vacant: Amount = NOTHING


NOBODY_HELD = Held()
_NONE: Mapping[ReplicaId, Amount] = MappingProxyType({})


class Scales(NamedTuple):
    """By what is counted. `used`: bytes measured by replica; `learned`: bytes that one replica of a service usually
    uses at most."""

    known: Known
    used: Mapping[ReplicaId, int]
    learned: Mapping[str, int]


def demand_of(claims: Claims, learned: int | None) -> Amount:
    """Of one replica: the more of what is reserved and what it was measured to use, but never more than its limit.

    Of which neither is known, its limit, as Kubernetes takes a limit for a request that nobody wrote. Processor time
    that is only used, and not reserved, can be shared, and keeps nobody from starting.
    """
    most = claims.limit.memory
    memory = max(claims.reserved.memory, learned or 0) or most or 0
    return Amount(memory if most is None else min(memory, most), claims.reserved.cpu)


def demand(want: DesiredService, scales: Scales) -> Amount:
    """Of one replica of this service that is yet to start."""
    return demand_of(want.claims, scales.learned.get(want.name))


def ask_others(want: DesiredService, view: ServiceView | None, scales: Scales) -> Mapping[ReplicaId, Amount]:
    """Of those that do not run, and were made from something else: that is what they would start as."""
    if view is None:
        return _NONE
    others = [r for r in view.replicas if r.revision != want.revision and r.phase not in ALIVE]
    return {r.id: demand(made_from(r, want, scales.known), scales) for r in others} if others else _NONE


def weigh(replica: Replica, want: DesiredService, scales: Scales) -> Amount:
    """Of one that runs: what it was promised, or uses already."""
    asked = demand(made_from(replica, want, scales.known), scales)
    return asked._replace(memory=max(asked.memory, scales.used.get(replica.id, 0)))


def count_held(
    want: DesiredService, view: ServiceView | None, decision: Decision | None, before: Held, scales: Scales
) -> Held:
    """What the service has now. `decision`: the last one, of which the steps may be under way.

    A place that was granted once is kept while it is wanted: what falls over, or was stopped to be replaced, does not
    lose it to others in the meantime.
    """
    replicas = view.replicas if view is not None else ()
    alive = [replica for replica in replicas if replica.phase in ALIVE]
    granted = _find_granted(want, view, decision, scales)
    kept = max(0, min(before.places, _keeps(want, decision)) - len(alive) - len(granted))
    vacant = add(granted)
    if kept:
        vacant = plus(vacant, times(kept, demand(want, scales)))
    amount = add([weigh(replica, want, scales) for replica in alive])
    gap = kept + len(granted)
    return Held(len(alive) + gap, gap, plus(amount, vacant), vacant)


def _find_granted(
    want: DesiredService, view: ServiceView | None, decision: Decision | None, scales: Scales
) -> list[Amount]:
    """Starts that were decided and are not seen yet; in an update also creates, which are to start."""
    if decision is None or not decision.steps:
        return []
    alive = {replica.id for replica in view.replicas if replica.phase in ALIVE} if view is not None else set()
    others, own = ask_others(want, view, scales), demand(want, scales)
    starts = {step.replica for step in decision.steps if isinstance(step, Start)} - alive
    creates = sum(isinstance(step, Create) for step in decision.steps) if decision.phase in _UPDATES else 0
    return [others.get(replica, own) for replica in sorted(starts)] + [own] * creates


def _keeps(want: DesiredService, decision: Decision | None) -> int:
    """Places that it may keep though nobody runs there."""
    if want.leaving is not None or (decision is not None and decision.phase in _GIVES_UP):
        return 0
    if decision is None or decision.phase not in _UPDATES or want.update.order is not Order.START_FIRST:
        return want.replicas
    return want.replicas + (want.update.parallelism or want.replicas)


def add(amounts: Iterable[Amount]) -> Amount:
    """All of them together."""
    memory, cpu = 0, 0.0
    for amount in amounts:
        memory += amount.memory
        cpu += amount.cpu
    return Amount(memory, cpu)


def most_of(services: Iterable[DesiredService], scales: Scales) -> Amount:
    """What all of them could be counted with at most, in the middle of their updates."""
    amounts = []
    for want in services:
        if want.leaving is None and (asked := demand(want, scales)) != NOTHING:
            amounts.append(times(2 * want.replicas, asked))
    return add(amounts)
