"""Learned times: how long things usually take for a service, from the last few times that they went well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import log
from typing import NamedTuple

from controller.model.names import Revision

KEPT = 20
"""Samples kept for each span of a service; older ones say little about today's image and machine."""

ENOUGH = 2
"""Measured times before an estimate is given."""

MANY = 10
"""Measured times before anything is said of how long the longest take."""

UNKNOWN = 1.0
"""Seconds that a start counts for in the order of starts while it was not measured enough."""

_TAIL = log(100.0)
"""In means of an exponential distribution: only one of a hundred takes longer."""


class Span(StrEnum):
    """What is timed: calls of the engine, and what the containers do by themselves."""

    PULL = "pull"
    BUILD = "build"
    CREATE = "create"
    START = "start"
    READY = "ready"
    """From the start to ready."""
    OWN = "own"
    """The same, of starts during which all that the service needs served: nobody else's time is in it."""
    STOP = "stop"
    REMOVE = "remove"
    RUN = "run"
    """From the start of a job to its end with 0."""


class Sample(NamedTuple):
    """One measured time; `revision` is empty where it does not matter."""

    seconds: float
    revision: Revision = Revision("")


@dataclass(frozen=True, slots=True)
class Timings:
    """Samples by service and span, the newest last. Estimates are medians in seconds; None: not measured enough."""

    samples: Mapping[tuple[str, Span], tuple[Sample, ...]] = field(default_factory=dict)
    _usual: dict[tuple[str, Span], float | None] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What was asked for before."""

    def usual(self, service: str, span: Span) -> float | None:
        """How long it usually takes, over all revisions."""
        key = (service, span)
        if key not in self._usual:
            self._usual[key] = _median(self.samples.get(key, ()))
        return self._usual[key]

    def ready_after(self, service: str, revision: Revision) -> float | None:
        """Seconds from start to ready: of this revision where it was measured enough, else of the service."""
        samples = self.samples.get((service, Span.READY), ())
        own = _median(tuple(sample for sample in samples if sample.revision == revision))
        return self.usual(service, Span.READY) if own is None else own

    def at_most(self, service: str, span: Span) -> float | None:
        """Seconds that are enough: the longest one measured, and a margin for how few they are.

        The margin takes the times to spread as widely as an exponential distribution does: of n the longest is
        1 + 1/2 + … + 1/n means on average (Rényi, 1953), and 99 of 100 (p99) are below ln 100 = 4.6. Two times: 3.07,
        five: 2.02, ten: 1.57, twenty: 1.28.
        """
        samples = self.samples.get((service, span), ())
        if len(samples) < ENOUGH:
            return None
        enough = max(sample.seconds for sample in samples) * _TAIL / _mean_of_longest(len(samples))
        return max(enough, self.p99(service, span) or 0.0)

    def p99(self, service: str, span: Span) -> float | None:
        """Seconds that 1 of 100 takes; None: not measured often enough to say so.

        The same estimate for what is beyond the quickest one, which what always takes about as long never is far.
        """
        seconds = [sample.seconds for sample in self.samples.get((service, span), ())]
        if len(seconds) < MANY:
            return None
        quickest, longest = min(seconds), max(seconds)
        return quickest + (longest - quickest) * _TAIL / _mean_of_longest(len(seconds) - 1)

    def quickest(self, service: str) -> float:
        """Seconds from its start before which it was never ready; 0: not measured enough."""
        samples = self.samples.get((service, Span.READY), ())
        return min(sample.seconds for sample in samples) if len(samples) >= ENOUGH else 0.0

    def until_serving(self, service: str) -> float:
        """Seconds from the call that starts it to ready, of a job to its end: what those after it usually wait."""
        ran = self.usual(service, Span.RUN)
        served = self.usual(service, Span.READY) if ran is None else ran
        return UNKNOWN if served is None else (self.usual(service, Span.START) or 0.0) + served

    def adding(self, service: str, span: Span, sample: Sample) -> Timings:
        """These and one more; the oldest of that span is dropped when there are too many."""
        key = (service, span)
        return Timings({**self.samples, key: (*self.samples.get(key, ()), sample)[-KEPT:]})


def _mean_of_longest(count: int) -> float:
    """Of so many, in means of an exponential distribution."""
    return sum(1.0 / rank for rank in range(1, count + 1))


def _median(samples: tuple[Sample, ...]) -> float | None:
    if len(samples) < ENOUGH:
        return None
    seconds = sorted(sample.seconds for sample in samples[-KEPT:])
    # Not by `statistics`, which takes longer to import than most commands to look.
    return (seconds[(len(seconds) - 1) // 2] + seconds[len(seconds) // 2]) / 2
