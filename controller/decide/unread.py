"""A stack whose files cannot be used, and whom nobody keeps: what is to be seen of those last told of. Pure.

Without the files nobody knows whom to probe, nor what to put right: it is only told who runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from controller.decide.conditions import is_known_anyway
from controller.decide.said import FALSE, TRUE, Said, keep_transitions
from controller.decide.status import stack_phase
from controller.model.names import Instant
from controller.model.observed import Health, Observed, Replica, ServiceView
from controller.model.phases import SICK, Phase
from controller.model.status import ServiceStatus, StackStatus

_REMEMBERED = frozenset({"RolledBack", "Pinned", "Halted"})
"""Conditions that no look can tell."""
_UNTENDED = "not all of it runs, and nobody mends it while its files cannot be used"
_UNPROBED = "runs, and is not probed while its files cannot be used"


def tell_unread(before: StackStatus, observed: Observed, why: str, now: Instant) -> StackStatus:
    """The status now, by the last one and a look. `why`: what is wrong with the files."""
    services = tuple(
        _tell(told, observed.services.get(told.name, ServiceView()).replicas, now) for told in before.services
    )
    phase = stack_phase(services, held=True)
    said = (
        Said("Converged", FALSE, str(phase), "its files cannot be used"),
        Said("GenerationHeld", TRUE, "InvalidInput", why),
        *(Said(c.type, c.status, c.reason, c.message) for c in before.conditions if c.type in _REMEMBERED),
    )
    conditions = keep_transitions(said, before.conditions, now)
    return replace(before, phase=phase, conditions=conditions, services=services, taken_at=now)


def _tell(told: ServiceStatus, seen: tuple[Replica, ...], now: Instant) -> ServiceStatus:
    if is_known_anyway(told):
        return replace(told, replicas=seen)
    replicas = tuple(_judge_all(told, seen))
    ready = sum(1 for one in replicas if one.ready)
    if ready >= told.desired or told.phase in SICK:
        phase, reason, message, since = told.phase, told.reason, told.message, told.since
    else:
        running = sum(1 for one in replicas if one.running)
        phase, reason, since = Phase.DEGRADED, "NotReady", now
        message = _UNTENDED if running < told.desired else _UNPROBED
    serves = Said("Ready", TRUE if ready >= told.desired else FALSE, reason, f"{ready} of {told.desired} ready")
    others = (Said(c.type, c.status, c.reason, c.message) for c in told.conditions if c.type != "Ready")
    return replace(
        told,
        phase=phase,
        reason=reason,
        message=message,
        since=since,
        wake_at=None,
        ready=ready,
        updated=min(told.updated, len(replicas)),
        replicas=replicas,
        conditions=keep_transitions((serves, *others), told.conditions, now),
    )


def _judge_all(told: ServiceStatus, seen: tuple[Replica, ...]) -> Iterator[Replica]:
    """The verdicts of the very same lives still hold; who is probed, and began since, has none."""
    known = {one.life: one for one in told.replicas}
    is_probed = any(one.health is not Health.NONE for one in told.replicas)
    for replica in seen:
        if not replica.running:
            yield replica
        elif (same := known.get(replica.life)) is not None:
            yield replace(replica, health=same.health, ready_since=same.ready_since)
        else:
            yield replace(replica, health=Health.STARTING if is_probed else Health.NONE)
