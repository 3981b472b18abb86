"""A stack whose files cannot be used now: what is to be seen of those last told of. Pure.

Without the files nobody knows what is wanted by now, nor how each service is probed: what is told is who runs, and what
was known of that very life.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from controller.decide.conditions import is_known_anyway
from controller.decide.phase import Words
from controller.decide.said import FALSE, TRUE, Said, keep_transitions, repeat
from controller.decide.status import stack_phase
from controller.model.names import Instant
from controller.model.observed import Health, Observed, Replica, ReplicaPhase, ServiceView
from controller.model.phases import MOVING, SICK, Phase
from controller.model.status import ServiceStatus, StackStatus

_REMEMBERED = frozenset({"AdoptionHeld", "Halted", "MassRemovalHeld", "Pinned", "Released", "RolledBack"})
"""Conditions that follow from what is remembered, whatever runs."""

_SAME = 1.0
"""Seconds between two starts of a container at the least."""


def tell_unread(before: StackStatus, observed: Observed, why: str, now: Instant) -> StackStatus:
    """The status now, by the last one and a look. `why`: what is wrong with the files."""
    services = tuple(_tell(one, observed.services.get(one.name, ServiceView()), now) for one in before.services)
    phase = stack_phase(services, held=True)
    said = (
        Said("Converged", FALSE, str(phase), "its files cannot be used"),
        Said("GenerationHeld", TRUE, "InvalidInput", why),
        *repeat(one for one in before.conditions if one.type in _REMEMBERED),
    )
    conditions = keep_transitions(said, before.conditions, now)
    return replace(before, phase=phase, conditions=conditions, services=services, taken_at=now)


def _tell(told: ServiceStatus, view: ServiceView, now: Instant) -> ServiceStatus:
    replicas = _judge_all(told, view)
    serving = sum(1 for one in replicas if one.ready)
    phase, reason, message = _find_words(told, replicas, serving)
    stays = phase is told.phase
    made = replace(
        told,
        phase=phase,
        reason=reason,
        message=message,
        ready=_count_ready(told, phase, serving),
        updated=told.updated if is_known_anyway(told) else min(told.updated, len(replicas)),
        replicas=replicas,
        since=told.since if stays else now,
        waits_for=None,
        wake_at=None,
    )
    is_same = stays and _are_the_same(replicas, told.replicas)
    others = repeat(one for one in told.conditions if one.type != "Ready" and is_same)
    conditions = keep_transitions((_tell_ready(told, made), *others), told.conditions, now)
    return replace(made, conditions=conditions)


def _are_the_same(seen: Sequence[Replica], told: Sequence[Replica]) -> bool:
    known = {one.id: one for one in told}
    return len(seen) == len(told) and all(
        (former := known.get(one.id)) is not None and one.phase is former.phase and _is_same_life(one, former)
        for one in seen
    )


def _is_same_life(seen: Replica, told: Replica) -> bool:
    """What stands between our clock and an engine's elsewhere is measured anew by each process."""
    apart = abs((seen.started_at or 0.0) - (told.started_at or 0.0))
    return seen.id == told.id and seen.restarts == told.restarts and apart < _SAME


def _find_words(told: ServiceStatus, replicas: Sequence[Replica], serving: int) -> Words:
    as_told = (told.phase, told.reason, told.message)
    if is_known_anyway(told) or told.phase is Phase.PAUSED:
        return as_told
    running = sum(1 for one in replicas if one.running)
    if _is_job_under_way(told):
        if any(one.phase is ReplicaPhase.EXITED and one.exit_code == 0 for one in replicas):
            return Phase.COMPLETED, "Completed", "ran to its end and exited with 0"
        return as_told if running else (Phase.DEGRADED, "NotRunning", "ended, and not with 0")
    if serving >= told.desired:
        is_over = told.phase in MOVING or (told.phase in SICK and serving > told.ready)
        return _find_end(told) if is_over else as_told
    if told.phase in SICK and serving >= told.ready:
        return as_told
    if running < told.desired:
        return Phase.DEGRADED, "NotRunning", f"{running} of {told.desired} run"
    if any(one.health is Health.UNHEALTHY for one in replicas):
        return Phase.DEGRADED, "Unhealthy", f"{serving} of {told.desired} ready"
    return Phase.DEGRADED, "NotProbed", f"of {told.desired} that run {serving} are known to serve"


def _find_end(told: ServiceStatus) -> Words:
    """All serve of whom something was under way: nobody is known to go on with it."""
    if told.updated >= told.desired:
        return Phase.READY, "Ready", ""
    return Phase.DEGRADED, "NotUpdated", f"{told.updated} of {told.desired} were updated when it was last told of"


def _is_job_under_way(told: ServiceStatus) -> bool:
    return told.reason == "Running"  # said of jobs alone


def _count_ready(told: ServiceStatus, phase: Phase, serving: int) -> int:
    if is_known_anyway(told) or _is_job_under_way(told):
        return told.desired if phase is Phase.COMPLETED else told.ready
    return serving


def _tell_ready(told: ServiceStatus, made: ServiceStatus) -> Said:
    if is_known_anyway(told):
        return next(repeat(one for one in told.conditions if one.type == "Ready"), Said("Ready", FALSE, told.reason))
    if made.phase is Phase.COMPLETED:
        return Said("Ready", TRUE, "Completed", made.message)
    counted = f"{made.ready} of {made.desired} ready"
    if made.ready >= made.desired and not _is_job_under_way(told):
        return Said("Ready", TRUE, "Ready", counted)
    return Said("Ready", FALSE, made.reason, made.message or counted)


# --- replicas


def _judge_all(told: ServiceStatus, view: ServiceView) -> tuple[Replica, ...]:
    known = {one.id: one for one in told.replicas}
    seen = (*told.replicas, *view.replicas)
    is_probed = any(one.health is not Health.NONE or one.check is not None for one in seen)
    return tuple(_judge(one, known.get(one.id), view, is_probed) for one in view.replicas)


def _judge(seen: Replica, told: Replica | None, view: ServiceView, is_probed: bool) -> Replica:
    """What the engine says for certain counts; then what was known of the very same life."""
    is_same = told is not None and (_is_same_life(seen, told) or not view.complete)
    if told is not None:
        output = seen.last_output or (told.last_output if is_same else "")
        seen = replace(seen, revision=told.revision, last_output=output)
    if not seen.running:
        return replace(seen, health=Health.NONE)
    if seen.health is Health.UNHEALTHY:
        return seen
    if told is not None and is_same and (told.ready or seen.health is not Health.HEALTHY):
        return replace(seen, health=told.health, ready_since=told.ready_since, alive=told.alive)
    if seen.health is Health.HEALTHY:
        return replace(seen, ready_since=seen.started_at or 0.0)
    return replace(seen, health=Health.STARTING if is_probed else Health.NONE)
