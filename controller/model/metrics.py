"""What a stack wants to have measured, and how often."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class CustomMetric:
    """A figure of a service's own, summed over its ready replicas: scraped from `port`, or printed by `command`.

    `series`: `name` or `name{label="value"}`; all that match are summed.
    """

    name: str
    service: str
    port: int | None = None
    path: str = "/"
    series: str = ""
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MetricsPolicy:
    """`interval` and `retention` (of the coarsest history) in seconds."""

    enabled: bool = True
    interval: float = 15.0
    retention: float = 604800.0
    custom: tuple[CustomMetric, ...] = field(default=())
