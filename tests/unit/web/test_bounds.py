"""Requests a second, and failed logins: by instants that are given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.web.bounds import MOST_FAILED, WINDOW, Rate, Throttle, retry_after

pytestmark = pytest.mark.unit


@given(st.integers(1, 50), st.lists(st.floats(0, 3), max_size=300))
def test_nobody_gets_more_than_his_measure(rate: int, pauses: list[float]) -> None:
    bucket, now, granted = Rate(), 0.0, 0
    for pause in pauses:
        now += pause
        granted += not bucket.take("a", rate, now)
        assert granted <= 2 * rate + rate * now + 1e-6


@given(st.integers(1, 50), st.lists(st.booleans(), max_size=300))
def test_who_asks_no_more_often_than_he_may_is_never_refused(rate: int, others: list[bool]) -> None:
    bucket, now = Rate(), 0.0
    for other in others:
        now += 1.001 / rate
        assert bucket.take("a", rate, now) == 0
        if other:
            for _ in range(5):
                bucket.take("b", rate, now)


def test_who_waits_as_long_as_he_is_told_gets_what_he_asked_for() -> None:
    bucket = Rate()
    while not (wait := bucket.take("a", 3, 0.0)):
        pass
    assert bucket.take("a", 3, wait * 0.9) > 0
    assert bucket.take("a", 3, wait * 1.001) == 0


def test_a_clock_that_goes_back_gives_nothing() -> None:
    bucket = Rate()
    for _ in range(2):
        assert not bucket.take("a", 1, 100.0)
    assert bucket.take("a", 1, 50.0) and bucket.take("a", 1, 50.5)


def test_ever_new_clients_take_no_ever_new_memory() -> None:
    bucket = Rate()
    for number in range(10_000):
        bucket.take(number, 5, number / 1000)
    assert len(bucket._buckets) <= 4096
    for _ in range(20):
        bucket.take("greedy", 5, 10.0)
    for number in range(10_000, 15_000):  # does not make them forget who asks too often
        bucket.take(number, 5, 10.0)
        bucket.take("greedy", 5, 10.0)
    assert bucket.take("greedy", 5, 10.0) > 0


def test_failed_logins_of_an_address_count_for_five_minutes() -> None:
    throttle = Throttle()
    for second in range(MOST_FAILED):
        assert throttle.wait("a", float(second)) == 0
        throttle.fail("a", float(second))
    assert throttle.wait("a", 10.0) == WINDOW - 10
    assert throttle.wait("b", 10.0) == 0
    assert throttle.wait("a", WINDOW) == 0  # the first one is forgotten
    throttle.fail("a", WINDOW)
    assert throttle.wait("a", WINDOW) == 1.0


def test_others_that_fail_keep_nobody_out() -> None:
    throttle = Throttle()
    for number in range(500):
        throttle.fail(f"127.0.0.{number % 250}", 1.0)
    assert throttle.wait("127.0.0.251", 2.0) == 0


def test_a_network_of_ipv6_is_one_address() -> None:
    throttle = Throttle()
    for number in range(MOST_FAILED):
        throttle.fail(f"2001:db8:0:1::{number:x}", 1.0)
    assert throttle.wait("2001:db8:0:1:ffff::1", 2.0) == WINDOW - 1
    assert throttle.wait("2001:db8:0:2::1", 2.0) == 0


@pytest.mark.parametrize(("seconds", "told"), [(0.001, 1), (1.0, 1), (1.2, 2), (299.5, 300)])
def test_how_long_is_told_in_whole_seconds(seconds: float, told: int) -> None:
    assert retry_after(seconds) == told
