"""What a stack wants to have measured, out of its manifest, and what of it cannot be. Pure."""

from __future__ import annotations

import os.path
from collections.abc import Collection, Iterator
from pathlib import Path as Folder
from typing import TYPE_CHECKING

from controller.intake.findings import Path, at, unknown
from controller.model.alert import METRICS
from controller.model.errors import Finding
from controller.model.metrics import CustomMetric, Listening, MetricsPolicy
from controller.model.serving import split_address

if TYPE_CHECKING:
    from controller.model.manifest import Stack
    from controller.model.manifest.operations import CustomMetric as Section
    from controller.model.manifest.operations import Metrics

SHORTEST = 1.0
"""Seconds: what is measured more often is mostly the measuring."""


def read_metrics(manifest: Stack | None, folder: Folder) -> MetricsPolicy:
    """A bare project is measured as a manifest without a word on it says. Paths are relative to `folder`."""
    if manifest is None:
        return MetricsPolicy()
    metrics = manifest.spec.metrics
    custom = tuple(map(_custom, metrics.custom))
    return MetricsPolicy(metrics.enabled, metrics.interval, metrics.retention, custom, _listening(metrics, folder))


def _listening(metrics: Metrics, folder: Folder) -> Listening | None:
    if metrics.listen is None:
        return None
    host, port = split_address(metrics.listen)
    file = Folder(os.path.normpath(folder / metrics.token_file)) if metrics.token_file else None
    return Listening(host, port, file)


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
    yield from _check_listening(metrics)
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


def _check_listening(metrics: Metrics) -> Iterator[Finding]:
    if metrics.listen is None:
        if metrics.token_file is not None:
            message = "without metrics.listen nobody shows a token"
            yield at(("spec", "metrics", "tokenFile"), message, hint="add listen: host-gateway:7071, or remove it")
        return
    if not 1 <= int(metrics.listen.rpartition(":")[2]) <= 65535:
        yield at(("spec", "metrics", "listen"), "a port is a number from 1 to 65535", hint="such as host-gateway:7071")
    if metrics.token_file == "":
        yield at(("spec", "metrics", "tokenFile"), "a file has a name", hint="such as secrets/scrape.token")


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
