"""Whether a health check can say anything in the time that it is given: watches of updates, and start periods. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from controller.intake.compose import Model, has_check
from controller.intake.findings import Path, at
from controller.model.desired import DesiredService, UpdatePolicy, Watch
from controller.model.errors import Finding
from controller.model.quantities import seconds

_INTERVAL, _RETRIES = 30.0, 3
"""Docker's, where the check names none."""

Said = Callable[[str, str], Path | None]
"""Where somebody gives a service (first) the `monitor` of its `update` or `rollback` (second); None: nobody does."""


class Window(NamedTuple):
    """When a check calls somebody unhealthy: after `retries` failures in a row, `interval` seconds apart.

    Before the first success none counts for `start_period` seconds. `start_interval`: Docker's, inside of that.
    """

    interval: float
    retries: int
    start_period: float = 0.0
    start_interval: float = 0.0

    @property
    def fails_after(self) -> float:
        """Seconds from the last success to the verdict, at the earliest."""
        return self.interval * self.retries

    @property
    def gives_up_after(self) -> float:
        """Seconds from the start to the verdict on one that is never ready."""
        return self.start_period + self.fails_after


def read_window(model: Model) -> Window | None:
    """That of the health check of a Compose definition; None: it has none of its own."""
    if not has_check(model):
        return None
    check = model["healthcheck"]
    return Window(
        interval=_duration(check, "interval") or _INTERVAL,
        retries=int(check.get("retries") or _RETRIES),
        start_period=_duration(check, "start_period"),
        start_interval=_duration(check, "start_interval"),
    )


def _duration(check: Model, key: str) -> float:
    return seconds(check.get(key) or 0)


def window_of(service: DesiredService, model: Model | None) -> Window | None:
    """That of what tells its readiness: the manifest's probe, else the health check of its definition."""
    probe = service.readiness
    if probe is None:
        return None if model is None or service.startup is not None else read_window(model)
    return Window(probe.interval, max(1, probe.retries), probe.start_period)


def check_windows(services: Mapping[str, DesiredService], models: Mapping[str, Model], said: Said) -> Iterator[Finding]:
    """Watches in which no check can fail, and checks that ask less often in their start period than they seem to."""
    for name, service in services.items():
        if service.leaving is not None:
            continue
        model = models.get(name)
        window = window_of(service, model)
        for section, update in (("update", service.update), ("rollback", service.rollback)):
            place = said(name, section)
            if window is not None and place is not None:
                yield from _check_watch(name, update, window, place)
        if model is not None:
            yield from _check_start(name, model)


def _check_watch(name: str, update: UpdatePolicy, window: Window, place: Path) -> Iterator[Finding]:
    """That of nobody's choice is told nobody: with Docker's usual checks it would be told of every service."""
    if update.watch is Watch.READY or not 0 < update.monitor < window.fails_after:
        return
    first = f"{window.fails_after:g} s ({window.retries} × {window.interval:g} s)"
    message = (
        f"a new '{name}' is watched for {update.monitor:g} s (monitor), and its check calls nobody unhealthy "
        f"before {first}: only its end would be noticed"
    )
    hint = f"give a monitor of {math.ceil(window.fails_after)}s, or a check with a shorter interval or fewer retries"
    yield at(place, message, hint=hint)


def _check_start(name: str, model: Model) -> Iterator[Finding]:
    window, place = read_window(model), ("services", name, "healthcheck", "start_interval")
    if window is None or not window.start_interval:
        return
    if not window.start_period:
        message = f"start_interval of '{name}' changes nothing: it counts inside a start_period only, and there is none"
        yield at(place, message, hint="give the health check a start_period, of 30s for instance")
    elif window.start_interval >= window.start_period:
        message = (
            f"start_interval of '{name}' changes nothing: "
            f"its start_period of {window.start_period:g} s is over before {window.start_interval:g} s have passed"
        )
        yield at(place, message, hint="give a shorter start_interval, or a longer start_period")


def find_refused(words: str, models: Mapping[str, Model]) -> tuple[Finding, ...]:
    """What Compose means that says of an older engine that it knows no `start_interval`, and not whose."""
    if "start_interval" not in words:
        return ()
    hint = "remove start_interval: who starts is asked often anyway (or use Docker Engine 25 or later)"
    return tuple(
        at(("services", name, "healthcheck", "start_interval"), words, hint=hint)
        for name, model in models.items()
        if (model.get("healthcheck") or {}).get("start_interval")
    )
