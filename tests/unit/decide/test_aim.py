"""Which release is aimed at: what failed goes back, what was undone stays undone until something changes."""

from dataclasses import replace

import pytest

from controller.decide.aim import Around, WayBack, aim, is_release
from controller.decide.service import decide
from controller.model.decision import Attempt, Course, Freeze, Grant, History, Hold
from controller.model.desired import FailureAction, Leaving, Scope, UpdatePolicy
from controller.model.names import ImageId, Release, Revision, make_release, split_release
from controller.model.observed import Health
from tests.builders import IMAGE, NOW, checked, exited, healthy, replica
from tests.unit.decide.cases import case, tell

pytestmark = pytest.mark.unit

GOOD = make_release(Revision("v1"), IMAGE)
FAILED = History(good=GOOD, failed={Release("v2"): "it broke"}, failed_for=Revision("v2"))
OLD = checked("web", 1, "v1", priority=3)
KNOWN = {("web", Revision("v1")): OLD}
PAUSE = UpdatePolicy(failure_action=FailureAction.PAUSE)

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


def test_a_tag_that_moved_goes_back_to_the_image_that_it_stood_for() -> None:
    moved = checked("web", 1, "v1", image_id=ImageId("sha256:new"))
    failed = make_release(Revision("v1"), ImageId("sha256:new"))
    history = History(good=GOOD, failed={failed: "it broke"}, failed_for=Revision("v1"))
    back = aim(moved, history, Around())
    assert (back.course, back.want.image_id) == (Course.RETURNING, IMAGE)


NEW, NEWER = ImageId("sha256:new"), ImageId("sha256:newer")
MOVED = History(
    adopted_at=1.0,
    good=GOOD,
    failed={make_release(Revision("v1"), NEW): "it broke"},
    failed_for=Revision("v1"),
)
"""A tag moved to another image, which an `apply` tried in vain."""


def after_apply(*replicas, history: History = MOVED, image: ImageId | None = None, **others):
    """The service as nobody asks for its tag any more, or for this image of it."""
    want = checked("web", len(replicas), "v1", image_id=image, **others)
    return case(want, *replicas, history=history)._replace(aim=aim(want, history, Around(known=KNOWN)))


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


def on_course(course: Course, want, *replicas, history: History = FAILED, asked: str = "v2", **others):
    given = case(want, *replicas, history=replace(history, adopted_at=NOW - 500), **others)
    return given._replace(aim=given.aim._replace(course=course, asked=Release(asked), message="it broke"))


COURSES = [
    ("back, and all are there", on_course(Course.RETURNING, OLD, healthy()), "Degraded RolledBack: -"),
    (
        "back: the failed one goes",
        on_course(Course.RETURNING, OLD, healthy(), exited(2, "v2")),
        "RollingBack RollingBack: remove 2",
    ),
    (
        "back: what failed goes also where a dependency is down",
        on_course(
            Course.RETURNING, checked("web", 1, "v1", needs={}), healthy(), replica(2, "v2", health=Health.UNHEALTHY)
        ),
        "RollingBack RollingBack: stop 2",
    ),
    (
        "back: who depends on it goes first",
        on_course(Course.STACK_RETURNING, OLD, healthy(1, "v2"), go_first=("api",)),
        "RollingBack RollingBack: - | waits for api",
    ),
    (
        "back: a broken one waits for nobody",
        on_course(Course.STACK_RETURNING, OLD, replica(1, "v2", health=Health.UNHEALTHY), go_first=("api",)),
        "RollingBack RollingBack: stop 1",
    ),
    ("undone", on_course(Course.PINNED, OLD, healthy()), "Paused Pinned: -"),
    ("undone: it is kept in shape", on_course(Course.PINNED, OLD, exited()), "Starting Starting: start 1"),
    (
        "halted: nothing is replaced, whatever it is",
        on_course(Course.HALTED, checked("web", 2, "v2"), healthy(1, "v1"), replica(2, "v2", health=Health.UNHEALTHY)),
        "Degraded Unhealthy: restart 2",
    ),
    (
        "halted: what is old is put up again as it is",
        on_course(Course.HALTED, checked("web", 2, "v2"), exited(1, "v1"), healthy(2, "v2")),
        "Starting Starting: start 1",
    ),
    (
        "halted: one that is missing is made anew",
        on_course(Course.HALTED, checked("web", 2, "v2"), healthy(1, "v1")),
        "Starting UpdateHalted: create 2",
    ),
    (
        "halted by a person, with old ones left",
        on_course(Course.HALTED, checked("web", 1, "v2"), healthy(1, "v1"), history=History(halted=True)),
        "Paused UpdateHalted: -",
    ),
    (
        "halted by a person, with nothing left to replace",
        on_course(Course.HALTED, checked("web", 1, "v2"), healthy(1, "v2"), history=History(halted=True)),
        "Ready Ready: -",
    ),
]
BY_HAND = History(halted=True)
IN_UPDATE = History(halted=True, attempt=Attempt(Release("v2")))
SLOW = replica(1, "v2", health=Health.STARTING, started_at=NOW - 10)
TRIED = Grant(3, NOW - 2)
"""Three times, and the next one is not due yet."""
LOOPS = exited(3, "v2", started_at=NOW - 1.5)
HALTED_BY_HAND = [
    ("not ready yet", 1, (SLOW,), BY_HAND, "Starting NotReady: -"),
    ("crashes again and again", 1, (LOOPS,), BY_HAND, "CrashLoopBackOff CrashLoopBackOff: -"),
    ("sick, and may not be restarted yet", 2, (healthy(2, "v2"), LOOPS), BY_HAND, "CrashLoopBackOff CrashLoop"),
    ("an old one crashes", 1, (replace(LOOPS, revision=Revision("v1")),), IN_UPDATE, "CrashLoopBackOff CrashLoop"),
    ("an old one is not ready", 2, (healthy(2, "v2"), replace(SLOW, revision=Revision("v1"))), IN_UPDATE, "Starting"),
    ("all are old, and one is missing", 2, (healthy(1, "v1"),), IN_UPDATE, "Starting UpdateHalted: create 2"),
    ("enough serve, old and new", 2, (healthy(1, "v1"), healthy(2, "v2")), IN_UPDATE, "Paused UpdateHalted: -"),
    ("what is too much goes", 1, (healthy(1, "v2"), healthy(2, "v2")), BY_HAND, "Ready ScalingDown: stop 2"),
]


@pytest.mark.parametrize(
    ("wanted", "replicas", "history", "expected"),
    [row[1:] for row in HALTED_BY_HAND],
    ids=[r[0] for r in HALTED_BY_HAND],
)
def test_a_halt_by_a_person_hides_nothing_that_does_not_serve(
    wanted: int, replicas, history: History, expected: str
) -> None:
    history = replace(history, restarts={LOOPS.id: TRIED})
    given = on_course(Course.HALTED, checked("web", wanted, "v2"), *replicas, history=history)
    assert tell(decide(given), given.now).startswith(expected)


@pytest.mark.parametrize(("given", "expected"), [row[1:] for row in COURSES], ids=[row[0] for row in COURSES])
def test_what_is_done_on_a_course(given, expected: str) -> None:
    assert tell(decide(given), given.now).startswith(expected)


def test_a_restart_that_was_asked_for_replaces_what_was_there_and_nothing_else() -> None:
    history = History(adopted_at=1.0, good=GOOD, retired=frozenset({healthy().id}))
    begun = decide(case(checked(), healthy(), history=history))
    assert tell(begun) == "Updating Updating: stop 1"
    made = replica(1, "v1", id="another", health=Health.HEALTHY, ready_since=NOW - 9)
    done = decide(case(checked(), made, history=begun.history))
    assert (tell(done), done.history.retired) == ("Ready Ready: -", frozenset())


def test_a_restart_that_fails_leaves_who_is_still_there() -> None:
    history = History(
        adopted_at=1.0, good=GOOD, retired=frozenset({"web-1-id", "web-2-id"}), attempt=Attempt(Release("v1"))
    )
    failed = decide(case(checked(replicas=2), healthy(1), exited(3, "v1"), history=history))
    assert (failed.reason, failed.steps) == ("UpdateFailed", ())
    assert (failed.history.retired, failed.history.failed, failed.history.attempt) == (frozenset(), {}, None)


def test_those_that_a_restart_was_to_replace_stay_where_a_new_image_failed() -> None:
    """They are what is gone back to: none of them has to leave for another one of the same."""
    new = make_release(Revision("v1"), NEW)
    history = History(adopted_at=1.0, good=GOOD, retired=frozenset({"web-1-id"}), attempt=Attempt(new))
    want = checked("web", 1, "v1", image_id=NEW)
    failed = decide(case(want, healthy(), exited(2, image_id=NEW), history=history))
    assert (failed.history.retired, list(failed.history.failed)) == (frozenset(), [new])
    back = decide(after_apply(healthy(), history=replace(failed.history, attempt=Attempt(GOOD)), image=NEW))
    assert tell(back) == "Degraded RolledBack: -"
