"""Which revision a service is to have now, and what stands in the way of it."""

from __future__ import annotations

from dataclasses import replace

from controller.model.decision import Aim, Freeze, History, Hold
from controller.model.desired import DesiredService, Leaving


def aim(want: DesiredService, history: History, hold: Hold | None, may_start: bool) -> Aim:
    """A person's pause comes before the stack's hold, a hold before a stop, a stop before everything that is wanted."""
    if history.paused:
        return Aim(want, want.revision, Freeze.PAUSED, "paused by a person; `controller resume` goes on")
    if hold is not None:
        return Aim(want, want.revision, Freeze.HELD, f"the stack is held: {hold.reason}")
    if history.stopped and want.leaving is None:
        return Aim(replace(want, replicas=0, leaving=Leaving.STOPPED), want.revision, message=history.stopped)
    if not may_start:
        return Aim(want, want.revision, Freeze.NOT_STARTED, "autoStart is false; `controller start` starts it")
    return Aim(want, want.revision)
