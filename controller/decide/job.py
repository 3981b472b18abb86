"""Jobs: services that are to end with 0, once for each revision (CONTRACTS 3.1)."""

from __future__ import annotations

from controller.decide.case import ALIVE, Case, Parts
from controller.decide.gates import tell_wait, unmet_need
from controller.decide.moves import NONE, Moves, add_up
from controller.decide.restart import ask_restart
from controller.decide.rollout import create_missing, fetch_image, remove_surplus
from controller.model.desired import DockerRestart
from controller.model.observed import Replica, ReplicaPhase
from controller.model.steps import Remove, Start, Stop

SHORT = 60.0
"""Seconds within which an undeclared job must end with 0 to be taken for one."""


def is_job(case: Case, parts: Parts) -> bool:
    """Declared, or by how it ended: no policy that restarts it, no check, no port, ended with 0 within a minute."""
    want = case.want
    if want.is_job is not None:
        return want.is_job
    if want.docker_restart not in (DockerRestart.NO, DockerRestart.ON_FAILURE) or want.ports or want.readiness:
        return False
    if case.history.completed == want.revision and not parts.fresh:
        return True
    return bool(parts.fresh) and all(_looks_done(case, replica) for replica in parts.fresh)


def _looks_done(case: Case, replica: Replica) -> bool:
    if not ended_well(case, replica) or replica.check is not None or replica.exposes_ports:
        return False
    return replica.started_at is not None and (replica.finished_at or 0.0) - replica.started_at < SHORT


def ended_well(case: Case, replica: Replica) -> bool:
    """Ended with 0 by itself: what we stopped may say 0 as well, and has completed nothing."""
    if replica.phase is not ReplicaPhase.EXITED or replica.exit_code != 0 or replica.started_at is None:
        return False
    return case.history.put_down.get(replica.id) != replica.started_at


def is_completed(case: Case, parts: Parts) -> bool:
    """Once is enough while it is current, also when the container is gone."""
    return case.history.completed == case.want.revision or any(ended_well(case, replica) for replica in parts.fresh)


def has_failed(case: Case, parts: Parts) -> bool:
    """Ended with an error as often as its backoff allows."""
    return any(
        replica.phase is ReplicaPhase.EXITED
        and not ended_well(case, replica)
        and _tries(case, replica) >= case.want.backoff.attempts
        for replica in parts.fresh
    )


def job_moves(case: Case, parts: Parts) -> Moves:
    """Make way for the new run, create it, start it behind its gate, try again while there are tries left."""
    if is_completed(case, parts):
        return NONE
    if parts.stale:
        return fetch_image(case) or _clear(parts)
    running = Parts(parts.fresh, (), parts.dead)
    return add_up((remove_surplus(case, running), create_missing(case, running), *(_run(case, r) for r in parts.fresh)))


def _clear(parts: Parts) -> Moves:
    because = "makes way for a new run"
    steps = tuple(
        Stop(r.service, r.id, r.number, 10.0, because)
        if r.phase in ALIVE
        else Remove(r.service, r.id, r.number, because)
        for r in parts.stale
    )
    return Moves(steps=steps, reason="Updating", message="an older run makes way")


def _run(case: Case, replica: Replica) -> Moves:
    if replica.phase not in (ReplicaPhase.CREATED, ReplicaPhase.EXITED):
        return Moves(reason="Running", message=f"{replica.name} runs", asks_slot=True)
    waits_for = unmet_need(case)
    if waits_for is not None:
        return Moves(reason="DependencyNotReady", message=tell_wait(case, waits_for), waits_for=waits_for)
    if replica.phase is ReplicaPhase.CREATED:
        return _begin(case, replica, "not run yet")
    if has_failed(case, Parts((replica,), (), ())):
        return Moves(
            reason="JobFailed", message=f"{replica.name} exited with {replica.exit_code}", tries=_tries(case, replica)
        )
    ended = replica.finished_at or case.now
    permission = ask_restart(replica, ended, case.history.restarts.get(replica.id), case.want.backoff, case.now)
    why = f"exited with {replica.exit_code}"
    if permission.grant is None:
        return Moves((), permission.due, "BackingOff", f"{replica.name} {why}", tries=max(1, permission.tries))
    moves = _begin(case, replica, why)
    return (
        moves if not moves.steps else Moves(moves.steps, None, moves.reason, why, grants={replica.id: permission.grant})
    )


def _begin(case: Case, replica: Replica, why: str) -> Moves:
    if not case.may_begin:
        return Moves(reason="WaitingForSlot", message="waits for others to finish starting", asks_slot=True)
    step = Start(case.want.name, replica.id, replica.number, why, case.want.template.starts_by_compose)
    return Moves(steps=(step,), reason="Starting", message=f"{replica.name}: {why}", asks_slot=True)


def _tries(case: Case, replica: Replica) -> int:
    grant = case.history.restarts.get(replica.id)
    return grant.tries if grant is not None else 0
