"""Images ahead of need, and images when it is their turn (`earlyPulls: false`)."""

from __future__ import annotations

import pytest

from controller.decide.service import decide
from controller.decide.world import World
from controller.model.decision import Attempt, Course, History, Offers
from controller.model.desired import PullPolicy, StackPolicy, StartupMode
from controller.model.names import Release
from controller.model.observed import Trouble
from controller.model.resources import Optimization
from tests.builders import HEALTHY, NOW, aim, checked, healthy, job, ready, view
from tests.unit.decide.cases import SEEN, case, told
from tests.unit.decide.worlds import acts, coming, ready_one, settle, world

pytestmark = pytest.mark.unit

AWAY = {"image_id": None}
IMAGE_NAME = checked().image
NEEDS_DB = checked(needs={"db": HEALTHY})
BEGUN = History(adopted_at=1.0, good=Release("v1"), attempt=Attempt(Release("v2"), clock=NOW))

TABLE = [
    ("its gate is shut", case(NEEDS_DB, seen=AWAY), "pull", "Waiting DependencyNotReady: - | waits for db"),
    (
        "its gate is open",
        case(NEEDS_DB, seen=AWAY, gates={"db": ready()}),
        "pull",
        "Pending FetchingImage: pull",
    ),
    ("no slot is free", case(checked(), seen=AWAY, may_begin=False), "pull", "Pending WaitingForSlot: -"),
    (
        "an image that is built",
        case(checked(needs={"db": HEALTHY}, builds=True), seen=AWAY),
        "build",
        "Waiting DependencyNotReady: - | waits for db",
    ),
    (
        "an image that is always pulled",
        case(checked(needs={"db": HEALTHY}, pull=PullPolicy.ALWAYS)),
        "pull",
        "Waiting DependencyNotReady: - | waits for db",
    ),
    (
        "a job's",
        case(job("web", needs={"db": HEALTHY}), seen=AWAY),
        "pull",
        "Waiting DependencyNotReady: - | waits for db",
    ),
    (
        "an update whose gate is shut",
        case(checked(needs={"db": HEALTHY}, revision="v2"), healthy(), seen=AWAY, gates={"db": Offers()}),
        "pull",
        "Updating DependencyNotReady: - | waits for db",
    ),
    (
        "an update behind one that is still to be updated",
        case(
            checked(needs={"db": HEALTHY}, revision="v2"),
            healthy(),
            seen=AWAY,
            gates={"db": ready(updated=False)},
            history=BEGUN,
        ),
        "pull",
        "Updating DependencyNotReady: - | waits for db",
    ),
]


@pytest.mark.parametrize(("given", "early", "late"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_ahead_of_need_nothing_holds_a_fetch_up_and_in_turn_all_does(given, early: str, late: str) -> None:
    assert told(given).partition(": ")[2].split(" |")[0] == early
    assert told(given._replace(fetches_early=False)) == late


def test_an_image_that_is_here_is_waited_for_by_nobody() -> None:
    assert told(case(NEEDS_DB, fetches_early=False)) == "Pending Creating: create 1"


def test_the_way_back_waits_for_nobody() -> None:
    back = case(seen=AWAY, gates={"db": Offers()}, fetches_early=False)
    back = back._replace(aim=aim(NEEDS_DB, course=Course.RETURNING, message="back"))
    assert [type(step).__name__ for step in decide(back).steps] == ["Pull"]


def test_what_is_on_its_way_is_waited_for_and_keeps_its_slot() -> None:
    coming_ = decide(case(checked(), seen=AWAY, fetching=True, fetches_early=False))
    assert (coming_.steps, coming_.starting, coming_.denied) == ((), True, False)


def test_an_image_that_cannot_be_had_keeps_no_slot() -> None:
    trouble = {"fetch_troubles": {IMAGE_NAME: Trouble(1, NOW - 600, "Pull", "no answer")}, **AWAY}
    again = decide(case(checked(), seen=trouble, fetches_early=False, history=SEEN))
    assert [type(step).__name__ for step in again.steps] == ["Pull"] and not again.starting


def in_turn(mode: StartupMode, *names: str) -> World:
    policy = StackPolicy(mode=mode, optimization=Optimization(early_pulls=False))
    given = world(*map(checked, names), policy=policy, **{name: [] for name in names})
    given.views = {name: view(image_id=None) for name in names}
    return given


def test_one_after_the_other_they_are_fetched_so_too() -> None:
    given = in_turn(StartupMode.SEQUENTIAL, "a", "b")
    assert acts(given) == {"a": "pull"} and given.waiting == {"b"}
    given.views["a"] = view()
    assert acts(given, "a")["a"] == "create 1"
    given.views["a"] = view(*coming("a"))
    settle(given)
    assert "b" in given.waiting
    given.views["a"] = view(*ready_one("a"))
    assert acts(given, "a") == {"b": "pull"}


def test_side_by_side_they_are_fetched_at_once() -> None:
    assert acts(in_turn(StartupMode.PARALLEL, "a", "b")) == {"a": "pull", "b": "pull"}
