"""What is said of a phase beside its word. Pure."""

from __future__ import annotations

from controller.model.names import Instant
from controller.model.phases import SICK, Phase, StackPhase
from controller.model.status import ServiceStatus
from controller.render.roles import role_of
from controller.render.text import Cell

_TRIES_AGAIN = SICK | {Phase.PENDING, Phase.WAITING}

_REMARKS = {
    "StoppedByUser": "stopped by hand; `controller start` starts it",
    "NotStarted": "autoStart is false; `controller start` starts it",
    "NotRunningAtAdoption": "was not running when it was found; `controller start` starts it",
    "OutOfProfile": "not part of this profile",
    "Orphaned": "not in the Compose file any more; `controller prune` removes it",
    "Paused": "left alone; `controller resume` ends that",
}


def remark_on(service: ServiceStatus) -> str:
    """The sentence beside a phase: the service's own, else what its reason means to a person; "" where all is well."""
    if service.phase in (Phase.READY, Phase.COMPLETED) and not service.waits_for:
        return ""
    return service.message or _REMARKS.get(service.reason, "")


def next_try(service: ServiceStatus) -> Instant | None:
    """When it is tried, or looked at, again while something is wrong; else a wake is a deadline, or the end of a watch.

    None: nothing is wrong, or nothing comes of it by time alone.
    """
    return service.wake_at if service.phase in _TRIES_AGAIN else None


def phase_cell(phase: Phase | StackPhase) -> Cell:
    return Cell(str(phase), role_of(phase))
