"""How long a service is given to be ready: as long as it is known to take by itself, within bounds. Pure.

Nothing is ever shortened.
"""

from __future__ import annotations

import math
from dataclasses import replace

from controller.model.desired import DesiredService, DesiredStack, Probe, UpdatePolicy
from controller.model.timings import Span, Timings


def needed(service: str, timings: Timings) -> float | None:
    """Whole seconds from its start that are enough for it to be ready by itself; None: not measured enough."""
    seconds = timings.at_most(service, Span.OWN)
    return None if seconds is None else float(math.ceil(seconds))


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
    time = min(time, service.longest_start)
    update, rollback = _with_time(service.update, time), _with_time(service.rollback, time)
    wide = service
    if time > service.start_timeout:
        wide = with_timeout(service, time)
    same = update is service.update and rollback is service.rollback
    return wide if same else replace(wide, update=update, rollback=rollback)


def with_timeout(service: DesiredService, time: float) -> DesiredService:
    """With this start timeout, where the files give another one; probes that were lenient for that long stay so."""
    before = service.start_timeout
    return replace(
        service,
        start_timeout=time,
        timeout_given=service.unwidened,
        readiness=_lenient(service.readiness, before, time),
        liveness=_lenient(service.liveness, before, time),
        startup=_lenient(service.startup, before, time),
    )


def judged_as(old: DesiredService, want: DesiredService) -> DesiredService:
    """An earlier revision with the start timeout that its service has now: what was learned since holds for it too.

    Never less than its own files gave it: it may have a start-up probe that the service has no more.
    """
    time, given = max(old.unwidened, want.start_timeout), max(old.unwidened, want.unwidened)
    if (old.start_timeout, old.unwidened, old.timeout_chosen) == (time, given, want.timeout_chosen):
        return old
    return replace(with_timeout(old, time), timeout_given=given, timeout_chosen=want.timeout_chosen)


def _with_time(update: UpdatePolicy, time: float) -> UpdatePolicy:
    """Each new replica becomes ready, and is watched, before that is progress."""
    whole = time + update.monitor
    return update if update.progress_deadline >= whole else replace(update, progress_deadline=whole)


def _lenient(probe: Probe | None, before: float, now: float) -> Probe | None:
    return replace(probe, start_period=now) if probe is not None and probe.start_period == before != now else probe
