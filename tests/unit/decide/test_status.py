"""The status: the phase of a stack from its services, and instants that change only when something does."""

import pytest

from controller.decide.status import make_status, stack_phase
from controller.decide.touched import find_differences
from controller.decide.world import World
from controller.model.decision import Decision, History, Hold, Offers
from controller.model.desired import Leaving
from controller.model.phases import Phase
from controller.model.status import Condition
from tests.builders import HEALTHY, NOW, checked, exited, healthy, service
from tests.unit.decide.worlds import coming, new_one, ready_one, settle, world

pytestmark = pytest.mark.unit


def phase_of(*phases: str, held: bool = False) -> str:
    return stack_phase((Decision("x", Phase(p), "", "", History(), Offers()) for p in phases), held)


@pytest.mark.parametrize(
    ("services", "stack"),
    [
        ("", "Progressing"),
        ("Ready", "Converged"),
        ("Ready Completed", "Converged"),
        ("Ready Stopped", "Converged"),
        ("Completed Stopped", "Converged"),
        ("Stopped Stopped", "Stopped"),
        ("Paused Paused", "Paused"),
        ("Paused Stopped", "Paused"),
        ("Paused Ready", "Paused"),
        ("Ready Starting", "Progressing"),
        ("Ready Pending", "Progressing"),
        ("Ready Waiting", "Progressing"),
        ("Ready Updating", "Progressing"),
        ("Paused Starting", "Progressing"),
        ("Ready Degraded", "Degraded"),
        ("Ready CrashLoopBackOff", "Degraded"),
        ("Ready Failed", "Degraded"),
        ("Starting Failed", "Degraded"),
        ("Starting CrashLoopBackOff", "Degraded"),
        ("Failed Waiting", "Failed"),
        ("Failed", "Failed"),
        ("Failed Stopped", "Failed"),
    ],
)
def test_the_stack_is_as_well_as_the_worst_of_its_services(services: str, stack: str) -> None:
    assert phase_of(*services.split()) == stack


@pytest.mark.parametrize(
    ("services", "stack"), [("Ready", "Converged"), ("Ready Pending", "Degraded"), ("Stopped", "Stopped")]
)
def test_a_held_stack_does_not_progress(services: str, stack: str) -> None:
    assert phase_of(*services.split(), held=True) == stack


def status(given: World, before=None, conditions=(), now: float = NOW):
    return make_status(given, before, conditions, {"db": 2.5}.get, now)


def shop(**views) -> World:
    return settle(world(checked("db"), checked("web", 2, needs={"db": HEALTHY}), **views))


def test_services_are_shown_with_what_they_wait_for_and_how_long_that_usually_takes() -> None:
    db, web = status(shop(db=coming("db"), web=new_one("web"))).services
    assert (db.name, db.phase, db.desired, db.ready, db.updated, db.usually, db.waits_for) == (
        "db",
        "Starting",
        1,
        0,
        1,
        2.5,
        None,
    )
    assert (web.name, web.phase, web.desired, web.ready, web.updated, web.usually, web.waits_for) == (
        "web",
        "Waiting",
        2,
        0,
        1,
        None,
        "db",
    )
    assert db.wake_at == NOW + 110
    assert [r.name for r in web.replicas] == ["shop-web-1"]


def test_the_stacks_phase_and_generation_are_told() -> None:
    told = status(shop(db=ready_one("db"), web=[healthy(1), healthy(2)]))
    assert (told.name, told.phase, told.generation, told.taken_at) == ("shop", "Converged", 0, NOW)


def test_since_changes_only_with_the_phase() -> None:
    given = shop(db=coming("db"), web=new_one("web"))
    first = status(given)
    later = status(given, first, now=NOW + 10)
    assert [s.since for s in later.services] == [NOW, NOW]
    given.views["db"] = shop(db=ready_one("db")).views["db"]
    settle(given, NOW + 20)
    assert [s.since for s in status(given, later, now=NOW + 20).services] == [NOW + 20, NOW + 20]


def test_a_condition_changes_its_instant_only_with_its_status() -> None:
    given = shop()
    first = status(given, None, (Condition("Converged", "False", "A", "a", 0.0),))
    second = status(given, first, (Condition("Converged", "False", "B", "b", 0.0),), NOW + 5)
    third = status(given, second, (Condition("Converged", "True", "B", "b", 0.0),), NOW + 9)
    seen = [(c.reason, c.transitioned_at) for s in (first, second, third) for c in s.conditions]
    assert seen == [("A", NOW), ("B", NOW), ("B", NOW + 9)]


@pytest.mark.parametrize(
    ("leaving", "found", "shown"),
    [
        (Leaving.OUT_OF_PROFILE, [], False),
        (Leaving.REMOVED, [], False),
        (Leaving.ORPHANED, [], False),
        (Leaving.OUT_OF_PROFILE, [exited(service="old")], True),
        (Leaving.ORPHANED, [healthy(service="old")], True),
        (Leaving.STOPPED, [], True),
    ],
)
def test_who_is_gone_is_shown_while_something_of_it_is_there(leaving, found, shown) -> None:
    given = settle(world(checked("web"), service("old", 0, leaving=leaving), web=ready_one("web"), old=found))
    assert ("old" in [s.name for s in status(given).services]) is shown


def test_a_hold_shows_in_the_phase() -> None:
    given = world(checked("db"), db=new_one("db"))
    given.hold = Hold("AdoptionHeld", "…")
    assert status(settle(given)).phase == "Degraded"


def test_networks_and_name_of_another_release_are_no_hands_work() -> None:
    old = healthy(1, "v1", lost=("back",), proper_name="shop-web-x", drift=("Networks", "Env"))
    new = healthy(2, "v2", lost=("back",), name="mine", proper_name="shop-web-2")
    given = settle(world(checked("web", 2, "v2"), web=[old, new]))
    first, second = status(given).services[0].replicas
    assert [one.path for one in find_differences(first)] == [] and first.drift == ("Networks", "Env")
    assert [one.path for one in find_differences(second)] == ["Networks.back", "Name"] and second is new
    assert given.views["web"].replicas[0].lost == ("back",), "a way back looks at that"
