"""Judges: samples of what a service used, made into what its limits follow from. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

from controller.model.advice import Use
from controller.model.names import Instant
from controller.model.usage import Figures, ServiceUsage, UsagePoint

CLOCK_SLACK = 1.0
"""Seconds by which a sample may be dated ahead of now."""


class Sample(NamedTuple):
    """What the replica that uses most used: bytes, and cores. None: not known, of one of them at least."""

    at: Instant
    memory: int | None = None
    cpu: float | None = None


class Span(NamedTuple):
    """Which samples count: the last `window` seconds, of these the last `cooldown` as late ones, and since when."""

    now: Instant
    window: float
    cooldown: float
    changed_at: Instant | None = None


def sample_of(usage: ServiceUsage, at: Instant) -> Sample:
    """One that runs nowhere used nothing that is known."""
    return Sample(at, highest_memory(usage.replicas.values()), highest_cpu(usage.replicas.values()))


def highest_memory(replicas: Iterable[Figures]) -> int | None:
    """Of the one that uses most; None where that of one is not known: it may be the one."""
    known = [one.memory for one in replicas]
    return None if not known or None in known else max(one for one in known if one is not None)


def highest_cpu(replicas: Iterable[Figures]) -> float | None:
    """The same of cores."""
    known = [one.cpu for one in replicas]
    return None if not known or None in known else max(one for one in known if one is not None)


def samples_of(points: Iterable[UsagePoint]) -> list[Sample]:
    """Measured history."""
    return [Sample(point.at, point.memory_highest, point.cpu_highest) for point in points]


def memory_use(samples: Sequence[Sample], span: Span) -> Use | None:
    """None: nothing is known of the time that counts."""
    return _summarise([(one.at, float(one.memory)) for one in samples if one.memory is not None], span)


def cpu_use(samples: Sequence[Sample], span: Span) -> Use | None:
    return _summarise([(one.at, one.cpu) for one in samples if one.cpu is not None], span)


def _summarise(known: Sequence[tuple[Instant, float]], span: Span) -> Use | None:
    """`known`: oldest first."""
    counts = [one for one in known if span.now - span.window <= one[0] <= span.now + CLOCK_SLACK]
    if not counts:
        return None
    values = [value for _, value in counts]
    first, last = counts[0][0], counts[-1][0]
    late_from = max(last - span.cooldown, span.changed_at or -math.inf)
    before = [value for at, value in counts if at <= last - span.cooldown]
    return Use(
        now=values[-1],
        p95=percentile(values, 0.95),
        peak=max(values),
        late=median([value for at, value in counts if at >= late_from] or [0.0]),
        grew=max(0.0, values[-1] - (before[-1] if before else values[0])),
        span=last - first,
        samples=len(values),
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that is not below this share of them (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
