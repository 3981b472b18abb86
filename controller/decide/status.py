"""One status for all readers: services from their decisions, the stack from its services."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from controller.decide.conditions import Said, find_conditions, keep_transitions
from controller.decide.world import World
from controller.model.decision import SICK, Decision, Phase, StackPhase
from controller.model.desired import Leaving
from controller.model.names import Instant
from controller.model.observed import ServiceView
from controller.model.status import Condition, ServiceStatus, StackStatus

AT_REST = frozenset({Phase.READY, Phase.COMPLETED, Phase.STOPPED})


def stack_phase(decisions: Iterable[Decision], held: bool) -> StackPhase:
    """The worst that is true of its services; a stack that nobody may touch is no better than what runs of it."""
    known = tuple(decisions)
    phases = [decision.phase for decision in known]
    if not phases:
        return StackPhase.PROGRESSING
    wanted = [phase for phase in phases if phase is not Phase.STOPPED]
    if not wanted:
        return StackPhase.STOPPED
    if all(phase is Phase.PAUSED for phase in wanted):
        return StackPhase.PAUSED
    moving = any(phase not in AT_REST and phase not in SICK and phase is not Phase.PAUSED for phase in wanted)
    if Phase.FAILED in wanted and not any(phase in (Phase.READY, Phase.STARTING) for phase in wanted):
        return StackPhase.FAILED
    if any(phase in SICK for phase in wanted):
        return StackPhase.DEGRADED
    if held and (moving or any(decision.updated < decision.desired for decision in known)):
        return StackPhase.DEGRADED
    if moving:
        return StackPhase.PROGRESSING
    return StackPhase.PAUSED if Phase.PAUSED in wanted else StackPhase.CONVERGED


def make_status(
    world: World,
    before: StackStatus | None,
    conditions: tuple[Condition, ...],
    usually: Callable[[str], float | None],
    now: Instant,
) -> StackStatus:
    """The status now; `before` gives the instants at which phases and conditions last changed."""
    known = {service.name: service for service in before.services} if before is not None else {}
    is_blind = any(condition.type == "EngineUnavailable" for condition in conditions)
    services = tuple(
        _service_status(world, decision, known.get(name), usually(name), is_blind, now)
        for name, decision in sorted(world.decisions.items())
        if _is_shown(world, name)
    )
    said = (Said(item.type, item.status, item.reason, item.message) for item in conditions)
    held = world.hold is not None
    phase = stack_phase((decision for name, decision in world.decisions.items() if _is_shown(world, name)), held)
    return StackStatus(
        name=world.desired.name,
        phase=phase,
        generation=world.desired.generation,
        conditions=keep_transitions(said, before.conditions if before is not None else (), now),
        services=services,
        taken_at=now,
        source=world.desired.source,
    )


def _is_shown(world: World, name: str) -> bool:
    """Services outside the profile that have no container are nobody's business."""
    service = world.desired.services.get(name)
    if service is None:
        return False
    gone = service.leaving in (Leaving.OUT_OF_PROFILE, Leaving.REMOVED, Leaving.ORPHANED)
    return not gone or bool(world.views.get(name, ServiceView()).replicas)


def _service_status(
    world: World,
    decision: Decision,
    before: ServiceStatus | None,
    usually: float | None,
    is_blind: bool,
    now: Instant,
) -> ServiceStatus:
    want, view = world.desired.services[decision.service], world.views.get(decision.service, ServiceView())
    same = before is not None and before.phase == decision.phase
    said = find_conditions(world, decision, is_blind, now)
    return ServiceStatus(
        name=decision.service,
        phase=decision.phase,
        reason=decision.reason,
        message=decision.message,
        desired=decision.desired,
        ready=decision.ready,
        updated=decision.updated,
        replicas=view.replicas,
        since=before.since if before is not None and same else now,
        waits_for=decision.waits_for,
        wake_at=decision.wake_at,
        frontends=want.frontends,
        usually=usually,
        conditions=keep_transitions(said, before.conditions if before is not None else (), now),
    )
