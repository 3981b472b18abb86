"""Times that are shorter than what services are known to take: told with the numbers, and the mend. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from controller.intake.compose import Model
from controller.intake.findings import Path, at
from controller.intake.policy import service_policies
from controller.intake.windows import window_of
from controller.model.desired import DesiredService, DesiredStack
from controller.model.errors import Finding
from controller.model.timings import Span, Timings

if TYPE_CHECKING:
    from controller.model.manifest import Service, Stack


class _Past(NamedTuple):
    """Of one service: what 1 of 100 starts takes, what it is given for that, both in seconds, and the words for it."""

    p99: float
    enough: int
    told: str


def warn_learned(
    stack: DesiredStack, models: Mapping[str, Model], manifest: Stack | None, timings: Timings
) -> Iterator[Finding]:
    """Of services as their files have them: start timeouts, and checks that give up on a start too early."""
    if not stack.policy.optimization.learned_timeouts:
        return
    policies = service_policies(manifest, stack.profile)
    for name, service in stack.services.items():
        past = _find_past(name, timings)
        if past is not None and service.leaving is None and not service.is_job:
            yield from _check_timeout(service, past, manifest, policies.get(name))
            yield from _check_check(service, past, models.get(name))


def _find_past(name: str, timings: Timings) -> _Past | None:
    """None: it was not measured often enough."""
    p99, enough = timings.p99(name, Span.OWN), timings.at_most(name, Span.OWN)
    if p99 is None or enough is None:
        return None
    seconds = [one.seconds for one in timings.samples[name, Span.OWN]]
    told = f"'{name}' took up to {max(seconds):.1f} s to be ready in {len(seconds)} starts"
    return _Past(p99, math.ceil(enough), f"{told}, and 1 of 100 may take {p99:.1f} s")


def _check_timeout(
    service: DesiredService, past: _Past, manifest: Stack | None, said: Service | None
) -> Iterator[Finding]:
    if service.start_timeout >= past.p99:
        return
    has = f"more than the {service.start_timeout:g} s that it has"
    message = f"{past.told}: {has}; it is given {min(past.enough, service.longest_start):g} s"
    if manifest is None:
        yield at(("services", service.name), message, hint="a manifest's startTimeout says so for good")
        return
    own = said.start_timeout if said is not None else None
    begins = service.start_timeout - (manifest.spec.startup.timeout if own is None else own)  # by its startup probe
    path: Path = ("spec", "startup", "timeout")
    if own is not None:
        path = ("spec", "services", service.name, "startTimeout")
    yield at(path, message, hint=f"set startTimeout: {math.ceil(past.enough - begins)}s for it")


def _check_check(service: DesiredService, past: _Past, model: Model | None) -> Iterator[Finding]:
    """A verdict before it is usually ready restarts it, again and again."""
    window = window_of(service, model)
    if window is None or window.gives_up_after >= past.p99 or window.start_period == service.start_timeout:
        return
    message = f"{past.told}: its check calls it unhealthy after {window.gives_up_after:g} s"
    period = f"{max(1, math.ceil(past.enough - window.fails_after))}s"
    if service.readiness is None:
        place: Path = ("services", service.name, "healthcheck")
        yield at(place, message, hint=f"give the health check start_period: {period}")
    else:
        place = ("spec", "services", service.name, "readiness")
        yield at(place, message, hint=f"give it startPeriod: {period}")
