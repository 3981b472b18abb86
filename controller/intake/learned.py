"""Times that are shorter than what services are known to take: told with the numbers, and the mend. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from controller.intake.compose import Model
from controller.intake.findings import Path, at
from controller.intake.policy import service_policies
from controller.intake.windows import window_of
from controller.model.desired import DesiredService, DesiredStack
from controller.model.errors import Finding
from controller.model.timings import Span, Timings

if TYPE_CHECKING:
    from controller.model.manifest import Service, Stack

TOLD_FROM = 10
"""Measured starts before anything is told: with fewer the margin for how few they are says more than they do."""


def warn_learned(
    stack: DesiredStack, models: Mapping[str, Model], manifest: Stack | None, timings: Timings
) -> Iterator[Finding]:
    """Of services as their files have them: start timeouts, and checks that give up on a start too early."""
    if not stack.policy.optimization.learned_timeouts:
        return
    policies = service_policies(manifest, stack.profile)
    for name, service in stack.services.items():
        past = timings.samples.get((name, Span.READY), ())
        if service.leaving is not None or service.is_job or len(past) < TOLD_FROM:
            continue
        told = f"'{name}' took up to {max(one.seconds for one in past):.1f} s to be ready in {len(past)} starts"
        time = math.ceil(timings.at_most(name, Span.READY) or 0.0)
        yield from _check_timeout(service, time, told, manifest, policies.get(name))
        yield from _check_check(service, time, told, models.get(name))


def _check_timeout(
    service: DesiredService, time: int, told: str, manifest: Stack | None, said: Service | None
) -> Iterator[Finding]:
    if service.start_timeout >= time:
        return
    given = f"{service.start_timeout:g} s"
    message = f"{told}, and 1 of 100 may take {time} s: more than the {given} that it has; it is given {time} s"
    if manifest is None:
        yield at(("services", service.name), message, hint="a manifest's startTimeout says so for good")
        return
    own = said.start_timeout if said is not None else None
    begins = service.start_timeout - (manifest.spec.startup.timeout if own is None else own)  # by its startup probe
    path: Path = ("spec", "startup", "timeout")
    if own is not None:
        path = ("spec", "services", service.name, "startTimeout")
    yield at(path, message, hint=f"set startTimeout: {math.ceil(time - begins)}s for it")


def _check_check(service: DesiredService, time: int, told: str, model: Model | None) -> Iterator[Finding]:
    """A verdict before it is usually ready restarts it, again and again."""
    window = window_of(service, model)
    if window is None or window.gives_up_after >= time or window.start_period == service.start_timeout:
        return
    message = f"{told}, and 1 of 100 may take {time} s: its check calls it unhealthy after {window.gives_up_after:g} s"
    period = f"{math.ceil(time - window.fails_after)}s"
    if service.readiness is None:
        place: Path = ("services", service.name, "healthcheck")
        yield at(place, message, hint=f"give the health check start_period: {period}")
    else:
        place = ("spec", "services", service.name, "readiness")
        yield at(place, message, hint=f"give it startPeriod: {period}")
