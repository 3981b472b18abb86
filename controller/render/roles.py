"""What each phase means to the eye: the role it is painted in. The word itself carries the meaning. Pure."""

from __future__ import annotations

from controller.model.phases import AT_REST, Phase, StackPhase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_SERVICE = {
    Phase.PENDING: "busy",
    Phase.WAITING: "busy",
    Phase.STARTING: "busy",
    Phase.READY: "good",
    Phase.UPDATING: "busy",
    Phase.ROLLING_BACK: "warn",
    Phase.DEGRADED: "warn",
    Phase.CRASH_LOOP: "bad",
    Phase.FAILED: "bad",
    Phase.COMPLETED: "good",
    Phase.PAUSED: "dim",
    Phase.STOPPED: "dim",
}
_STACK = {
    StackPhase.CONVERGED: "good",
    StackPhase.PROGRESSING: "busy",
    StackPhase.DEGRADED: "warn",
    StackPhase.FAILED: "bad",
    StackPhase.PAUSED: "dim",
    StackPhase.STOPPED: "dim",
}


def role_of(phase: Phase | StackPhase) -> str:
    """The role that a phase is painted in."""
    return _SERVICE[phase] if isinstance(phase, Phase) else _STACK[phase]


def tally(services: Iterable[tuple[Phase, int]]) -> tuple[int, int]:
    """Of services by phase and wanted replicas: how many are where they are to be, of those that are to run."""
    wanted = [phase for phase, desired in services if desired]
    return sum(1 for phase in wanted if phase in AT_REST), len(wanted)
