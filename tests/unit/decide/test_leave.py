"""Services that are to have nothing running: stopped, out of the profile, removed, orphaned; and who is frozen."""

from dataclasses import replace

import pytest

from controller.decide.service import decide
from controller.model.decision import Attempt, Freeze, Grant, History
from controller.model.desired import Leaving
from controller.model.observed import ReplicaPhase, Trouble
from tests.builders import NOW, checked, created, exited, healthy, job, replica
from tests.unit.decide.cases import case, told

pytestmark = pytest.mark.unit


def gone(leaving: Leaving, **others):
    return checked(replicas=0, leaving=leaving, **others)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(
            case(gone(Leaving.STOPPED), healthy()), "Stopped Stopped: stop 1", id="stopped by a person: stops"
        ),
        pytest.param(case(gone(Leaving.STOPPED), exited()), "Stopped Stopped: -", id="stopped already: stays, is kept"),
        pytest.param(case(gone(Leaving.STOPPED)), "Stopped Stopped: -", id="nothing there"),
        pytest.param(
            case(gone(Leaving.STOPPED), replica(phase=ReplicaPhase.PAUSED)),
            "Stopped Stopped: stop 1",
            id="a paused container is stopped as well",
        ),
        pytest.param(
            case(gone(Leaving.STOPPED), replica(phase=ReplicaPhase.RESTARTING)),
            "Stopped Stopped: stop 1",
            id="one that Docker is about to restart is stopped as well",
        ),
        pytest.param(case(gone(Leaving.STOPPED), created()), "Stopped Stopped: -", id="never started: nothing to stop"),
        pytest.param(
            case(gone(Leaving.STOPPED), healthy(), dependents=("web2",)),
            "Stopped Stopped: -",
            id="dependents that are to stop go first",
        ),
        pytest.param(
            case(gone(Leaving.OUT_OF_PROFILE), healthy(), exited(2)),
            "Stopped OutOfProfile: stop 1",
            id="out of the profile: stopped, nothing removed",
        ),
        pytest.param(
            case(gone(Leaving.REMOVED), healthy(), exited(2), created(3)),
            "Stopped Removed: stop 1, remove 2, remove 3",
            id="removed under prune: stopped, and removed what does not run",
        ),
        pytest.param(
            case(gone(Leaving.REMOVED), exited()), "Stopped Removed: remove 1", id="the stopped one is removed"
        ),
        pytest.param(
            case(gone(Leaving.REMOVED), replica(phase=ReplicaPhase.DEAD), replica(2, phase=ReplicaPhase.REMOVING)),
            "Stopped Removed: remove 1",
            id="dead is removed, what is being removed is left",
        ),
        pytest.param(case(gone(Leaving.ORPHANED), healthy(), exited(2)), "Stopped Orphaned: -", id="orphaned: left"),
        pytest.param(
            case(gone(Leaving.STOPPED), healthy(), seen={"trouble": Trouble(2, NOW - 1, "Stop", "no answer")}),
            "Stopped Stopped: - | wakes +1",
            id="the stop failed a moment ago: tried again later",
        ),
        pytest.param(
            case(gone(Leaving.STOPPED), healthy(), history=History(stopped="NotRunningAtAdoption")),
            "Stopped NotRunningAtAdoption: stop 1",
            id="why it is stopped is its reason",
        ),
    ],
)
def test_who_leaves_is_stopped_and_what_is_gone_removed(given, expected) -> None:
    assert told(given) == expected


def test_waiting_for_dependents_names_them() -> None:
    decision = decide(case(gone(Leaving.STOPPED), healthy(), dependents=("api", "web2")))
    assert decision.message == "stops after api, web2"


def test_lives_that_we_end_are_noted_before_the_stop_and_forgotten_with_the_container() -> None:
    first = decide(case(gone(Leaving.STOPPED), healthy(started_at=NOW - 50)))
    assert first.history.put_down == {"web-1-id": NOW - 50}
    after = decide(case(gone(Leaving.STOPPED), exited(started_at=NOW - 50), history=first.history))
    assert after.history.put_down == first.history.put_down
    assert decide(case(gone(Leaving.STOPPED), history=after.history)).history.put_down == {}


def test_what_ended_before_we_asked_is_not_put_down_by_us() -> None:
    assert decide(case(gone(Leaving.STOPPED), exited())).history.put_down == {}


def test_who_leaves_offers_nothing_but_that_it_still_runs() -> None:
    offers = decide(case(gone(Leaving.STOPPED), healthy())).offers
    assert (offers.started, offers.healthy, offers.running) == (False, False, True)
    assert not decide(case(gone(Leaving.STOPPED), exited())).offers.running


def test_a_stopped_service_wants_none() -> None:
    assert decide(case(gone(Leaving.STOPPED), healthy())).desired == 0


def test_what_is_not_started_by_itself_wants_none() -> None:
    assert decide(case(checked(), frozen=Freeze.NOT_STARTED)).desired == 0
    assert decide(case(checked(), healthy(), frozen=Freeze.NOT_STARTED)).desired == 1


FROZEN = [
    ("paused: whatever is wrong is left", case(checked(), exited(), frozen=Freeze.PAUSED), "Paused Paused: -"),
    ("paused: an update waits", case(checked(revision="v2"), healthy(), frozen=Freeze.PAUSED), "Paused Paused: -"),
    ("held: what serves is ready", case(checked(), healthy(), frozen=Freeze.HELD), "Ready Held: -"),
    ("held: older ones serve as well", case(checked(revision="v2"), healthy(), frozen=Freeze.HELD), "Ready Held: -"),
    ("held: half of it serves", case(checked(replicas=2), healthy(), frozen=Freeze.HELD), "Degraded Held: -"),
    ("held: nothing serves", case(checked(), exited(), frozen=Freeze.HELD), "Pending Held: -"),
    (
        "held: a job that is done is done",
        case(job(), exited(service="migrate", exit_code=0), frozen=Freeze.HELD),
        "Completed Held: -",
    ),
    ("held: who is to leave is left", case(gone(Leaving.STOPPED), healthy(), frozen=Freeze.HELD), "Degraded Held: -"),
    ("held: who has left is stopped", case(gone(Leaving.STOPPED), exited(), frozen=Freeze.HELD), "Stopped Held: -"),
    (
        "held: orphans are nobody's fault",
        case(gone(Leaving.ORPHANED), healthy(), frozen=Freeze.HELD),
        "Stopped Held: -",
    ),
    ("not started: nothing is made", case(checked(), frozen=Freeze.NOT_STARTED), "Stopped NotStarted: -"),
    (
        "not started: what is there stays down",
        case(checked(), exited(), frozen=Freeze.NOT_STARTED),
        "Stopped NotStarted: -",
    ),
    (
        "not started: what runs is kept in shape",
        case(checked(replicas=2), healthy(), frozen=Freeze.NOT_STARTED),
        "Starting Creating: create 2",
    ),
    (
        "not started: what ran well and fell over is put up again",
        case(checked(), exited(), frozen=Freeze.NOT_STARTED, history=History(adopted_at=1.0, good="v1")),
        "Starting Starting: start 1",
    ),
]


@pytest.mark.parametrize(("given", "expected"), [pytest.param(*row[1:], id=row[0]) for row in FROZEN])
def test_the_frozen_are_left_as_they_are(given, expected) -> None:
    assert told(given) == expected


def test_freezing_forgets_nothing() -> None:
    history = History(adopted_at=1.0, good="v1", attempt=Attempt("v2"), restarts={"web-1-id": Grant(3, 5.0)})
    history = replace(history, failed={"v3": "it broke"}, failed_for="v3", pinned="v0", pinned_over="v3")
    for frozen in (Freeze.PAUSED, Freeze.HELD):
        assert decide(case(checked(), healthy(), history=history, frozen=frozen)).history == history


def test_the_order_in_which_an_engine_lists_them_changes_nothing() -> None:
    found = [healthy(2), exited(3), healthy(1)]
    one, other = (decide(case(gone(Leaving.REMOVED), *listed)) for listed in (found, reversed(found)))
    assert one.steps == other.steps
