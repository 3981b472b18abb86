"""From counters to rates, from replicas to services."""

from __future__ import annotations

import pytest

from controller.model.usage import Counters, Figures, HostUsage
from controller.resources.host import HostCounters
from controller.resources.judge import host_figures, judge_host, judge_replica, sum_up

pytestmark = pytest.mark.unit

BEFORE = Counters(100.0, 1.0, 5.0, 2.0, 300, 1000, 1000, 2000, 3000, 4000, 3)
AFTER = Counters(110.0, 1.0, 10.0, 2.0, 400, 1000, 2000, 2500, 3000, 4100, 4)
NO_RATES = Figures(memory=400, memory_limit=1000, processes=4, cpu_limit=2.0)


@pytest.mark.parametrize(
    ("before", "after", "figures"),
    [
        pytest.param(BEFORE, AFTER, Figures(0.5, 400, 1000, 100.0, 50.0, 0.0, 10.0, 4, 2.0), id="means since then"),
        pytest.param(None, AFTER, NO_RATES, id="no sample before"),
        pytest.param(Counters(100.0, 0.5, 5.0), AFTER, NO_RATES, id="of another life"),
        pytest.param(Counters(109.99, 1.0, 9.9), AFTER, NO_RATES, id="too near to each other"),
        pytest.param(
            Counters(100.0, 1.0, 11.0, None, None, None, 1000, 9999, 3000, 4000, 3),
            AFTER,
            Figures(None, 400, 1000, 100.0, None, 0.0, 10.0, 4, 2.0),
            id="counters that went backwards",
        ),
    ],
)
def test_what_a_replica_uses(before: Counters | None, after: Counters, figures: Figures) -> None:
    assert judge_replica(before, after) == figures


def test_a_service_is_the_sum_of_what_is_known_and_has_a_limit_where_all_have_one() -> None:
    known, unknown = Figures(0.5, 400, 1000, 100.0, 50.0, 0.0, 10.0, 4, 2.0), Figures(memory=5, memory_limit=7)
    assert sum_up([known, known]) == Figures(1.0, 800, 2000, 200.0, 100.0, 0.0, 20.0, 8, 4.0)
    assert sum_up([known, unknown]) == Figures(0.5, 405, 1007, 100.0, 50.0, 0.0, 10.0, 4, None)
    assert sum_up([known, Figures()]).memory_limit is None
    assert sum_up([]) == Figures()


def test_the_machine() -> None:
    now = HostUsage(cores=2, memory_total=100, memory_available=30)
    first, second = HostCounters(10.0, 50.0, now), HostCounters(20.0, 65.0, now)
    assert judge_host(None, first).cpu is None
    assert judge_host(first, second).cpu == 1.5
    assert judge_host(second, first).cpu is None
    assert judge_host(first, HostCounters(20.0, 90.0, now)).cpu == 2.0, "no more than it has"
    assert host_figures(judge_host(first, second)) == Figures(1.5, 70, 100, cpu_limit=2.0)
