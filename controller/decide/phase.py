"""A decision put into words: the phase, its reason, and what dependents may know of it."""

from __future__ import annotations

from controller.decide.case import ALIVE, Case, Parts
from controller.decide.moves import Moves
from controller.decide.rollout import find_surplus
from controller.model.decision import Decision, Offers, Phase
from controller.model.observed import Replica, ReplicaPhase
from controller.model.steps import Restart, Start

Words = tuple[Phase, str, str]


def find_phase(case: Case, parts: Parts, moves: Moves) -> Words:
    """The phase of a service that is to run. Words of the rules are kept where they say more than the phase."""
    ready = parts.ready_fresh
    whole = ready >= case.want.replicas and not parts.stale
    if whole and case.history.attempt is None and not moves.steps:
        return Phase.READY, "Ready", ""
    failing = _find_failure(case, ready, moves)
    if failing is not None:
        return failing
    if case.history.attempt is not None:
        return _find_update(len(parts.ready), whole, moves)
    return _find_start(case, parts, ready, moves)


def _find_failure(case: Case, ready: int, moves: Moves) -> Words | None:
    trouble = case.seen.trouble
    if trouble is not None and trouble.lasting and moves.reason.endswith(("Failed", "BackOff")):
        return (Phase.DEGRADED if ready else Phase.FAILED), moves.reason, moves.message
    if moves.reason == "ImageNeverPulled":
        return (Phase.DEGRADED if ready else Phase.FAILED), moves.reason, moves.message
    if moves.tries >= 2 or moves.reason == "CrashLoopBackOff":
        return Phase.CRASH_LOOP, "CrashLoopBackOff", moves.message
    return None


def _find_update(serving: int, whole: bool, moves: Moves) -> Words:
    if whole:
        return Phase.UPDATING, "Watching", "all replaced, being watched"
    if moves.waits_for is not None and not serving:
        return Phase.WAITING, moves.reason, moves.message
    return Phase.UPDATING, moves.reason or "Updating", moves.message


def _find_start(case: Case, parts: Parts, ready: int, moves: Moves) -> Words:
    alive = any(replica.phase in ALIVE for replica in parts.fresh)
    if moves.waits_for is not None and not ready:
        return Phase.WAITING, moves.reason, moves.message
    if moves.reason in ("Unhealthy", "SelfHealOff", "Paused") and alive:
        return Phase.DEGRADED, moves.reason, moves.message
    if ready >= case.want.replicas:
        return Phase.READY, moves.reason or "Ready", moves.message
    if moves.reason != "WaitingForSlot" and (alive or begins(moves)):
        return Phase.STARTING, moves.reason or "Starting", moves.message
    return Phase.PENDING, moves.reason or "Pending", moves.message


def begins(moves: Moves) -> bool:
    """Something is started now; fetching an image or creating a container starts nothing yet."""
    return any(isinstance(step, Start | Restart) for step in moves.steps)


def count_alive(parts: Parts) -> int:
    return sum(1 for replica in parts.fresh + parts.stale if replica.phase in ALIVE)


def conclude(case: Case, parts: Parts, moves: Moves, words: Words) -> Decision:
    """The whole decision."""
    phase, reason, message = words
    want = case.want
    job = phase is Phase.COMPLETED or want.is_job is True
    return Decision(
        service=want.name,
        phase=phase,
        reason=reason,
        message=message,
        history=case.history,
        offers=_make_offers(case, parts, phase),
        steps=moves.steps,
        wake_at=moves.wake_at,
        waits_for=moves.waits_for,
        starting=moves.asks_slot,
        denied=moves.denied,
        ready=1 if phase is Phase.COMPLETED else len(parts.ready),
        updated=1 if phase is Phase.COMPLETED else len(parts.fresh),
        desired=0 if want.leaving is not None or phase is Phase.STOPPED else 1 if job else want.replicas,
    )


def _is_settled(case: Case, parts: Parts, phase: Phase) -> bool:
    """Nothing is left to replace, whether it serves right now or not; what is left as it is holds up nobody.

    Who shares a namespace will be replaced with its owner.
    """
    if case.aim.frozen is not None or case.want.leaving is not None or phase is Phase.COMPLETED:
        return True
    if case.holder is not None and not case.holder.settled:
        return False
    return not parts.stale and len(parts.fresh) >= case.want.replicas


def _make_offers(case: Case, parts: Parts, phase: Phase) -> Offers:
    """What dependents may know. Any revision serves: a dependency in mid-update still is one."""
    completed = phase is Phase.COMPLETED or case.history.completed == case.want.revision
    settled = _is_settled(case, parts, phase)
    present = parts.fresh + parts.stale
    if not present:
        return Offers(completed=completed, failed=phase is Phase.FAILED, settled=settled)
    holder = _find_holder(present, find_surplus(case, parts))
    runs = holder is not None and holder.phase is ReplicaPhase.RUNNING
    leaving = case.want.leaving is not None
    phases = [replica.phase for replica in present]
    return Offers(
        started=not leaving and ReplicaPhase.RUNNING in phases,
        healthy=not leaving and bool(parts.ready),
        completed=completed,
        failed=phase is Phase.FAILED,
        settled=settled,
        running=not ALIVE.isdisjoint(phases),
        epoch=min([replica.created_at for replica in parts.ready], default=0.0),
        holder=None if holder is None else holder.id,
        holder_started_at=holder.started_at if holder is not None and runs else None,
    )


def _find_holder(present: tuple[Replica, ...], surplus: tuple[Replica, ...]) -> Replica | None:
    """Whose namespace others share: the first that stays."""
    for replica in present:
        if replica not in surplus:
            return replica
    return None
