"""Replacing: counts of old and new replicas move towards what is wanted, one at a time, never below the floor."""

import pytest

from controller.decide.service import decide
from controller.model.decision import Attempt, History, Offers
from controller.model.desired import Order, UpdatePolicy
from controller.model.names import ImageId
from controller.model.observed import Health, Mount, ReplicaPhase
from controller.model.steps import Create
from tests.builders import HEALTHY, NOW, STARTED, checked, created, exited, healthy, probe, ready, replica, service
from tests.unit.decide.cases import case, tell, told

pytestmark = pytest.mark.unit

OPEN = History(adopted_at=NOW - 500, good="v1", attempt=Attempt("v2"))

BEGUN = History(adopted_at=NOW - 500, good="v1", attempt=Attempt("v2", gone=frozenset({"web-1-id"})))
"""The first of the old ones was let go."""


def old(number: int = 1, **others):
    return healthy(number, "v1", **others)


def new(number: int = 1, **others):
    return healthy(number, "v2", **others)


def unready(number: int = 1, revision: str = "v2", **others):
    return replica(number, revision, health=Health.STARTING, check=probe(), started_at=NOW - 10, **others)


def web(replicas: int = 1, parallelism: int = 1, order: Order = Order.STOP_FIRST, **others):
    return checked("web", replicas, "v2", update=UpdatePolicy(order, parallelism), **others)


START_FIRST = Order.START_FIRST
NOT_READY = Offers(started=True, running=True, settled=True, updated=True)
ROWS = [
    ("one old: it stops first", case(web(), old()), "Updating Updating: stop 1"),
    (
        "it has stopped: removed, nothing is created beside that",
        case(web(), exited(1, "v1")),
        "Updating Updating: remove 1",
    ),
    ("it is gone: the new one takes its number", case(web(), history=OPEN), "Updating Creating: create 1"),
    ("the new one is there: started", case(web(), created(1, "v2"), history=OPEN), "Updating Starting: start 1"),
    (
        "the new one is ready: watched for five seconds from then on",
        case(web(), new(ready_since=NOW - 2), history=OPEN),
        "Updating Watching: - | wakes +3",
    ),
    (
        "ready before the clock was set back: not watched until it has caught up",
        case(web(), new(ready_since=NOW + 3600), history=OPEN),
        "Ready Ready: -",
    ),
    ("watched: done", case(web(), new(ready_since=NOW - 5), history=OPEN), "Ready Ready: -"),
    ("three old: one at a time", case(web(3), old(1), old(2), old(3)), "Updating Updating: stop 1"),
    (
        "one is on its way: the next waits",
        case(web(3), unready(1), old(2), old(3), history=OPEN),
        "Updating Updating: - | wakes +110",
    ),
    (
        "the new one serves: the next goes",
        case(web(3), new(1), old(2), old(3), history=OPEN),
        "Updating Updating: stop 2",
    ),
    ("two at a time", case(web(3, 2), old(1), old(2), old(3)), "Updating Updating: stop 1, stop 2"),
    ("all at once", case(web(3, 0), old(1), old(2), old(3)), "Updating Updating: stop 1, stop 2, stop 3"),
    (
        "one of the old does not serve: it goes first, and no other",
        case(web(3), old(1), unready(2, "v1"), old(3)),
        "Updating Updating: stop 2",
    ),
    (
        "one of the old has exited: removed, and no serving one goes beside it",
        case(web(3), old(1), old(2), exited(3, "v1")),
        "Updating Updating: remove 3",
    ),
    (
        "none of the old serves: one at a time all the same",
        case(web(2), unready(1, "v1"), unready(2, "v1")),
        "Updating Updating: stop 1",
    ),
    (
        "the missing one is made while no other may go",
        case(web(3), old(2), old(3), history=OPEN),
        "Updating Updating: create 1",
    ),
    (
        "start-first: the new one comes before the old goes",
        case(web(2, 1, START_FIRST), old(1), old(2)),
        "Updating Updating: create 3",
    ),
    (
        "start-first: nobody goes while the new one is not ready",
        case(web(2, 1, START_FIRST), old(1), old(2), unready(3), history=OPEN),
        "Updating Updating: - | wakes +110",
    ),
    (
        "start-first: the new one serves, one old goes",
        case(web(2, 1, START_FIRST), old(1), old(2), new(3), history=OPEN),
        "Updating Updating: stop 1",
    ),
    (
        "start-first, two at a time: at most two more than wanted",
        case(web(2, 2, START_FIRST), old(1), old(2)),
        "Updating Updating: create 3, create 4",
    ),
    (
        "scaled up in the same breath: what is missing comes before anything goes",
        case(web(4), old(1), old(2)),
        "Updating Updating: create 3",
    ),
    (
        "scaled up in the same breath: one at a time all the same",
        case(web(4), unready(1), old(2), old(3), history=OPEN),
        "Updating Updating: - | wakes +110",
    ),
    (
        "scaled down in the same breath: what is too much goes",
        case(web(1), old(1), old(2), old(3)),
        "Updating Updating: stop 1",
    ),
    (
        "the gate is shut: no batch begins",
        case(web(needs={"db": HEALTHY}), old(), gates={"db": NOT_READY}),
        "Updating DependencyNotReady: - | waits for db",
    ),
    (
        "the gate is shut in mid-batch: the batch goes on to its start",
        case(web(2, needs={"db": HEALTHY}), exited(1, "v1"), old(2), gates={"db": NOT_READY}, history=BEGUN),
        "Updating Updating: remove 1",
    ),
    (
        "the dependency is not replaced yet: dependents are replaced after it",
        case(web(needs={"db": STARTED}), old(), gates={"db": ready(settled=False)}),
        "Updating DependencyNotReady: - | waits for db",
    ),
    (
        "the dependency is replaced: dependents follow",
        case(web(needs={"db": STARTED}), old(), gates={"db": ready()}),
        "Updating Updating: stop 1",
    ),
    (
        "no start slot is free: what serves is not stopped before its successor may start",
        case(web(2), old(1), old(2), may_begin=False),
        "Updating WaitingForSlot: -",
    ),
    (
        "no start slot is free, and what is old does not serve: it may go",
        case(web(), unready(1, "v1"), may_begin=False),
        "Updating Updating: stop 1",
    ),
    (
        "a moved tag that counts makes the replica old",
        case(checked(image_id=ImageId("sha256:newer")), healthy()),
        "Updating Updating: stop 1",
    ),
    (
        "a moved tag that does not count changes nothing",
        case(checked(), healthy(image_id=ImageId("sha256:older"))),
        "Ready Ready: -",
    ),
    ("turned back before anything went: nothing to do", case(checked(), healthy(), history=OPEN), "Ready Ready: -"),
]


@pytest.mark.parametrize(("given", "expected"), [pytest.param(*row[1:], id=row[0]) for row in ROWS])
def test_replacing(given, expected) -> None:
    assert told(given) == expected


SCALE = [
    (
        "missing ones are made all at once",
        case(checked(replicas=3), healthy(2)),
        "Starting Creating: create 1, create 3",
    ),
    ("the highest number goes", case(checked(), healthy(1), healthy(2)), "Ready ScalingDown: stop 2"),
    (
        "who does not serve goes before the highest number",
        case(checked(), unready(1, "v1"), healthy(2)),
        "Ready ScalingDown: stop 1",
    ),
    ("what has exited is removed, not started", case(checked(), healthy(1), exited(2)), "Ready ScalingDown: remove 2"),
    ("what was never started is removed", case(checked(), healthy(1), created(2)), "Ready ScalingDown: remove 2"),
    ("down to none", case(checked(replicas=0), healthy(1), healthy(2)), "Ready ScalingDown: stop 2, stop 1"),
    ("none wanted, none there", case(checked(replicas=0)), "Ready Ready: -"),
    (
        "no create beside a stop: the dead goes first",
        case(checked(replicas=2), healthy(1), replica(2, phase=ReplicaPhase.DEAD)),
        "Starting RemovingDead: remove 2",
    ),
]


@pytest.mark.parametrize(("given", "expected"), [pytest.param(*row[1:], id=row[0]) for row in SCALE])
def test_scaling(given, expected) -> None:
    assert told(given) == expected


@pytest.mark.parametrize("wanted", range(1, 6))
@pytest.mark.parametrize("at_once", range(0, 4))
@pytest.mark.parametrize("order", list(Order))
def test_never_below_the_floor_never_above_the_cap(wanted: int, at_once: int, order: Order) -> None:
    """From every mix of serving old, serving new and new ones on their way."""
    p = at_once or wanted
    floor, cap = (wanted, wanted + p) if order is START_FIRST else (max(0, wanted - p), wanted)
    for olds in range(1, wanted + 1):
        for news in range(0, wanted + 1):
            for coming in range(0, wanted + 1 - news):
                present = [old(n + 1) for n in range(olds)]
                present += [new(10 + n) for n in range(news)]
                present += [unready(20 + n) for n in range(coming)]
                steps = decide(case(web(wanted, at_once, order), *present, history=OPEN)).steps
                stops = sum(1 for step in steps if type(step).__name__ == "Stop")
                creates = sum(1 for step in steps if isinstance(step, Create))
                serving = olds + news
                assert not (stops and creates)
                assert serving - stops >= min(floor, serving), (olds, news, coming)
                assert not creates or len(present) + creates <= cap, (olds, news, coming)


def test_every_replacement_begins_and_ends_an_attempt() -> None:
    begun = decide(case(web(), old()))
    assert begun.history.attempt is not None and begun.history.attempt.release == "v2"
    watching = decide(case(web(), new(ready_since=NOW - 1), history=begun.history))
    assert watching.history.attempt is not None and watching.history.attempt.release == "v2"
    assert watching.history.good is None
    done = decide(case(web(), new(ready_since=NOW - 5), history=watching.history))
    assert (done.history.attempt, done.history.good) == (None, "v2@sha256:present")


def test_a_goal_that_changes_in_mid_update_begins_another_attempt() -> None:
    third = checked("web", 1, "v3")
    attempt = decide(case(third, new(), history=OPEN)).history.attempt
    assert attempt is not None and attempt.release == "v3"


def test_the_first_start_is_not_watched() -> None:
    assert told(case(checked(), healthy(ready_since=NOW))) == "Ready Ready: -"


def test_without_a_check_an_update_is_watched_from_the_settling_on() -> None:
    want = service("web", 1, "v2")
    assert told(case(want, replica(1, "v2", started_at=NOW - 2), history=OPEN)) == "Updating Watching: - | wakes +4"


def test_while_it_is_replaced_it_is_not_settled_for_its_dependents() -> None:
    assert not decide(case(web(2), new(1), old(2), history=OPEN)).offers.settled
    assert not decide(case(web(2), new(1), history=OPEN)).offers.settled
    assert decide(case(web(2), new(1), new(2, ready_since=NOW), history=OPEN)).offers.settled


def test_a_crash_does_not_unsettle_what_is_replaced() -> None:
    assert decide(case(web(), exited(1, "v2"), history=OPEN)).offers.settled


MOUNTS = (Mount("/data", "volume-a"),)
OTHER = (Mount("/data", "volume-b"),)


def test_anonymous_volumes_are_noted_before_the_old_one_is_removed() -> None:
    assert decide(case(web(), old(mounts=MOUNTS))).history.carried == ()
    decision = decide(case(web(), exited(1, "v1", mounts=MOUNTS)))
    assert tell(decision) == "Updating Updating: remove 1"
    assert decision.history.carried == (MOUNTS,)


def test_each_volume_is_carried_once() -> None:
    history = History(adopted_at=1.0, attempt=Attempt("v2"), carried=(MOUNTS, OTHER))
    (made,) = decide(case(web(2), new(1, mounts=MOUNTS), history=history)).steps
    assert made.carry == OTHER
    first, second = decide(case(web(2, 0), history=history)).steps
    assert (first.carry, second.carry) == (MOUNTS, OTHER)


def test_carried_volumes_are_noted_once_and_forgotten_when_the_update_is_done() -> None:
    history = History(adopted_at=1.0, attempt=Attempt("v2"), carried=(MOUNTS,))
    again = decide(case(web(), exited(1, "v1", mounts=MOUNTS), history=history))
    assert again.history.carried == (MOUNTS,)
    assert decide(case(web(), new(mounts=MOUNTS), history=history)).history.carried == ()


def test_stops_get_the_services_grace_and_say_why() -> None:
    (step,) = decide(case(web(stop_grace=33.0), old())).steps
    assert (step.grace, step.because, step.replica) == (33.0, "replaced by a newer revision", "web-1-id")


@pytest.mark.fault("W8")
def test_the_number_of_a_container_that_is_being_removed_is_waited_for_but_not_for_ever() -> None:
    going = replica(1, phase=ReplicaPhase.REMOVING, finished_at=NOW - 1)
    assert told(case(checked(), going)) == "Pending Removing: - | wakes +4"
    stuck = replica(1, phase=ReplicaPhase.REMOVING, finished_at=NOW - 60)
    assert told(case(checked(), stuck)).endswith("Creating: create 2")
