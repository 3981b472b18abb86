"""What a stack wants to have measured, out of its manifest, and what of it cannot be. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from controller.intake.findings import Path, at, unknown
from controller.model.alert import METRICS
from controller.model.errors import Finding
from controller.model.metrics import CustomMetric, MetricsPolicy

if TYPE_CHECKING:
    from controller.model.manifest import Stack
    from controller.model.manifest.operations import CustomMetric as Section

SHORTEST = 1.0
"""Seconds: what is measured more often is mostly the measuring."""


def read_metrics(manifest: Stack | None) -> MetricsPolicy:
    """A bare project is measured as a manifest without a word on it says."""
    if manifest is None:
        return MetricsPolicy()
    metrics = manifest.spec.metrics
    return MetricsPolicy(metrics.enabled, metrics.interval, metrics.retention, tuple(map(_custom, metrics.custom)))


def _custom(metric: Section) -> CustomMetric:
    return CustomMetric(
        name=metric.name,
        service=metric.service,
        port=metric.http.port if metric.http is not None else None,
        path=metric.http.path if metric.http is not None else "/",
        series=metric.series or "",
        command=metric.exec.command if metric.exec is not None else (),
    )


def check_metrics(manifest: Stack, services: Collection[str]) -> Iterator[Finding]:
    """Metrics that cannot be measured, or not told from others. `services`: all that there are."""
    metrics = manifest.spec.metrics
    if metrics.interval < SHORTEST:
        yield at(("spec", "metrics", "interval"), "nothing is measured more often than each second", hint="write 1s")
    names: set[str] = set()
    for number, metric in enumerate(metrics.custom):
        place: Path = ("spec", "metrics", "custom", number)
        if metric.name in METRICS:
            message = f"'{metric.name}' is a metric that every service has"
            yield at((*place, "name"), message, hint="give it a name of its own")
        if metric.name in names:
            yield at((*place, "name"), f"a second metric is called '{metric.name}'", hint="give each its own name")
        names.add(metric.name)
        if metric.service not in services:
            yield unknown("service", metric.service, services, (*place, "service"))
        yield from _check_source(metric, place)


def _check_source(metric: Section, place: Path) -> Iterator[Finding]:
    if (metric.http is None) == (metric.exec is None):
        hint = "for example {http: {port: 8080, path: /metrics}, series: jobs_waiting}"
        yield at(place, f"metric '{metric.name}' needs either http or exec", hint=hint)
    elif metric.http is not None and metric.series is None:
        message = f"metric '{metric.name}' needs a series: which of those that are exposed"
        yield at(place, message, hint='series: jobs_waiting{queue="mail"}')
    elif metric.exec is not None and metric.series is not None:
        yield at((*place, "series"), "a series is scraped by http; a command prints one number", hint="remove it")
    if metric.series is not None:
        yield from _check_series(metric.series, (*place, "series"))


def _check_series(series: str, place: Path) -> Iterator[Finding]:
    from controller.model.series import parse_series

    try:
        parse_series(series)
    except ValueError as error:
        yield at(place, f"{series!r} names no series", hint=str(error))
