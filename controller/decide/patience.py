"""How long a service is given to be ready: never less than it is known to take. Nothing is ever shortened. Pure."""

from __future__ import annotations

import math
from dataclasses import replace

from controller.model.desired import DesiredService, DesiredStack, Probe, UpdatePolicy
from controller.model.timings import Span, Timings

LONGEST = 3600.0
"""Seconds beyond which nothing is widened: what took longer waited for something else."""


def needed(service: str, timings: Timings) -> float | None:
    """Whole seconds from its start that are enough for it to be ready; None: not measured enough."""
    seconds = timings.at_most(service, Span.READY)
    return None if seconds is None else min(math.ceil(seconds), LONGEST)


def widen_all(stack: DesiredStack, timings: Timings) -> DesiredStack:
    """The stack with each service widened, unless its policy leaves what was learned alone."""
    if not stack.policy.optimization.learned_timeouts:
        return stack
    services = {name: widen(service, timings) for name, service in stack.services.items()}
    same = all(services[name] is service for name, service in stack.services.items())
    return stack if same else replace(stack, services=services)


def widen(service: DesiredService, timings: Timings) -> DesiredService:
    """With a start timeout, and a deadline for the progress of updates, that its past starts would have kept.

    Jobs are given all the time that they take anyway. Where a probe is lenient for as long as a start may take, it is
    so for as long as a start may take now.
    """
    time = None if service.is_job else needed(service.name, timings)
    if time is None:
        return service
    patience = max(service.start_timeout, float(time))
    update, rollback = _with_time(service.update, time), _with_time(service.rollback, time)
    if patience == service.start_timeout and update is service.update and rollback is service.rollback:
        return service
    return replace(
        service,
        start_timeout=patience,
        update=update,
        rollback=rollback,
        readiness=_lenient(service.readiness, service.start_timeout, patience),
        liveness=_lenient(service.liveness, service.start_timeout, patience),
        startup=_lenient(service.startup, service.start_timeout, patience),
    )


def _with_time(update: UpdatePolicy, time: float) -> UpdatePolicy:
    """Each new replica becomes ready, and is watched, before that is progress."""
    whole = time + update.monitor
    return update if update.progress_deadline >= whole else replace(update, progress_deadline=whole)


def _lenient(probe: Probe | None, before: float, now: float) -> Probe | None:
    return replace(probe, start_period=now) if probe is not None and probe.start_period == before != now else probe
