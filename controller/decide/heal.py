"""What each replica of the wanted revision needs in order to run and to be ready: start, restart, patience."""

from __future__ import annotations

from controller.decide.aim import is_release, release_of
from controller.decide.case import Case, is_excused, is_ready, settles_at, still_waits, was_put_down, was_set_back
from controller.decide.failures import last_words
from controller.decide.gates import served_until, sick_need, tell_wait, unmet_need
from controller.decide.moves import NONE, WAITS_FOR_SLOT, Moves
from controller.decide.restart import ask_restart, count_tries
from controller.model.decision import Grant
from controller.model.desired import SUCCESSES_TO_RETURN
from controller.model.names import Instant
from controller.model.observed import Health, Replica, ReplicaPhase
from controller.model.steps import Restart, Start


def heal(case: Case, replica: Replica) -> Moves:
    """The moves for one replica, by its phase."""
    match replica.phase:
        case ReplicaPhase.RUNNING:
            if replica.alive is Health.UNHEALTHY:
                return _restart_sick(case, replica, "not alive, by its liveness probe")
            return follow(case, replica) if is_ready(case, replica) else _wait_for_ready(case, replica)
        case ReplicaPhase.PAUSED:
            return _unpause(case, replica)
        case ReplicaPhase.RESTARTING:
            return Moves(
                reason="RestartedByDocker",
                message=f"{replica.name} {_tell_end(replica)}; Docker's restart policy acts",
                tries=tries_of(case, replica),
            )
        case ReplicaPhase.EXITED if _is_left_down(case, replica):
            return Moves(reason="SelfHealOff" if case.heals_at is None else "Watching", wake_at=case.heals_at)
        case ReplicaPhase.CREATED | ReplicaPhase.EXITED:
            return start(case, replica)
        case ReplicaPhase.DEAD | ReplicaPhase.REMOVING:
            return NONE


def _is_left_down(case: Case, replica: Replica) -> bool:
    """Without healing only what fell over stays down: not what never ran well, nor what we put down ourselves."""
    if case.heals or case.heals_at is not None:
        return not case.heals
    return (replica.revision != case.want.revision or _ran_well(case)) and not was_put_down(case, replica)


def _ran_well(case: Case) -> bool:
    """What is wanted was whole once: what is wrong with it now is to be healed, and is no first start."""
    return is_release(release_of(case.want), case.history.good)


def start(case: Case, replica: Replica) -> Moves:
    """Gates first, then the pause after a failure, then a free slot."""
    waits_for = unmet_need(case)
    if waits_for is not None:
        return Moves(reason="DependencyNotReady", message=tell_wait(case, waits_for), waits_for=waits_for)
    if replica.phase is ReplicaPhase.CREATED:
        return _begin(case, replica, "not started yet")
    if was_put_down(case, replica):
        return _begin(case, replica, "was stopped, is wanted again")
    if is_excused(case, replica):
        return _begin(case, replica, f"{_tell_end(replica)} under a limit that was lowered", heals=_ran_well(case))
    ended = replica.finished_at if replica.finished_at is not None else case.now
    permission = ask_restart(replica, ended, case.history.restarts.get(replica.id), case.want.backoff, case.now)
    why = _tell_end(replica)
    if permission.grant is None:
        message = f"{replica.name} {why}, {_count_tries(permission.tries)} so far"
        return Moves(wake_at=permission.due, reason="CrashLoopBackOff", message=message, tries=max(permission.tries, 1))
    begun = _begin(case, replica, why, permission.tries, heals=_ran_well(case))
    return begun if not begun.steps else _with_grant(begun, replica, permission.grant)


def _tell_end(replica: Replica) -> str:
    return f"exited with {replica.exit_code}" + (" (out of memory)" if replica.oom_killed else "")


def _begin(case: Case, replica: Replica, why: str, tries: int = 0, *, heals: bool = False) -> Moves:
    """Start it, if a slot is free."""
    if not _has_slot(case, tries, heals):
        return WAITS_FOR_SLOT
    by_compose = case.want.template.starts_by_compose
    step = Start(case.want.name, replica.id, replica.number, why, by_compose, heals)
    return Moves(steps=(step,), reason="Starting", message=f"{replica.name}: {why}", asks_slot=tries < 2, tries=tries)


def _unpause(case: Case, replica: Replica) -> Moves:
    if not case.heals:
        return Moves(reason="Paused", message=f"{replica.name} is paused", wake_at=case.heals_at)
    step = Start(case.want.name, replica.id, replica.number, "was paused from outside", heals=True)
    return Moves(steps=(step,), reason="Unpausing", message=f"{replica.name} was paused from outside")


def _wait_for_ready(case: Case, replica: Replica) -> Moves:
    """Patience until it settles or its time is over; unhealthy, or too slow, means another life."""
    holds, tries = holds_slot(case, replica), tries_of(case, replica)
    settles = settles_at(case, replica)
    if settles is not None:
        return Moves((), settles, "Settling", f"{replica.name} runs, settling", asks_slot=holds, tries=tries)
    deadline = _find_deadline(case, replica)
    late = case.now >= deadline
    if replica.health is not Health.UNHEALTHY and not late:
        wake = min(deadline, lease_end(case, replica)) if holds else deadline
        message = f"{replica.name} runs, not ready yet" + (f", after {_count_tries(tries)}" if tries else "")
        return Moves((), wake, "NotReady", message, asks_slot=holds, tries=tries)
    why = f"not ready {case.want.start_timeout:g} s after its start" if late else "unhealthy"
    if replica.alive is not Health.NONE:
        but = "alive" if replica.alive is Health.HEALTHY else "its liveness probe has not failed"
        return Moves(reason="Unhealthy", message=f"{replica.name} is {why}, and {but}")
    return _restart_sick(case, replica, why)


def _find_deadline(case: Case, replica: Replica) -> Instant:
    begun = 0.0 if was_set_back(replica.started_at, case.now) else replica.started_at or 0.0
    return max(begun, case.seen.since) + case.want.start_timeout


def is_coming(case: Case, replica: Replica) -> bool:
    """It runs, is not ready yet, and may still become so in time."""
    if replica.phase is not ReplicaPhase.RUNNING or replica.health is Health.UNHEALTHY or is_ready(case, replica):
        return False
    return case.now < _find_deadline(case, replica)


def _restart_sick(case: Case, replica: Replica, why: str) -> Moves:
    message = f"{replica.name} is {why}"
    if not (case.heals and case.want.heals_unhealthy):
        return Moves(reason="Unhealthy", message=message, wake_at=case.heals_at, tries=tries_of(case, replica))
    if (sick := sick_need(case)) is not None:
        return Moves(reason="Unhealthy", message=f"{message}, and {sick} is not ready", waits_for=sick)
    begun: Instant = replica.started_at or 0.0
    if (until := served_until(case, begun, _time_to_recover(case, replica))) is not None:
        return Moves(wake_at=until, reason="Unhealthy", message=f"{message}; what it needs has only just come back")
    permission = ask_restart(replica, begun, case.history.restarts.get(replica.id), case.want.backoff, case.now)
    if permission.grant is None:
        return Moves(wake_at=permission.due, reason="CrashLoopBackOff", message=message, tries=max(permission.tries, 1))
    if not _has_slot(case, permission.tries, _ran_well(case)):
        return WAITS_FOR_SLOT
    because = why + last_words(replica)
    step = Restart(case.want.name, replica.id, replica.number, case.want.stop_grace, because)
    asks = permission.tries < 2
    moves = Moves((step,), reason="Unhealthy", message=message, asks_slot=asks, tries=permission.tries)
    return _with_grant(moves, replica, permission.grant)


def _time_to_recover(case: Case, replica: Replica) -> float:
    """Seconds in which its check can say that it is well again, once what it needs serves."""
    check = case.want.liveness if replica.alive is Health.UNHEALTHY else case.want.readiness or replica.check
    if check is None:
        return 0.0
    return min(SUCCESSES_TO_RETURN * (check.interval + check.timeout), case.want.backoff.maximum)


def follow(case: Case, replica: Replica) -> Moves:
    """`restart: true` and shared namespaces: a ready replica restarts when what it depends on was replaced later.

    Only the engine's instants are compared; what happened before adoption restarts nobody, nor what lies ahead of us:
    each new life would still be older than that. Not a failure, no backoff.
    """
    born = _born(case, replica)
    for name, need in case.want.needs.items():
        offers = case.gates.get(name)
        if need.restart and offers is not None and offers.healthy and _is_later(offers.epoch, born, case.now):
            return _follow(case, replica, f"{name} was replaced")
    if is_left_behind(case, replica):
        return _follow(case, replica, f"{case.want.namespace_of}, whose namespace it shares, was restarted")
    return NONE


def is_left_behind(case: Case, replica: Replica) -> bool:
    """The owner of its namespace has begun anew since: it sees only what is left of the one before."""
    holder = case.holder
    return holder is not None and _is_later(holder.holder_started_at, _born(case, replica), case.now)


def _born(case: Case, replica: Replica) -> Instant:
    return max(replica.started_at or 0.0, case.history.adopted_at or 0.0)


def _is_later(instant: Instant | None, born: Instant, now: Instant) -> bool:
    return instant is not None and instant > born and not was_set_back(instant, now)


def _follow(case: Case, replica: Replica, why: str) -> Moves:
    if not case.may_begin:
        return WAITS_FOR_SLOT
    step = Restart(case.want.name, replica.id, replica.number, case.want.stop_grace, why)
    return Moves(steps=(step,), reason="Following", message=f"{replica.name}: {why}", asks_slot=True)


def _has_slot(case: Case, tries: int, heals: bool) -> bool:
    """Who has failed twice needs no slot: its backoff limits it. Who is healed needs none of the machine's."""
    return case.may_begin or tries >= 2 or (heals and case.may_heal)


def holds_slot(case: Case, replica: Replica) -> bool:
    """A start slot is a lease, and who failed twice holds none."""
    return tries_of(case, replica) < 2 and still_waits(lease_end(case, replica), case.want.unwidened, case.now)


def lease_end(case: Case, replica: Replica) -> Instant:
    """It ends with the start timeout of the files: others need not have learned the patience of who is slow."""
    return (replica.started_at or 0.0) + case.want.unwidened


def _count_tries(tries: int) -> str:
    return "1 restart" if tries == 1 else f"{tries} restarts"


def tries_of(case: Case, replica: Replica) -> int:
    return count_tries(replica, case.history.restarts.get(replica.id), case.seen.taken_at)


def _with_grant(moves: Moves, replica: Replica, grant: Grant) -> Moves:
    return moves._replace(grants={replica.id: grant})
