"""How long a service is given to be ready: as long as it is known to take, and never less than it is given anyway."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.decide.patience import judged_as, widen, widen_all
from controller.model.desired import LONGEST_START, DesiredService, StackPolicy, UpdatePolicy
from controller.model.names import Revision
from controller.model.resources import Optimization
from controller.model.timings import Sample, Span, Timings
from tests.builders import job, probe, service, stack

pytestmark = pytest.mark.unit


def learned(*seconds: float, name: str = "web") -> Timings:
    return Timings({(name, Span.OWN): tuple(Sample(one, Revision("v1")) for one in seconds)})


ALWAYS_TEN = learned(*[10.0] * 20)
"""p99: 10 s × 1.28 = 12.8 s."""


def test_what_is_known_to_take_longer_is_given_more() -> None:
    wide = widen(service(start_timeout=5.0, update=UpdatePolicy(monitor=4.0, progress_deadline=6.0)), ALWAYS_TEN)
    assert (wide.start_timeout, wide.update.progress_deadline) == (13.0, 17.0)


def test_who_has_enough_stays_the_very_same() -> None:
    given = service(start_timeout=13.0)
    assert widen(given, ALWAYS_TEN) is given
    assert widen(service(start_timeout=1.0), learned(10.0)).start_timeout == 1.0, "once is chance"
    assert widen(service(start_timeout=1.0), learned(*[10.0] * 9, name="db")).start_timeout == 1.0


def test_where_a_probe_is_lenient_for_the_time_of_a_start_it_stays_so() -> None:
    lenient, strict = probe(start_period=5.0), probe(start_period=4.0)
    wide = widen(service(start_timeout=5.0, readiness=lenient, liveness=strict, startup=lenient), ALWAYS_TEN)
    assert wide.readiness == wide.startup == replace(lenient, start_period=13.0)
    assert wide.liveness == strict, "what somebody chose is his"


def test_a_job_takes_the_time_that_it_takes() -> None:
    given = job("web", start_timeout=5.0)
    assert widen(given, ALWAYS_TEN) is given


def test_rollbacks_are_given_the_same() -> None:
    wide = widen(service(rollback=UpdatePolicy(monitor=0.0, progress_deadline=6.0)), ALWAYS_TEN)
    assert wide.rollback.progress_deadline == 13.0 and wide.update == UpdatePolicy()


HOURS = learned(90_000.0, 90_000.0)


@pytest.mark.parametrize(
    ("given", "chosen", "most"),
    [
        (30.0, False, 120.0),
        (30.0, True, 60.0),
        (120.0, False, 480.0),
        (600.0, False, LONGEST_START),
        (2000.0, True, 2000.0),
    ],
)
def test_it_is_at_most_a_few_times_what_the_files_give(given: float, chosen: bool, most: float) -> None:
    wide = widen(service(start_timeout=given, timeout_chosen=chosen), HOURS)
    assert (wide.start_timeout, wide.unwidened, wide.longest_start) == (most, given, most)
    assert wide.update.progress_deadline == max(600.0, most + wide.update.monitor)


def test_bit_by_bit_it_becomes_no_longer() -> None:
    wide = service(start_timeout=30.0)
    for seconds in (20.0, 60.0, 180.0, 540.0):
        wide = widen(wide, learned(seconds, seconds))
    assert (wide.start_timeout, wide.unwidened) == (120.0, 30.0)


def test_what_a_start_took_that_waited_for_others_widens_nothing() -> None:
    waited = Timings({("web", Span.READY): HOURS.samples["web", Span.OWN]})
    given = service(start_timeout=30.0)
    assert widen(given, waited) is given


def test_an_earlier_revision_is_given_what_its_service_is_given_now() -> None:
    old = service(start_timeout=5.0, readiness=probe(start_period=5.0), liveness=probe(start_period=4.0))
    want = widen(service(start_timeout=10.0, timeout_chosen=True), HOURS)
    as_now = judged_as(old, want)
    assert (as_now.start_timeout, as_now.unwidened, as_now.longest_start) == (20.0, 10.0, 20.0)
    assert as_now.readiness == probe(start_period=20.0) and as_now.liveness == probe(start_period=4.0)
    assert judged_as(as_now, want) is as_now


def test_an_earlier_revision_is_given_no_less_than_its_own_files_gave_it() -> None:
    """It had a start-up probe of minutes, which the newer one has no more."""
    as_now = judged_as(service(start_timeout=420.0), service(start_timeout=30.0, timeout_chosen=True))
    assert (as_now.start_timeout, as_now.unwidened) == (420.0, 420.0)


def test_what_was_learned_is_left_alone_where_the_policy_says_so() -> None:
    off = StackPolicy(optimization=Optimization(learned_timeouts=False))
    given = stack(service(start_timeout=5.0), policy=off)
    assert widen_all(given, ALWAYS_TEN) is given
    assert widen_all(replace(given, policy=StackPolicy()), ALWAYS_TEN).services["web"].start_timeout == 13.0


def test_a_stack_in_which_nothing_is_too_short_stays_the_very_same() -> None:
    given = stack(service(), service("db"))
    assert widen_all(given, ALWAYS_TEN) is given


times = st.floats(0.001, 100_000.0)
samples = st.lists(times, max_size=25)


@given(samples, times, times, st.floats(0.0, 1000.0), st.none() | times)
def test_nothing_is_ever_shortened(
    seconds: list[float], timeout: float, deadline: float, monitor: float, period: float | None
) -> None:
    update = UpdatePolicy(monitor=monitor, progress_deadline=deadline)
    check = probe(start_period=timeout if period is None else period)
    before = service(start_timeout=timeout, update=update, rollback=update, readiness=check)
    after = widen(before, learned(*seconds))
    assert after.start_timeout >= timeout
    assert after.update.progress_deadline >= deadline and after.rollback.progress_deadline >= deadline
    assert after.readiness is not None and after.readiness.start_period >= check.start_period
    assert _rest(after) == _rest(before)


@given(samples, times, st.booleans())
def test_every_past_start_would_have_been_in_time_as_far_as_sense_allows(
    seconds: list[float], timeout: float, chosen: bool
) -> None:
    wide = widen(service(start_timeout=timeout, timeout_chosen=chosen), learned(*seconds))
    assert timeout <= wide.start_timeout <= wide.longest_start
    assert wide.longest_start <= max(timeout, LONGEST_START)
    if len(seconds) >= 2:
        assert wide.start_timeout >= min(max(seconds), wide.longest_start)


@given(samples, times)
def test_widening_twice_is_widening_once(seconds: list[float], timeout: float) -> None:
    once = widen(service(start_timeout=timeout), learned(*seconds))
    assert widen(once, learned(*seconds)) is once


def _rest(service_: DesiredService) -> DesiredService:
    plain = UpdatePolicy()
    return replace(service_, start_timeout=0.0, timeout_given=None, update=plain, rollback=plain, readiness=None)
