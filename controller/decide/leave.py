"""Services that are to have no running replica: stopped by a person, out of the profile, removed, orphaned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from controller.decide.case import ALIVE, Case, in_order
from controller.decide.moves import NONE, Moves
from controller.decide.names import name_again
from controller.model.desired import Leaving
from controller.model.names import Instant
from controller.model.observed import Replica, ReplicaPhase
from controller.model.steps import Remove, Step, Stop

_BECAUSE = {
    Leaving.STOPPED: "the service is to be stopped",
    Leaving.OUT_OF_PROFILE: "not part of the profile",
    Leaving.REMOVED: "not part of the Compose file any more",
}


def leave(case: Case) -> Moves:
    """Stop what runs, dependents first; remove only what is gone from the file, and only under `prune`."""
    leaving = case.want.leaving
    if leaving is None or leaving is Leaving.ORPHANED:
        return NONE
    present = in_order(case.seen.replicas)
    alive = [replica for replica in present if replica.phase in ALIVE]
    if alive and case.dependents:
        first = ", ".join(case.dependents)
        return Moves(reason="DependentsRunning", message=f"stops after {first}")
    because = _BECAUSE[leaving]
    by_compose = case.want.template.starts_by_compose
    steps: list[Step] = [
        Stop(case.want.name, replica.id, replica.number, case.want.stop_grace, because, by_compose) for replica in alive
    ]
    if leaving is Leaving.REMOVED:
        steps += [
            Remove(case.want.name, replica.id, replica.number, because)
            for replica in present
            if replica.phase not in ALIVE and replica.phase is not ReplicaPhase.REMOVING
        ]
    if not steps and leaving is not Leaving.REMOVED:  # somebody else may start it by hand
        named = (name_again(case, replica, "was taken out of its names before it was stopped") for replica in present)
        steps += [step for step in named if step is not None]
    return Moves(steps=tuple(steps), reason=str(leaving), message=because)


def note_put_down(
    known: Mapping[str, Instant], replicas: Iterable[Replica], steps: Iterable[Step]
) -> Mapping[str, Instant]:
    """Lives that we end now or have ended, as long as their containers have begun no other."""
    ends = {step.replica for step in steps if isinstance(step, Stop)}
    return {
        replica.id: replica.started_at
        for replica in replicas
        if replica.started_at is not None and (replica.id in ends or known.get(replica.id) == replica.started_at)
    }
