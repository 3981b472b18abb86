"""The names under which others find a replica: taken from it before its end, given back to who stays. Pure.

Docker's DNS says a service's name for every container that has it, also in the instant in which one of them ends. Who
has no name any more gets no new connection, and keeps those that it has.
"""

from __future__ import annotations

from controller.decide.case import Case, is_ready, was_refused
from controller.model.names import Instant
from controller.model.observed import Replica
from controller.model.steps import Connect, Restart, Stop, Withdraw


def is_withdrawn(case: Case, replica: Replica) -> bool:
    """It was taken out of its names, so that nobody new finds it."""
    return case.want.pre_stop_delay > 0 and replica.by_name is False


def withdraw(case: Case, replica: Replica, step: Stop | Restart) -> Withdraw | None:
    """What comes before its end, where it serves and can be found. What the engine refuses holds nothing up."""
    if case.want.pre_stop_delay <= 0 or not replica.by_name or not is_ready(case, replica):
        return None
    if was_refused(case, Withdraw.__name__):
        return None
    return Withdraw(case.want.name, replica.id, replica.number, step.because)


def withdrawn_until(case: Case, replica: Replica) -> Instant | None:
    """Until when whoever looked its name up before may still come; None: nobody is waited for any more."""
    if not is_withdrawn(case, replica) or not is_ready(case, replica):
        return None
    since = replica.withdrawn_since if replica.withdrawn_since is not None else case.now
    until = min(since, case.now) + case.want.pre_stop_delay
    return until if case.now < until else None


def name_again(case: Case, replica: Replica) -> Connect | None:
    """For one that is not what is wanted now, and serves on after all."""
    made_from = case.known.get((case.want.name, replica.revision))
    if made_from is None or replica.by_name is not False or not replica.running:
        return None
    because = "serves on under its names"
    return Connect(case.want.name, replica.id, replica.number, made_from.template, because)
