"""One status for all readers: services from their decisions, the stack from its services."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from controller.decide.case import has_no_verdict, soonest
from controller.decide.conditions import find_conditions, is_known_anyway, tell_unknown
from controller.decide.identity import has_revision
from controller.decide.networks import PENDING
from controller.decide.said import TRUE, keep_former, keep_transitions, repeat
from controller.decide.trouble import find_restarted
from controller.decide.unchanged import Unchanged
from controller.decide.world import World
from controller.model.decision import Decision
from controller.model.desired import DesiredService, Leaving
from controller.model.names import Instant
from controller.model.observed import Replica, ServiceView
from controller.model.phases import AT_REST, SICK, Phase, StackPhase
from controller.model.status import Condition, ServiceStatus, StackStatus

_REPLACING = frozenset({Phase.UPDATING, Phase.ROLLING_BACK})


def stack_phase(decisions: Iterable[Decision | ServiceStatus], held: bool) -> StackPhase:
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
    rest = _find_rest(phases, known)
    if Phase.FAILED in wanted and not any(phase in (Phase.READY, Phase.STARTING) for phase in wanted):
        return StackPhase.FAILED
    if any(phase in SICK for phase in wanted):
        return StackPhase.DEGRADED
    if held and (
        moving or rest is StackPhase.PROGRESSING or any(decision.updated < decision.desired for decision in known)
    ):
        return StackPhase.DEGRADED
    return StackPhase.PROGRESSING if moving else rest


def _find_rest(phases: Collection[Phase], known: Iterable[Decision | ServiceStatus]) -> StackPhase:
    """Where none is sick, nor on its way: whether all are on their networks alone. Nobody waits for the paused."""
    if Phase.PAUSED in phases:
        return StackPhase.PAUSED
    return StackPhase.PROGRESSING if any(map(_is_unconfined, known)) else StackPhase.CONVERGED


def _is_unconfined(told: Decision | ServiceStatus) -> bool:
    if isinstance(told, Decision):
        return told.unconfined
    return any(one.type == "Unconfined" and one.reason == PENDING for one in told.conditions)


def find_stack_phase(world: World, before: StackStatus | None) -> StackPhase:
    """Of what was decided now, and of the others as they were told before."""
    return stack_phase((told for _, told in _find_told(world, _by_name(before))), world.hold is not None)


def make_status(
    world: World,
    before: StackStatus | None,
    conditions: tuple[Condition, ...],
    usually: Callable[[str], float | None],
    now: Instant,
    unchanged: Unchanged | None = None,
) -> StackStatus:
    """The status now; `before` gives the instants at which phases and conditions last changed.

    A service that was not decided (not asked for, or not seen whole yet) stays as it was told. `unchanged`: of the
    statuses of this stack before this one.
    """
    known = _by_name(before)
    is_blind = any(condition.type == "EngineUnavailable" for condition in conditions)
    unchanged = unchanged or Unchanged()

    def tell(name: str, told: Decision | ServiceStatus) -> ServiceStatus:
        if isinstance(told, ServiceStatus):
            return _carry(told, is_blind, now)
        usual, former = usually(name), known.get(name)
        if not is_blind and (same := unchanged.find(world, told, usual, former)) is not None:
            return same
        made = _service_status(world, told, former, usual, is_blind, now)
        if not is_blind:
            unchanged.note(world, told, usual, made)
        return made

    services = tuple(tell(name, told) for name, told in _find_told(world, known))
    return StackStatus(
        name=world.desired.name,
        phase=stack_phase(services, world.hold is not None),
        generation=world.desired.generation,
        conditions=keep_transitions(repeat(conditions), before.conditions if before is not None else (), now),
        services=services,
        taken_at=now,
        source=world.desired.source,
    )


def _by_name(before: StackStatus | None) -> Mapping[str, ServiceStatus]:
    return {service.name: service for service in before.services} if before is not None else {}


def _find_told(world: World, known: Mapping[str, ServiceStatus]) -> Iterator[tuple[str, Decision | ServiceStatus]]:
    """What there is to be told of each service, by name."""
    for name in sorted(world.desired.services):
        told = world.decisions.get(name) or known.get(name)
        if told is not None and _is_shown(world, name):
            yield name, told


def _is_shown(world: World, name: str) -> bool:
    """Services outside the profile that have no container are nobody's business."""
    gone = world.desired.services[name].leaving in (Leaving.OUT_OF_PROFILE, Leaving.REMOVED, Leaving.ORPHANED)
    view = world.views.get(name)
    return not gone or view is None or bool(view.replicas)


def _carry(told: ServiceStatus, is_blind: bool, now: Instant) -> ServiceStatus:
    """As it was told; without an engine nobody knows whether it still serves."""
    if not is_blind or is_known_anyway(told):
        return told
    said = (tell_unknown() if one.kind == "Ready" else one for one in repeat(told.conditions))
    return replace(told, conditions=keep_transitions(said, told.conditions, now))


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
    told = before.conditions if before is not None else ()
    conditions = keep_transitions(find_conditions(world, decision, is_blind), told, now)
    if before is not None and not is_blind and _is_unasked(before, decision, want, view, now):
        conditions = keep_former(conditions, told, "Ready", *(() if decision.phase in _REPLACING else ("Progressing",)))
    return ServiceStatus(
        name=decision.service,
        phase=decision.phase,
        reason=decision.reason,
        message=decision.message,
        desired=decision.desired,
        ready=decision.ready,
        updated=decision.updated,
        replicas=_show_replicas(want, view),
        since=before.since if before is not None and same else now,
        waits_for=decision.waits_for,
        wake_at=soonest(decision.wake_at, *(one.returns_at for one in view.replicas)),
        frontends=want.frontends,
        usually=usually,
        conditions=conditions,
        restarted=find_restarted(decision, view),
    )


def _show_replicas(want: DesiredService, view: ServiceView) -> tuple[Replica, ...]:
    """Who is of another release was seen beside what is asked for now: its networks and its name are no hand's work."""
    if not any(replica.lost or replica.proper_name for replica in view.replicas):
        return view.replicas  # nearly always
    return tuple(
        replica if has_revision(replica, want) else replace(replica, lost=(), proper_name="")
        for replica in view.replicas
    )


def _is_unasked(
    before: ServiceStatus, decision: Decision, want: DesiredService, view: ServiceView, now: Instant
) -> bool:
    """It served when it was last told of, and since we came its probes have not answered: what is unknown is as it was.

    Of the very same lives, and only for as long as a start may take.
    """
    if decision.ready >= decision.desired or now >= view.since + want.start_timeout:
        return False  # nearly always
    if not any(one.type == "Ready" and one.status == TRUE for one in before.conditions):
        return False
    lives = {replica.life for replica in before.replicas}
    unasked = sum(1 for one in view.replicas if one.life in lives and has_no_verdict(one, view.since))
    return decision.ready + unasked >= decision.desired
