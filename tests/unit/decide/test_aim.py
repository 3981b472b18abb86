"""Which release is aimed at: what failed goes back, what was undone stays undone until something changes."""

from dataclasses import replace

import pytest

from controller.decide.aim import Around, WayBack, aim, is_release
from controller.decide.service import decide
from controller.model.decision import Course, Freeze, History, Hold
from controller.model.desired import Leaving, Scope, UpdatePolicy
from controller.model.names import ImageId, Release, Revision, make_release, split_release
from tests.builders import IMAGE, checked, healthy
from tests.unit.decide.cases import case
from tests.unit.decide.releases import FAILED, GOOD, KNOWN, OLD, PAUSE

pytestmark = pytest.mark.unit

ROWS = [
    ("what is asked for", checked("web", 1, "v2"), History(good=GOOD), Around(known=KNOWN), None, "v2"),
    ("it failed: the last good one", checked("web", 1, "v2"), FAILED, Around(known=KNOWN), Course.RETURNING, "v1"),
    ("something else is asked for now", checked("web", 1, "v3"), FAILED, Around(known=KNOWN), None, "v3"),
    ("pause", checked("web", 1, "v2", update=PAUSE), FAILED, Around(known=KNOWN), Course.HALTED, "v2"),
    ("what was good is not known any more", checked("web", 1, "v2"), FAILED, Around(), Course.HALTED, "v2"),
    (
        "nothing ever was good",
        checked("web", 1, "v2"),
        replace(FAILED, good=None),
        Around(known=KNOWN),
        Course.HALTED,
        "v2",
    ),
    (
        "the way back failed too",
        checked("web", 1, "v2"),
        replace(FAILED, failed={**FAILED.failed, GOOD: "so did this"}),
        Around(known=KNOWN),
        Course.HALTED,
        "v1",
    ),
    (
        "undone by a person",
        checked("web", 1, "v2"),
        History(good=Release("v2"), pinned=GOOD, pinned_over=Revision("v2")),
        Around(known=KNOWN),
        Course.PINNED,
        "v1",
    ),
    (
        "undone, and then edited",
        checked("web", 1, "v3"),
        History(good=GOOD, pinned=GOOD, pinned_over=Revision("v2")),
        Around(known=KNOWN),
        None,
        "v3",
    ),
    (
        "undone to what fails",
        checked("web", 1, "v2"),
        History(pinned=GOOD, pinned_over=Revision("v2"), failed={GOOD: "it broke"}, failed_for=Revision("v2")),
        Around(known=KNOWN),
        Course.HALTED,
        "v1",
    ),
    ("halted by a person", checked("web", 1, "v2"), History(halted=True), Around(), Course.HALTED, "v2"),
    (
        "the stack goes back",
        checked("web", 1, "v2"),
        History(good=Release("v2")),
        Around(known=KNOWN, back=WayBack({"web": GOOD}, "db failed")),
        Course.STACK_RETURNING,
        "v1",
    ),
    (
        "the stack goes back, but this was not changed",
        checked("web", 1, "v1"),
        History(good=GOOD),
        Around(known=KNOWN, back=WayBack({"web": GOOD})),
        None,
        "v1",
    ),
    (
        "the stack goes back: a job is never run backwards",
        checked("web", 1, "v2", is_job=True),
        History(),
        Around(known=KNOWN, back=WayBack({"web": GOOD})),
        None,
        "v2",
    ),
    (
        "the stack goes back, and that failed",
        checked("web", 1, "v2"),
        History(failed={GOOD: "so did this"}, failed_for=Revision("v2")),
        Around(known=KNOWN, back=WayBack({"web": GOOD})),
        Course.HALTED,
        "v1",
    ),
]


@pytest.mark.parametrize(
    ("want", "history", "around", "course", "revision"), [row[1:] for row in ROWS], ids=[r[0] for r in ROWS]
)
def test_which_release_is_aimed_at(want, history, around, course, revision) -> None:
    aimed = aim(want, history, around)
    assert (aimed.course, aimed.want.revision, aimed.frozen) == (course, revision, None)
    assert aimed.asked == want.revision


@pytest.mark.parametrize(("scope", "told"), [(Scope.STACK, "it broke; db cannot"), (Scope.SERVICE, "it broke")])
def test_one_that_goes_back_alone_says_why_the_stack_does_not(scope: Scope, told: str) -> None:
    want = checked("web", 1, "v2", update=UpdatePolicy(scope=scope))
    aimed = aim(want, FAILED, Around(known=KNOWN, back=WayBack(barred="db cannot")))
    assert (aimed.course, aimed.message) == (Course.RETURNING, told)


@pytest.mark.parametrize(
    ("history", "hold", "may_start", "frozen", "leaving"),
    [
        pytest.param(replace(FAILED, paused=True), None, True, Freeze.PAUSED, None, id="paused"),
        pytest.param(FAILED, Hold("H", ""), True, Freeze.HELD, None, id="held"),
        pytest.param(replace(FAILED, stopped="x"), None, True, None, Leaving.STOPPED, id="stopped"),
        pytest.param(FAILED, None, False, Freeze.NOT_STARTED, None, id="autoStart: false"),
    ],
)
def test_a_failed_release_lifts_nothing_that_stands_in_the_way(history, hold, may_start, frozen, leaving) -> None:
    aimed = aim(checked("web", 1, "v2"), history, Around(hold, may_start, KNOWN))
    assert (aimed.frozen, aimed.want.leaving) == (frozen, leaving)


def test_the_earlier_release_comes_back_in_the_strength_and_under_the_policies_of_today() -> None:
    today = checked("web", 4, "v2", priority=9, rollback=UpdatePolicy(parallelism=0))
    back = aim(today, FAILED, Around(known=KNOWN)).want
    assert (back.replicas, back.priority, back.update.parallelism) == (4, 9, 0)
    assert back.template == OLD.template and back.image_id == IMAGE


def test_the_earlier_release_has_the_time_to_start_that_its_service_has_now() -> None:
    today = checked("web", 1, "v2", start_timeout=300.0, timeout_given=150.0, timeout_chosen=True)
    back = aim(today, FAILED, Around(known=KNOWN)).want
    assert (back.start_timeout, back.unwidened, back.longest_start) == (300.0, 150.0, 300.0)


def test_releases_are_told_apart_as_far_as_their_images_are_known() -> None:
    assert split_release(GOOD) == ("v1", IMAGE) and split_release(Release("v1")) == ("v1", None)
    assert is_release(Release("v1"), GOOD) and is_release(GOOD, GOOD)
    assert not is_release(make_release(Revision("v1"), ImageId("sha256:new")), GOOD)
    assert not is_release(Release("v2"), GOOD) and not is_release(GOOD, None)


def test_what_failed_is_forgotten_when_something_else_is_asked_for() -> None:
    """So that going there once more is another try."""
    back = decide(case(checked("web", 1, "v1"), healthy(), history=replace(FAILED, adopted_at=1.0)))
    assert (back.history.failed, back.history.failed_for) == ({}, None)
    undone = History(adopted_at=1.0, good=GOOD, pinned=GOOD, pinned_over=Revision("v2"))
    assert decide(case(checked("web", 1, "v3"), healthy(), history=undone)).history.pinned is None
