"""What is done on each course: going back, undone, halted; and where a restart was asked for."""

from dataclasses import replace

import pytest

from controller.decide.service import decide
from controller.model.decision import Attempt, Course, Grant, History
from controller.model.names import Release, Revision, make_release
from controller.model.observed import Health
from tests.builders import NOW, checked, exited, healthy, replica
from tests.unit.decide.cases import case, tell
from tests.unit.decide.releases import FAILED, GOOD, NEW, OLD, after_apply

pytestmark = pytest.mark.unit


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
