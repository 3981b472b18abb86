"""The names under which others find a replica: taken from it before its end, given back to who stays. Pure.

Docker's DNS says a service's name for every container that has it, also in the instant in which one of them ends. Who
has no name any more gets no new connection, and keeps those that it has. Where all of a service goes, nobody else could
be found instead: there the names stay.
"""

from __future__ import annotations

from controller.decide.case import Case, is_ready, still_waits, was_refused
from controller.decide.lacking import made_with
from controller.model.desired import DesiredService
from controller.model.names import Instant
from controller.model.observed import Replica
from controller.model.steps import Connect, Step, Stop, Withdraw


def is_withdrawn(case: Case, replica: Replica) -> bool:
    """It was taken out of its names, so that nobody new finds it."""
    return was_withdrawn(case.want, replica)


def was_withdrawn(want: DesiredService, replica: Replica) -> bool:
    """By us, before its end: where that is done, nobody asks who else did it."""
    return want.pre_stop_delay > 0 and replica.by_name is False


def withdraw(case: Case, replica: Replica, step: Step) -> Withdraw | None:
    """What comes before the end of one that serves and can be found. What the engine refuses holds nothing up."""
    want = case.want
    if not isinstance(step, Stop) or want.pre_stop_delay <= 0 or want.leaving is not None or not replica.by_name:
        return None
    if not is_ready(case, replica) or was_refused(case, Withdraw.__name__):
        return None
    return Withdraw(want.name, replica.id, replica.number, step.because)


def withdrawn_until(case: Case, replica: Replica) -> Instant | None:
    """Until when whoever looked its name up before may still come; None: nobody is waited for any more."""
    if case.want.leaving is not None or not is_withdrawn(case, replica) or not is_ready(case, replica):
        return None
    since = replica.withdrawn_since if replica.withdrawn_since is not None else case.now
    until = since + case.want.pre_stop_delay
    return until if still_waits(until, case.want.pre_stop_delay, case.now) else None


def name_again(case: Case, replica: Replica, because: str) -> Connect | None:
    """For one that was withdrawn: it has the names again that it was made with."""
    if not is_withdrawn(case, replica):
        return None
    template = made_with(replica, case.want, case.known).template
    return Connect(case.want.name, replica.id, replica.number, template, because)
