"""Whether the dependencies of a service offer what it needs to start."""

from __future__ import annotations

from collections.abc import Mapping

from controller.decide.case import NOBODY, Case, still_waits
from controller.model.decision import Offers
from controller.model.desired import Condition, DesiredService, Need
from controller.model.names import Instant

_ASKS = {
    Condition.STARTED: "to run",
    Condition.HEALTHY: "to be ready",
    Condition.COMPLETED: "to complete",
}


def is_met(need: Need, offers: Offers) -> bool:
    """Compose's meaning; an optional dependency that does not exist or has failed stands in nobody's way."""
    if not need.required and (not offers.exists or offers.failed):
        return True
    match need.condition:
        case Condition.STARTED:
            return offers.started or offers.completed
        case Condition.HEALTHY:
            return offers.healthy or offers.completed
        case Condition.COMPLETED:
            return offers.completed


def unmet_need(case: Case) -> str | None:
    """The first dependency, by name, that is not met; the owner of a shared namespace has to run as well."""
    for name, need in case.want.needs.items():
        if not is_met(need, case.gates.get(name, NOBODY)):
            return name
    holder = case.holder
    if holder is not None and holder.holder_started_at is None:
        return case.want.namespace_of
    return None


def sick_need(case: Case) -> str | None:
    """The first required service, by name, that is there and serves nobody: who is sick may be so for that."""
    for name, need in case.want.needs.items():
        offers = case.gates.get(name, NOBODY)
        serves = offers.healthy or offers.completed or need.condition is Condition.COMPLETED
        if need.required and offers.exists and offers.tended and not serves:
            return name
    return None


def was_served(want: DesiredService, offers: Mapping[str, Offers], begun: Instant) -> bool:
    """Whether all that a service needs has served since then: else its start may have waited for somebody else."""
    return all(_has_served(need, offers.get(name, NOBODY), begun) for name, need in want.needs.items())


def _has_served(need: Need, offers: Offers, begun: Instant) -> bool:
    if offers.completed or (not need.required and not offers.exists):
        return True
    return need.condition is not Condition.COMPLETED and offers.healthy and offers.served_since <= begun


def served_until(case: Case, begun: Instant, span: float) -> Instant | None:
    """Until when what it needs will have served for `span` seconds, if that came later than `begun`; else None."""
    needs = case.want.needs.items()
    asked = [name for name, need in needs if need.required and need.condition is not Condition.COMPLETED]
    since = max((case.gates.get(name, NOBODY).served_since for name in asked), default=0.0)
    return since + span if since > begun and still_waits(since + span, span, case.now) else None


def unsettled_need(case: Case) -> str | None:
    """The first dependency that is itself still to be replaced: its dependents are replaced after it was watched.

    Who shares its namespace has lost it as soon as it is replaced, and follows at once.
    """
    for name, need in case.want.needs.items():
        offers = case.gates.get(name, NOBODY)
        done = offers.settled if name == case.want.namespace_of else offers.updated
        if offers.exists and not done and (need.required or not offers.failed):
            return name
    return None


def tell_wait(case: Case, name: str) -> str:
    """One sentence on what is waited for."""
    offers = case.gates.get(name, NOBODY)
    need = case.want.needs.get(name, Need())
    if not offers.exists:
        return f"waits for {name}, which is not part of what is wanted"
    if offers.failed:
        return f"waits for {name}, which has failed"
    return f"waits for {name} {_ASKS[need.condition] if not is_met(need, offers) else 'to be replaced'}"
