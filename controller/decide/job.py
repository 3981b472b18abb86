"""Jobs: services that are to end with 0, once for each revision."""

from __future__ import annotations

from controller.decide.barred import tell_barred
from controller.decide.case import ALIVE, Case, Parts, was_put_down
from controller.decide.gates import unmet_need
from controller.decide.heal import heal, holds_slot, lease_end, start, tries_of
from controller.decide.moves import NONE, Moves, add_up, ended_by
from controller.decide.rollout import create_missing, end_replica, fetch_image, remove_surplus
from controller.model.desired import DockerRestart
from controller.model.observed import Replica, ReplicaPhase

SHORT = 60.0
"""Seconds within which an undeclared job must end with 0 to be taken for one."""


def is_job(case: Case, parts: Parts) -> bool:
    """Declared, or by how it ended: no policy that restarts it, no check, no port, ended with 0 within a minute."""
    want = case.want
    if want.is_job is not None:
        return want.is_job
    if want.docker_restart not in (DockerRestart.NO, DockerRestart.ON_FAILURE) or want.ports or want.probed:
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
    return not was_put_down(case, replica)


def is_completed(case: Case, parts: Parts) -> bool:
    """Once is enough while it is current, also when the container is gone."""
    return case.history.completed == case.want.revision or any(ended_well(case, replica) for replica in parts.fresh)


def has_failed(case: Case, replicas: tuple[Replica, ...]) -> bool:
    """Ended with an error as often as its backoff allows."""
    return any(replica.phase is ReplicaPhase.EXITED and _is_used_up(case, replica) for replica in replicas)


def _is_used_up(case: Case, replica: Replica) -> bool:
    """No try is left. One that was granted to this very end has not been made yet; what we stopped failed nothing."""
    if ended_well(case, replica) or was_put_down(case, replica):
        return False
    grant = case.history.restarts.get(replica.id)
    tries = 1 if grant is None else grant.tries + 1
    return tries >= case.want.backoff.attempts and (grant is None or grant.ended != replica.finished_at)


def job_moves(case: Case, parts: Parts) -> Moves:
    """Make way for the new run, create it, start it behind its gate, try again while there are tries left."""
    if is_completed(case, parts):
        return NONE
    if parts.stale:
        return tell_barred(case) or fetch_image(case) or _clear(case, parts)
    surplus = remove_surplus(case, parts)
    going = ended_by(surplus)
    runs = tuple(_run(case, replica) for replica in parts.fresh if replica.id not in going)
    return add_up((surplus, create_missing(case, parts), *runs))


def _clear(case: Case, parts: Parts) -> Moves:
    because = "makes way for a new run"
    going = [replica for replica in parts.stale if replica.phase not in ALIVE]
    return Moves(
        steps=tuple(end_replica(case, replica, because) for replica in parts.stale),
        reason="Updating",
        message="an older run makes way",
        carried=tuple(replica.mounts for replica in going if replica.mounts),
    )


def _run(case: Case, replica: Replica) -> Moves:
    match replica.phase:
        case ReplicaPhase.RUNNING:
            holds = holds_slot(case, replica)
            until = lease_end(case, replica) if holds else None
            return Moves((), until, "Running", f"{replica.name} runs", asks_slot=holds)
        case ReplicaPhase.EXITED if unmet_need(case) is None and has_failed(case, (replica,)):
            message = f"{replica.name} exited with {replica.exit_code}"
            return Moves(reason="JobFailed", message=message, tries=tries_of(case, replica))
        case ReplicaPhase.CREATED | ReplicaPhase.EXITED:
            return start(case, replica)
        case _:
            return heal(case, replica)
