"""When a leaving replica may be stopped, and how that is said."""

import pytest

from controller.ingress.drain import Drained, drain_ends_at, judge_drain
from controller.model.routes import RouteSeen, RouteState

pytestmark = pytest.mark.unit

IN, DRAINING, OUT = RouteState.IN, RouteState.DRAINING, RouteState.OUT


@pytest.mark.parametrize(
    ("seen", "ended"),
    [
        (RouteSeen(IN, 0), None),
        (RouteSeen(OUT, 0), Drained(0, 0.0, 0)),
        (RouteSeen(DRAINING, 2, 95.0, 5), None),
        (RouteSeen(DRAINING, 0, 95.0, 5), Drained(5, 5.0, 0)),
        (RouteSeen(DRAINING, 0, 95.0), Drained(None, 5.0, 0)),
        (RouteSeen(DRAINING, 2, 90.0, 5), Drained(5, 10.0, 2)),
        (RouteSeen(OUT, 2), None),
    ],
)
def test_a_drain_ends_with_the_last_connection_or_at_its_timeout(seen: RouteSeen, ended: Drained | None) -> None:
    assert judge_drain(seen, timeout=10.0, now=100.0) == ended


def test_it_says_when_to_look_again() -> None:
    assert drain_ends_at(RouteSeen(DRAINING, 2, 95.0), 10.0) == 105.0
    assert drain_ends_at(RouteSeen(IN), 10.0) is None


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (Drained(37, 1.84, 0), "drained 37 connections in 1.8 s, 0 cut"),
        (Drained(1, 30.0, 1), "drained 1 connection in 30.0 s, 1 cut"),
        (Drained(None, 2.0, 0), "drained in 2.0 s, 0 cut"),
    ],
)
def test_it_is_told_in_one_line(ended: Drained, words: str) -> None:
    assert str(ended) == words
