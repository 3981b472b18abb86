"""Learned times: when there is an estimate, and which one."""

from __future__ import annotations

import pytest

from controller.model.names import Revision
from controller.model.timings import KEPT, MANY, Sample, Span, Timings

pytestmark = pytest.mark.unit

V1, V2 = Revision("v1"), Revision("v2")


def learned(*samples: tuple[float, Revision]) -> Timings:
    timings = Timings()
    for seconds, revision in samples:
        timings = timings.adding("web", Span.READY, Sample(seconds, revision))
    return timings


@pytest.mark.parametrize(
    ("seconds", "usual"),
    [
        pytest.param((), None, id="never measured"),
        pytest.param((3.0,), None, id="once is chance"),
        pytest.param((3.0, 5.0), 4.0, id="twice"),
        pytest.param((1.0, 1.0, 60.0), 1.0, id="one slow start does not count"),
    ],
)
def test_an_estimate_needs_two_measured_times(seconds: tuple[float, ...], usual: float | None) -> None:
    timings = learned(*((value, V1) for value in seconds))
    assert timings.usual("web", Span.READY) == usual
    assert timings.ready_after("web", V1) == usual


def test_a_revision_has_its_own_estimate_once_it_was_measured_enough() -> None:
    timings = learned((1.0, V1), (1.0, V1), (1.0, V1), (9.0, V2))
    assert timings.ready_after("web", V2) == 1.0
    assert timings.adding("web", Span.READY, Sample(9.0, V2)).ready_after("web", V2) == 9.0


def test_old_times_are_forgotten() -> None:
    timings = learned(*((9.0, V1) for _ in range(KEPT)), *((1.0, V1) for _ in range(KEPT)))
    assert timings.usual("web", Span.READY) == 1.0
    assert len(timings.samples[("web", Span.READY)]) == KEPT


def test_spans_and_services_are_kept_apart() -> None:
    timings = learned((1.0, V1), (1.0, V1))
    assert timings.usual("web", Span.STOP) is None
    assert timings.usual("db", Span.READY) is None


def test_adding_leaves_the_old_value_as_it_was() -> None:
    before = learned((1.0, V1), (1.0, V1))
    before.adding("web", Span.READY, Sample(9.0, V1))
    assert before.usual("web", Span.READY) == 1.0


@pytest.mark.parametrize(
    ("count", "margin"),
    [pytest.param(2, 3.07, id="two"), pytest.param(5, 2.02, id="five"), pytest.param(20, 1.28, id="all that are kept")],
)
def test_the_longest_time_is_given_a_margin_for_how_few_were_measured(count: int, margin: float) -> None:
    timings = learned(*((10.0 - number * 0.1, V1) for number in range(count)))
    assert timings.at_most("web", Span.READY) == pytest.approx(10.0 * margin, abs=0.05)


def test_nothing_is_said_of_what_was_measured_once() -> None:
    assert learned((9.0, V1)).at_most("web", Span.READY) is None
    assert learned((9.0, V1)).quickest("web") == 0.0


def test_what_always_takes_about_as_long_hardly_takes_longer() -> None:
    narrow = learned((10.0, V1), *((9.0, V1) for _ in range(19)))
    assert narrow.p99("web", Span.READY) == pytest.approx(10.3, abs=0.01)
    assert learned(*((9.0, V1) for _ in range(MANY))).p99("web", Span.READY) == 9.0
    assert learned(*((9.0, V1) for _ in range(MANY - 1))).p99("web", Span.READY) is None


@pytest.mark.parametrize("quickest", [0.0, 1.0, 9.0, 10.0])
def test_what_is_enough_is_never_less_than_what_the_longest_take(quickest: float) -> None:
    timings = learned((10.0, V1), *((quickest, V1) for _ in range(KEPT - 1)))
    p99, enough = timings.p99("web", Span.READY), timings.at_most("web", Span.READY)
    assert p99 is not None and enough is not None and 10.0 <= p99 <= enough


def test_the_quickest_time_is_that_of_any_revision() -> None:
    assert learned((9.0, V1), (2.0, V2), (3.0, V2)).quickest("web") == 2.0


def test_what_comes_after_a_service_waits_for_its_start_and_until_it_serves() -> None:
    timings = learned((3.0, V1), (3.0, V1))
    assert timings.until_serving("web") == 3.0
    for _ in range(2):
        timings = timings.adding("web", Span.START, Sample(0.5))
    assert timings.until_serving("web") == 3.5
    assert timings.until_serving("db") == 1.0, "not known"


def test_what_comes_after_a_job_waits_for_its_end() -> None:
    timings = learned((1.0, V1), (1.0, V1))
    for _ in range(2):
        timings = timings.adding("web", Span.RUN, Sample(40.0))
    assert timings.until_serving("web") == 40.0
