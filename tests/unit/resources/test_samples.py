"""From samples to what limits follow from."""

from __future__ import annotations

import pytest

from controller.model.advice import Use
from controller.model.usage import Figures, ServiceUsage, UsagePoint
from controller.resources.samples import Sample, Span, cpu_use, memory_use, percentile, sample_of, samples_of

pytestmark = pytest.mark.unit

NOW = 10_000.0


def span(window: float = 90.0, cooldown: float = 30.0, changed_at: float | None = None) -> Span:
    return Span(NOW, window, cooldown, changed_at)


def each(seconds: float, *values: int | None) -> list[Sample]:
    """One sample in so many seconds, the last one now."""
    first = NOW - seconds * (len(values) - 1)
    return [Sample(first + seconds * n, value, None if value is None else value / 10) for n, value in enumerate(values)]


def test_the_replica_that_uses_most_counts_and_one_that_is_not_known_may_be_it() -> None:
    both = {"a": Figures(cpu=0.5, memory=10), "b": Figures(cpu=0.1, memory=30)}
    assert sample_of(ServiceUsage(replicas=both), NOW) == Sample(NOW, 30, 0.5)
    assert sample_of(ServiceUsage(replicas={**both, "c": Figures(memory=5)}), NOW) == Sample(NOW, 30, None)
    assert sample_of(ServiceUsage(Figures(1.0, 100)), NOW) == Sample(NOW)


def test_history_is_of_the_replica_that_used_most() -> None:
    points = [UsagePoint(NOW - 10, Figures(2.0, 100), 2.5, 120, 0.7, 60), UsagePoint(NOW, Figures())]
    assert samples_of(points) == [Sample(NOW - 10, 60, 0.7), Sample(NOW)]


def test_only_what_lies_in_the_window_counts() -> None:
    use = memory_use(each(30.0, 900, 5, 7, 6, 8), span())
    assert use == Use(now=8.0, p95=8.0, peak=8.0, late=7.0, grew=2.0, span=90.0, samples=4)
    assert memory_use(each(30.0, 900, 5), Span(NOW + 1000, 90.0, 30.0)) is None
    assert memory_use([], span()) is None and memory_use(each(30.0, None, None), span()) is None


def test_what_is_not_known_is_left_out() -> None:
    use = memory_use(each(30.0, 5, None, 7), span())
    assert use is not None and (use.samples, use.peak, use.span) == (2, 7.0, 60.0)


def test_of_what_came_before_the_last_change_nothing_is_late() -> None:
    samples = each(10.0, 9, 9, 9, 9, 2, 2)
    before = cpu_use(samples, span())
    assert before is not None and before.late == pytest.approx(0.55)
    after = cpu_use(samples, span(changed_at=NOW - 15.0))
    assert after is not None and after.late == pytest.approx(0.2)
    at_once = cpu_use(samples, span(changed_at=NOW + 1.0))
    assert at_once is not None and at_once.late == 0.0


def test_what_became_less_did_not_grow() -> None:
    use = memory_use(each(10.0, 9, 9, 9, 9, 2), span())
    assert use is not None and use.grew == 0.0


@pytest.mark.parametrize(("count", "share", "value"), [(1, 0.95, 1), (20, 0.95, 19), (100, 0.95, 95), (3, 0.0, 1)])
def test_a_percentile_is_one_of_the_values(count: int, share: float, value: float) -> None:
    assert percentile([float(n + 1) for n in reversed(range(count))], share) == value
