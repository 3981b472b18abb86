"""Gates: what a dependency has to offer before a service may start."""

import pytest

from controller.decide.gates import is_met, was_served
from controller.decide.service import decide
from controller.model.decision import Offers
from controller.model.desired import Need
from tests.builders import COMPLETED, HEALTHY, STARTED, checked, created, healthy, need, ready
from tests.unit.decide.cases import case, told

pytestmark = pytest.mark.unit

ABSENT = Offers(exists=False)
CREATED_ONLY = Offers()
RUNS = Offers(started=True, running=True)
SICK = Offers(failed=True)
DONE = Offers(completed=True, settled=True, updated=True)

OPEN = "Starting Starting: start 1"
SHUT = "Waiting DependencyNotReady: - | waits for db"


@pytest.mark.parametrize(
    ("wanted", "offers", "expected"),
    [
        pytest.param(need(STARTED), CREATED_ONLY, SHUT, id="service_started is shut while nothing of it runs"),
        pytest.param(need(STARTED), RUNS, OPEN, id="service_started opens at the start, ready or not"),
        pytest.param(need(STARTED), DONE, OPEN, id="service_started is met by a job that has completed"),
        pytest.param(need(HEALTHY), RUNS, SHUT, id="service_healthy is shut while it runs and is not ready"),
        pytest.param(need(HEALTHY), ready(), OPEN, id="service_healthy opens when one replica is ready"),
        pytest.param(need(HEALTHY), DONE, OPEN, id="service_healthy is met by a job that has completed"),
        pytest.param(need(COMPLETED), ready(), SHUT, id="service_completed_successfully is not met by a running one"),
        pytest.param(need(COMPLETED), DONE, OPEN, id="service_completed_successfully opens at the end with 0"),
        pytest.param(need(COMPLETED), SICK, SHUT, id="a failed job keeps the gate shut"),
        pytest.param(need(HEALTHY), ABSENT, SHUT, id="a required dependency that does not exist keeps the gate shut"),
        pytest.param(
            need(HEALTHY, required=False), ABSENT, OPEN, id="an optional dependency that is absent is no gate"
        ),
        pytest.param(need(COMPLETED, required=False), SICK, OPEN, id="an optional dependency that failed is no gate"),
        pytest.param(need(HEALTHY, required=False), RUNS, SHUT, id="an optional dependency on its way is waited for"),
    ],
)
def test_a_created_replica_starts_behind_its_gate(wanted: Need, offers: Offers, expected: str) -> None:
    assert told(case(checked(needs={"db": wanted}), created(), gates={"db": offers})) == expected


def test_of_several_unmet_needs_the_first_is_named() -> None:
    want = checked(needs={"cache": HEALTHY, "db": HEALTHY, "queue": HEALTHY})
    given = case(want, created(), gates={"cache": ready(), "db": RUNS, "queue": RUNS})
    assert told(given) == SHUT


@pytest.mark.parametrize(
    ("wanted", "offers", "message"),
    [
        pytest.param(STARTED, CREATED_ONLY, "waits for db to run", id="not running"),
        pytest.param(HEALTHY, RUNS, "waits for db to be ready", id="not ready"),
        pytest.param(COMPLETED, RUNS, "waits for db to complete", id="not complete"),
        pytest.param(HEALTHY, ABSENT, "waits for db, which is not part of what is wanted", id="absent"),
        pytest.param(HEALTHY, SICK, "waits for db, which has failed", id="failed"),
    ],
)
def test_a_wait_is_told_in_one_sentence(wanted, offers, message) -> None:
    assert decide(case(checked(needs={"db": wanted}), created(), gates={"db": offers})).message == message


def test_creating_needs_no_gate() -> None:
    want = checked(needs={"db": HEALTHY})
    assert told(case(want, gates={"db": RUNS})) == "Pending Creating: create 1"


@pytest.mark.fault("W6")
def test_a_gate_that_shuts_later_stops_nothing() -> None:
    given = case(checked(needs={"db": HEALTHY}), healthy(), gates={"db": RUNS})
    assert told(given) == "Ready Ready: -"


def test_what_is_met_does_not_depend_on_readiness_for_a_started_need() -> None:
    assert is_met(need(STARTED), RUNS)
    assert not is_met(need(HEALTHY), RUNS)


@pytest.mark.parametrize(
    ("wanted", "offers", "expected"),
    [
        pytest.param(need(STARTED), Offers(healthy=True, served_since=90.0), True, id="it served before"),
        pytest.param(need(STARTED), Offers(healthy=True, served_since=101.0), False, id="it served only later"),
        pytest.param(need(HEALTHY), Offers(started=True, running=True), False, id="it does not serve any more"),
        pytest.param(need(COMPLETED), DONE, True, id="its work is done"),
        pytest.param(need(COMPLETED), Offers(healthy=True, served_since=90.0), False, id="its work is not done"),
        pytest.param(need(HEALTHY), ABSENT, False, id="nobody knows whether it serves"),
        pytest.param(need(HEALTHY, required=False), ABSENT, True, id="it is not needed"),
        pytest.param(need(HEALTHY, required=False), RUNS, False, id="it may be waited for though it is not needed"),
    ],
)
def test_a_start_is_ones_own_where_all_that_is_needed_served_meanwhile(
    wanted: Need, offers: Offers, expected: bool
) -> None:
    want = checked(needs={"db": wanted, "cache": STARTED})
    served = {"cache": Offers(healthy=True, served_since=1.0)}
    assert was_served(want, {**served, "db": offers}, begun=100.0) is expected
    assert was_served(want, {"db": offers}, begun=100.0) is False
