"""A tag that moved: what it brought is tried, taken back and kept in quarantine like any release."""

from dataclasses import replace

import pytest

from controller.decide.aim import Around, WayBack, aim
from controller.decide.service import decide
from controller.model.decision import Attempt, Course, History
from controller.model.names import ImageId, Release, Revision, make_release
from tests.builders import IMAGE, NOW, checked, healthy
from tests.unit.decide.cases import case, tell
from tests.unit.decide.releases import GOOD, KNOWN, MOVED, NEW, NEWER, PAUSE, after_apply

pytestmark = pytest.mark.unit


@pytest.mark.fault("I2")
def test_a_tag_that_moved_goes_back_to_the_image_that_it_stood_for() -> None:
    moved = checked("web", 1, "v1", image_id=ImageId("sha256:new"))
    failed = make_release(Revision("v1"), ImageId("sha256:new"))
    history = History(good=GOOD, failed={failed: "it broke"}, failed_for=Revision("v1"))
    back = aim(moved, history, Around())
    assert (back.course, back.want.image_id) == (Course.RETURNING, IMAGE)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(
            after_apply(healthy(image_id=NEW)), "RollingBack RollingBack: stop 1", id="what failed still runs"
        ),
        pytest.param(
            after_apply(healthy(), history=replace(MOVED, attempt=Attempt(GOOD))),
            "Degraded RolledBack: -",
            id="what was good is back",
        ),
        pytest.param(
            after_apply(healthy(image_id=NEW), history=replace(MOVED, failed={GOOD: "so did this", **MOVED.failed})),
            "Degraded RollbackFailed: -",
            id="the way back failed as well",
        ),
        pytest.param(after_apply(healthy(image_id=NEW), update=PAUSE), "Degraded UpdatePaused: -", id="it is to pause"),
    ],
)
def test_what_a_moved_tag_brought_stays_in_quarantine_when_its_apply_has_ended(given, expected: str) -> None:
    assert tell(decide(given), given.now).startswith(expected)


def test_a_way_back_that_failed_is_told_after_what_it_was_to_mend() -> None:
    history = replace(MOVED, failed={GOOD: "so did this", **MOVED.failed})
    assert after_apply(healthy(), history=history).aim.message == "it broke; and on the way back: so did this"


@pytest.mark.fault("I2")
def test_what_is_lost_after_it_is_made_from_the_image_that_was_good() -> None:
    want = checked("web", 2, "v1")
    given = case(want, healthy(), history=MOVED, seen={"image_id": NEW})
    decision = decide(given._replace(aim=aim(want, MOVED, Around())))
    assert [(step.number, step.image_id) for step in decision.steps] == [(2, IMAGE)]


@pytest.mark.parametrize(
    ("history", "course"),
    [
        pytest.param(History(good=make_release(Revision("v1"), NEW)), Course.STACK_RETURNING, id="what it brought"),
        pytest.param(
            History(good=make_release(Revision("v1"), NEW), attempt=Attempt(GOOD)),
            Course.STACK_RETURNING,
            id="on its way back",
        ),
        pytest.param(
            History(good=GOOD, attempt=Attempt(GOOD)), Course.STACK_RETURNING, id="on its way back from a bake"
        ),
        pytest.param(
            History(good=GOOD, attempt=Attempt(make_release(Revision("v1"), NEW), settled_at=NOW)),
            Course.STACK_RETURNING,
            id="in its bake",
        ),
        pytest.param(History(good=GOOD), None, id="back"),
        pytest.param(History(good=GOOD, attempt=Attempt(Release("v1"))), None, id="one that was lost is put up"),
    ],
)
def test_a_stack_takes_back_what_a_moved_tag_brought_though_its_apply_has_ended(history, course) -> None:
    back = Around(known=KNOWN, back=WayBack({"web": GOOD}, "db failed"))
    aimed = aim(checked("web", 1, "v1"), history, back)
    assert (aimed.course, aimed.want.image_id, aimed.asked) == (course, IMAGE, "v1")


def test_a_tag_that_has_moved_on_is_tried_and_what_failed_before_is_forgotten() -> None:
    """Else what is good by then would count as a way back from what failed once."""
    tried = decide(after_apply(healthy(), image=NEWER))
    assert (tried.phase, tried.history.failed) == ("Updating", {})
    assert tried.history.attempt is not None and tried.history.attempt.release == make_release(Revision("v1"), NEWER)


def test_nobody_forgets_what_failed_because_an_apply_asks_for_it_again_or_may_do_nothing() -> None:
    assert decide(after_apply(healthy(), image=NEW)).history.failed == MOVED.failed
    paused = replace(MOVED, paused=True)
    assert decide(after_apply(healthy(), image=NEWER, history=paused)).history.failed == MOVED.failed


def test_what_failed_under_an_apply_is_not_tried_again_by_who_asks_for_no_image() -> None:
    failed = make_release(Revision("v2"), ImageId("sha256:new"))
    history = History(good=GOOD, failed={failed: "it broke"}, failed_for=Revision("v2"))
    want = checked("web", 1, "v2")
    assert aim(want, history, Around(known=KNOWN)).course is Course.RETURNING
    assert aim(replace(want, image_id=ImageId("sha256:new")), history, Around(known=KNOWN)).course is Course.RETURNING
    assert aim(replace(want, image_id=ImageId("sha256:newer")), history, Around(known=KNOWN)).course is None
