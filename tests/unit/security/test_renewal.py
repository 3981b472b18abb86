"""When a certificate is renewed, who is first, and when what failed is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis.strategies import floats, integers, text

from controller.security.leaves import Facts
from controller.security.renewal import (
    AT_ONCE,
    Need,
    Tries,
    choose,
    is_due,
    is_expiring,
    may_try,
    renew_at,
    try_again_at,
)

pytestmark = pytest.mark.unit

STARTS = datetime(2026, 11, 22, tzinfo=UTC)
T = STARTS.timestamp()
WEEK = 7 * 86400.0


def facts(serial: str = "a1", life: float = WEEK) -> Facts:
    return Facts(serial, STARTS, STARTS + timedelta(seconds=life), (), "ca", "key")


@settings(deadline=None)
@given(text("0123456789abcdef", min_size=1, max_size=40), floats(600, 90 * 86400))
def test_the_moment_lies_between_half_and_two_thirds_and_is_the_same_after_a_restart(serial: str, life: float) -> None:
    moment = renew_at(facts(serial, life))
    assert T + life / 2 - 1e-3 <= moment <= T + life * 2 / 3 + 1e-3
    assert moment == renew_at(facts(serial, life))


def test_certificates_of_one_moment_are_renewed_at_moments_of_their_own() -> None:
    moments = sorted(renew_at(facts(f"{number:x}")) for number in range(1000))
    shares = [(moment - T) / WEEK for moment in moments]
    assert shares[0] < 0.51 and shares[-1] > 0.65 and abs(sum(shares) / 1000 - 7 / 12) < 0.01


@pytest.mark.parametrize(
    ("at", "due", "expiring"),
    [
        (-1.0, True, False),
        (0.0, False, False),
        (0.499, False, False),
        (0.667, True, False),
        (0.81, True, True),
        (1.5, True, True),
    ],
    ids=["not begun", "new", "before half", "after two thirds", "late", "over"],
)  # fmt: skip
def test_due(at: float, due: bool, expiring: bool) -> None:
    now = T + at * WEEK
    assert (is_due(facts(), now), is_expiring(facts(), now)) == (due, expiring)


def test_who_has_none_is_first_then_whose_ends_first_and_no_more_than_a_few_at_once() -> None:
    needs = {
        name: Need(name, "due", ends) for name, ends in (("late", 50.0), ("over", 10.0), ("new", None), ("next", 90.0))
    }
    assert [need.service for need in choose(needs, {}, 100.0)] == ["new", "over", "late", "next"]
    many = {str(number): Need(str(number), "due", float(number)) for number in range(50)}
    assert [need.service for need in choose(many, {}, 100.0)] == ["0", "1", "2", "3", "4"] and AT_ONCE == 5


def test_who_failed_waits_longer_each_time_and_holds_up_nobody() -> None:
    assert [try_again_at(Tries(failed, 1000.0)) - 1000.0 for failed in range(1, 8)] == [30, 60, 120, 240, 480, 900, 900]
    needs = {"a": Need("a", "due", 1.0), "b": Need("b", "due", 2.0)}
    assert [need.service for need in choose(needs, {"a": Tries(1, 90.0)}, 100.0)] == ["b"]


def test_a_clock_that_is_set_back_makes_nobody_wait() -> None:
    assert not may_try(Tries(5, 1000.0), 1001.0) and may_try(Tries(5, 1000.0), 999.0) and may_try(Tries(), 0.0)


@settings(deadline=None)
@given(integers(1, 10_000), floats(0, 1e9))
def test_a_pause_is_never_longer_than_a_quarter_of_an_hour(failed: int, at: float) -> None:
    assert 30.0 <= try_again_at(Tries(failed, at)) - at <= 900.001
