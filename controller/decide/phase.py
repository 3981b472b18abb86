"""A decision put into words: the phase, its reason, and what dependents may know of it."""

from __future__ import annotations

from controller.decide.admission import EXCEEDS, SHORT_OF_ROOM
from controller.decide.aim import release_of
from controller.decide.barred import INSECURE, find_successor
from controller.decide.case import ALIVE, Case, Parts, ready_since
from controller.decide.drain import serves
from controller.decide.heal import tries_of
from controller.decide.moves import Moves
from controller.decide.networks import is_under_way
from controller.decide.rollout import WAYS_BACK, find_surplus
from controller.model.decision import ON_ITS_WAY, Course, Decision, Offers
from controller.model.observed import Replica, ReplicaPhase, Trouble
from controller.model.phases import Phase
from controller.model.steps import Restart, Start

Words = tuple[Phase, str, str]

QUARANTINED = frozenset({"RolledBack", "UpdatePaused", "RollbackFailed"})
"""Reasons of services whose release failed, and which is not tried again until something changes."""

UPDATE_FAILED = "UpdateFailed"
"""The reason of the one decision that writes down that an update, or a restart that a person asked for, has failed."""

PULL_BACKOFF = "ImagePullBackOff"
"""The reason of a service whose image could not be had, and is asked for again later."""

TRIED_ENOUGH = 12
"""Restarts after which nobody waits any more for what they are to mend: about 25 minutes, with pauses up to 300 s."""

_KEPT_FROM_NETWORKS = frozenset({"ConnectFailed", "DisconnectFailed"})
_WATCHED = "all replaced, being watched"


def find_phase(case: Case, parts: Parts, moves: Moves) -> Words:
    """The phase of a service that is to run. Words of the rules are kept where they say more than the phase."""
    ready = parts.ready_fresh
    whole = ready >= case.want.replicas and not parts.stale
    halted = case.aim.course is Course.HALTED
    if whole and moves.asks_slot and not case.history.updating:
        return Phase.UPDATING, moves.reason, moves.message  # all serve, and some are yet to follow a dependency
    if halted and case.history.halted and not case.history.failed:
        return _find_pause(case, parts, whole, moves)
    rests = not moves.steps and moves.reason not in ON_ITS_WAY and (halted or not case.history.updating)
    if case.aim.course is not None and (whole or halted) and rests:
        return _find_halt(case, parts, whole, moves)
    if whole and rests and not (moves.reason in _KEPT_FROM_NETWORKS and is_under_way(case)):
        return Phase.READY, *_tell_ready(case)
    failing = _find_failure(case, len(parts.ready), moves)
    if failing is not None:
        return failing
    if case.history.updating:
        return _find_update(case, len(parts.ready), whole, moves)
    return _find_start(case, parts, ready, moves)


def _find_pause(case: Case, parts: Parts, whole: bool, moves: Moves) -> Words:
    """A person halted its update: that is all that is said of it only while enough serve, old or new."""
    serving = len(parts.ready)
    if parts.stale and serving >= case.want.replicas:
        return Phase.PAUSED, "UpdateHalted", case.aim.message
    if whole and not moves.steps:
        return Phase.READY, *_tell_ready(case)
    return _find_failure(case, serving, moves) or _find_start(case, parts, serving, moves)


def _tell_ready(case: Case) -> tuple[str, str]:
    attempt = case.history.attempt
    if attempt is None:
        return "Ready", ""
    return "Baking", f"watched for {case.want.update.bake:g} s more before the release before is forgotten"


def _find_halt(case: Case, parts: Parts, whole: bool, moves: Moves) -> Words:
    """It is not on its way to what is asked for, and nothing is left to do about that."""
    why = case.aim.message
    match case.aim.course:
        case Course.PINNED:
            return Phase.PAUSED, "Pinned", why
        case Course.RETURNING | Course.STACK_RETURNING:
            return Phase.DEGRADED, "RolledBack", why
        case _:
            serves = bool(parts.ready)
            reason = "UpdatePaused" if release_of(case.want) == case.aim.asked else "RollbackFailed"
            return (Phase.DEGRADED if serves else Phase.FAILED), reason, why


def _find_failure(case: Case, serving: int, moves: Moves) -> Words | None:
    """While somebody serves, old or new, the service has not failed."""
    trouble = case.fetch_trouble if moves.reason == PULL_BACKOFF else case.seen.trouble
    if _is_lasting(trouble) and moves.reason.endswith(("Failed", "BackOff")):
        return (Phase.DEGRADED if serving else Phase.FAILED), moves.reason, moves.message
    if moves.reason in ("ImageNeverPulled", EXCEEDS, INSECURE):
        return (Phase.DEGRADED if serving else Phase.FAILED), moves.reason, moves.message
    if moves.tries >= 2 or moves.reason == "CrashLoopBackOff":
        return Phase.CRASH_LOOP, "CrashLoopBackOff", moves.message
    return None


def _find_update(case: Case, serving: int, whole: bool, moves: Moves) -> Words:
    back = case.aim.course in WAYS_BACK
    phase = Phase.ROLLING_BACK if back else Phase.UPDATING
    if whole:
        return phase, "Watching", f"{case.aim.message}; all are back, being watched" if back else _WATCHED
    if moves.waits_for is not None and not serving:
        return Phase.WAITING, moves.reason, moves.message
    if back and moves.short is not None and not moves.steps:
        return phase, moves.short.reason, f"{case.aim.message}; goes back: {moves.short.message}"
    if back:
        return phase, "RollingBack", f"{case.aim.message}; goes back to the last good release"
    return phase, moves.reason or "Updating", moves.message


def _find_start(case: Case, parts: Parts, ready: int, moves: Moves) -> Words:
    kept = parts.fresh + parts.stale if case.aim.course is Course.HALTED else parts.fresh
    alive = any(replica.phase in ALIVE for replica in kept)
    if moves.reason in ("Unhealthy", "SelfHealOff", "Paused") and alive:
        return Phase.DEGRADED, moves.reason, moves.message
    if moves.waits_for is not None and not ready:
        return Phase.WAITING, moves.reason, moves.message
    if moves.reason in SHORT_OF_ROOM:
        return _find_shortage(case, ready, alive, moves)
    if ready >= case.want.replicas:
        return Phase.READY, moves.reason or "Ready", moves.message
    if moves.reason != "WaitingForSlot" and (alive or begins(moves)):
        return Phase.STARTING, moves.reason or "Starting", moves.message
    return Phase.PENDING, moves.reason or "Pending", moves.message


def _find_shortage(case: Case, ready: int, alive: bool, moves: Moves) -> Words:
    """What runs already is not all that is wanted; there is no room for the next one."""
    phase = Phase.DEGRADED if ready else Phase.STARTING if alive else Phase.WAITING
    others = f"{ready} of {case.want.replicas} ready, the next one " if ready else "the next one " if alive else ""
    return phase, moves.reason, f"{others}{moves.message}" if moves.message.startswith("needs") else moves.message


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
        short=moves.short,
        ready=1 if phase is Phase.COMPLETED else len(parts.ready),
        updated=1 if phase is Phase.COMPLETED else len(parts.fresh),
        desired=0 if want.leaving is not None or phase is Phase.STOPPED else 1 if job else want.replicas,
        frontends=want.frontends,
        parts_from=tuple(sorted({network for _, network in case.kept_on})),
        unconfined=is_under_way(case),
        release=case.aim.asked if case.aim.course is None else release_of(want),
        course=case.aim.course,
        successor=find_successor(case, parts, moves) if parts.stale and want.leaving is None else None,
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


def _is_updated(case: Case, settled: bool) -> bool:
    """What failed holds up the updates of its dependents; what a person undid does not."""
    if not settled or case.history.updating:
        return False
    return case.aim.course in (None, Course.PINNED) or not case.history.failed


def _make_offers(case: Case, parts: Parts, phase: Phase) -> Offers:
    """What dependents may know. Any revision serves: a dependency in mid-update still is one."""
    completed = phase is Phase.COMPLETED or case.history.completed == case.want.revision
    settled = _is_settled(case, parts, phase)
    present = parts.fresh + parts.stale
    failed, updated = phase is Phase.FAILED, _is_updated(case, settled)
    tended = not failed and _is_tended(case, parts)
    if not present:
        return Offers(completed=completed, failed=failed, settled=settled, updated=updated, tended=tended)
    holder = _find_holder(present, find_surplus(case, parts))
    runs = holder is not None and holder.phase is ReplicaPhase.RUNNING
    leaving = case.want.leaving is not None
    phases = [replica.phase for replica in present]
    return Offers(
        started=not leaving and ReplicaPhase.RUNNING in phases,
        healthy=not leaving and bool(parts.ready),
        reached=not leaving and any(serves(case, replica) for replica in parts.ready),
        completed=completed,
        failed=failed,
        settled=settled,
        updated=updated,
        running=not ALIVE.isdisjoint(phases),
        epoch=min([replica.created_at for replica in parts.ready], default=0.0),
        tended=tended,
        served_since=min([ready_since(one, case.want.settle, case.now) or 0.0 for one in parts.ready], default=0.0),
        holder=None if holder is None else holder.id,
        holder_started_at=holder.started_at if holder is not None and runs else None,
    )


def _is_tended(case: Case, parts: Parts) -> bool:
    """Else who is sick along with it would wait for nothing: left alone, refused for good, or tried long enough."""
    if parts.ready:
        return True
    if case.want.leaving is not None or case.aim.frozen is not None or not (case.heals and case.want.heals_unhealthy):
        return False
    if _is_lasting(case.seen.trouble) or (_is_lasting(case.fetch_trouble) and not parts.fresh + parts.stale):
        return False
    return all(tries_of(case, replica) < TRIED_ENOUGH for replica in parts.fresh)


def _is_lasting(trouble: Trouble | None) -> bool:
    return trouble is not None and trouble.lasting


def _find_holder(present: tuple[Replica, ...], surplus: tuple[Replica, ...]) -> Replica | None:
    """Whose namespace others share: the first that stays."""
    for replica in present:
        if replica not in surplus:
            return replica
    return None
