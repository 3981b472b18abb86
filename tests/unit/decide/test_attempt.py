"""Judging an update: what counts as a failure of it, what does not, when it is overdue, and its bake."""

from dataclasses import replace
from typing import Any

import pytest

from controller.decide.failures import tell_end
from controller.decide.service import decide
from controller.model.decision import Attempt, Course, Freeze, History
from controller.model.desired import FailureAction, Leaving, PullPolicy, UpdatePolicy, Watch
from controller.model.names import Release, Revision, make_release
from controller.model.observed import Health, Trouble
from controller.model.observed import ReplicaPhase as Phase
from controller.model.routes import Frontend, RouteSeen, RouteState
from tests.builders import IMAGE, NOW, checked, created, exited, healthy, replica
from tests.unit.decide.cases import case, tell

pytestmark = pytest.mark.unit

GOOD = make_release(Revision("v1"), IMAGE)
OPEN = History(adopted_at=NOW - 500, good=GOOD, attempt=Attempt(Release("v2"), clock=NOW - 10))
OUT, IN = RouteSeen(RouteState.OUT), RouteSeen(RouteState.IN)
SICK = replica(2, "v2", health=Health.UNHEALTHY)


def refused(reason: str, count: int = 1, *, lasting: bool = False) -> dict[str, object]:
    found = Trouble(count, NOW - 1, reason, "Docker refused it", lasting)
    return {"fetch_troubles": {web().image: found}} if reason == "Pull" else {"trouble": found}


def web(**policy):
    return checked("web", 2, "v2", update=UpdatePolicy(**policy))


def update(*replicas, history: History = OPEN, want=None, **seen):
    return decide(case(want or web(), *replicas, history=history, seen={"since": NOW - 500, **seen}))


FAILURES = [
    ("exited", (healthy(1, "v1"), exited(2, "v2", exit_code=3)), {}, "shop-web-2 exited with 3"),
    (
        "out of memory, with its last lines",
        (healthy(1, "v1"), exited(2, "v2", exit_code=137, oom_killed=True, last_output="a\nb\nc\nd\n")),
        {},
        "shop-web-2 exited with 137 (out of memory): b / c / d",
    ),
    ("Docker restarts it", (replica(2, "v2", Phase.RESTARTING),), {}, "shop-web-2 exited with 1"),
    ("Docker restarted it", (healthy(2, "v2", restarts=2),), {}, "shop-web-2 was restarted by Docker 2 times"),
    ("unhealthy", (healthy(1, "v1"), SICK), {}, "shop-web-2 is unhealthy"),
    (
        "never ready",
        (replica(2, "v2", health=Health.STARTING, started_at=NOW - 121),),
        {},
        "shop-web-2 did not become ready in time",
    ),
    ("it cannot be started", (created(2, "v2"),), refused("Start", lasting=True), "shop-web-2 could not be started"),
    ("refused three times", (created(2, "v2"),), refused("Start", 3), "shop-web-2 could not be started"),
    ("three times it could not be led to", (healthy(2, "v2", route=OUT),), refused("Route", 3), "Docker refused it"),
    ("it cannot even be created", (healthy(1, "v1"),), refused("Create", lasting=True), "Docker refused it"),
]


@pytest.mark.parametrize(("replicas", "seen", "why"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES])
def test_one_failure_takes_an_update_back_and_the_pass_that_says_so_does_nothing(replicas, seen, why: str) -> None:
    decision = update(*replicas, **seen)
    assert (decision.reason, decision.message, decision.steps) == ("UpdateFailed", why, ())
    assert decision.history.failed == {"v2": why}
    assert (decision.history.failed_for, decision.history.attempt) == ("v2", None)
    assert decision.wake_at is not None


INNOCENT = [
    ("an old one exited", (exited(1, "v1"), healthy(2, "v2")), OPEN, {}),
    ("it fails before it is started", (healthy(1, "v1"), created(2, "v2")), OPEN, {}),
    ("a start that was refused once may have met somebody's port", (created(2, "v2"),), OPEN, refused("Start")),
    ("a create that failed may pass", (healthy(1, "v1"),), OPEN, refused("Create", 9)),
    ("the proxy was away twice", (healthy(2, "v2", route=OUT),), OPEN, refused("Route", 2)),
    ("an old one could not be drained", (healthy(1, "v1"), healthy(2, "v2", route=IN)), OPEN, refused("Route", 9)),
    ("what could not be fetched", (healthy(1, "v1"),), OPEN, refused("Pull", 9, lasting=True)),
    ("ended while nobody watched", (exited(2, "v2", finished_at=NOW - 600),), OPEN, {}),
    (
        "ended by us",
        (exited(2, "v2", started_at=NOW - 100),),
        replace(OPEN, put_down={"web-2-id": NOW - 100}),
        {},
    ),
    (
        "not ready, but nobody watched for that long",
        (replica(2, "v2", health=Health.STARTING, started_at=NOW - 400),),
        OPEN,
        {"since": NOW - 5},
    ),
    (
        "it had failed before the update began",
        (healthy(2, "v2", restarts=2),),
        replace(OPEN, attempt=Attempt(Release("v2"), excused=frozenset({healthy(2, "v2", restarts=2).life}))),
        {},
    ),
    ("there never was another release", (SICK,), replace(OPEN, good=None), {}),
    ("what was lost is put up again as it was", (SICK,), replace(OPEN, good=make_release(Revision("v2"), IMAGE)), {}),
    ("no update is under way", (SICK, healthy(1, "v2")), replace(OPEN, attempt=None), {}),
]


@pytest.mark.parametrize(
    ("replicas", "history", "seen"), [row[1:] for row in INNOCENT], ids=[row[0] for row in INNOCENT]
)
def test_what_is_no_failure_of_an_update(replicas, history: History, seen) -> None:
    decision = update(*replicas, history=history, **seen)
    assert decision.history.failed == {} and decision.reason != "UpdateFailed"


def test_a_failure_counts_once_however_often_it_is_seen_and_also_when_it_is_gone() -> None:
    lenient = web(max_failure_ratio=0.5)
    first = update(healthy(1, "v1"), exited(2, "v2"), want=lenient)
    assert first.history.attempt is not None and len(first.history.attempt.failures) == 1
    for replicas in ((healthy(1, "v1"), exited(2, "v2")), (healthy(1, "v1"), healthy(2, "v2")), (healthy(1, "v1"),)):
        again = update(*replicas, want=lenient, history=first.history)
        assert again.history.failed == {}
        assert again.history.attempt is not None and len(again.history.attempt.failures) == 1
    second = update(exited(2, "v2"), exited(3, "v2"), want=lenient, history=first.history)
    assert second.history.failed.keys() == {"v2"}


def test_the_failure_of_the_way_back_is_kept_beside_the_first() -> None:
    """Both are for what is asked for; without the first the next pass would go there again."""
    old = checked("web", 2, "v1", update=UpdatePolicy(failure_action=FailureAction.PAUSE))
    history = replace(
        OPEN, failed={Release("v2"): "it broke"}, failed_for=Revision("v2"), attempt=Attempt(Release("v1"))
    )
    given = case(old, exited(1, "v1"), SICK, history=history, seen={"since": NOW - 500})
    given = given._replace(aim=given.aim._replace(asked=Release("v2"), course="Returning"))
    assert decide(given).history.failed.keys() == {"v1", "v2"}


V2_REFUSED = {"trouble": Trouble(1, NOW - 1, "Start", "Docker refused it", lasting=True, release=Release("v2"))}
V1_REFUSED = {"trouble": replace(V2_REFUSED["trouble"], release=Release("v1"))}
BACK = [
    ("what could not be started makes way at once", (created(1, "v2"),), V2_REFUSED, "RollingBack: remove 1"),
    ("and the one before comes back at once", (), V2_REFUSED, "Creating: create 1"),
    ("one of it that waits to be started is not failed", (created(1, "v1"),), V2_REFUSED, "Starting: start 1"),
    ("what is refused to itself waits", (created(1, "v1"),), V1_REFUSED, "StartFailed: - | wakes +299"),
]


@pytest.mark.parametrize(("replicas", "seen", "told"), [row[1:] for row in BACK], ids=[row[0] for row in BACK])
def test_calls_that_failed_for_one_release_do_not_hold_up_another(replicas, seen, told: str) -> None:
    decision = decide(back(*replicas, seen=seen))
    assert tell(decision).split(" ", 1)[1] == told and decision.release == "v1"


def test_on_the_way_back_a_refusal_counts_though_there_was_one_on_the_way_there() -> None:
    refused_there = {"trouble": replace(V2_REFUSED["trouble"], reason="Create")}
    begun = decide(back(created(1, "v2"), seen=refused_there))
    refused_here = {"trouble": replace(V1_REFUSED["trouble"], reason="Create")}
    again = decide(back(created(1, "v2"), seen=refused_here, history=begun.history))
    assert again.reason == "UpdateFailed" and again.history.failed.keys() == {"v1", "v2"}


def back(*replicas, seen, history: History | None = None):
    """Release v2 has failed, and v1 is to run again."""
    failed = replace(OPEN, failed={Release("v2"): "it broke"}, failed_for=Revision("v2"), attempt=None)
    given = case(checked("web", 1, "v1"), *replicas, history=history or failed, seen={"since": NOW - 500, **seen})
    return given._replace(aim=given.aim._replace(asked=Release("v2"), course=Course.RETURNING))


def test_without_progress_it_has_failed_when_its_time_is_over() -> None:
    slow = replica(2, "v2", health=Health.STARTING, started_at=NOW - 10)
    want = replace(web(progress_deadline=60.0), start_timeout=500.0)
    late = replace(OPEN, attempt=Attempt(Release("v2"), clock=NOW - 60, best=0))
    decision = update(healthy(1, "v1"), slow, want=want, history=late)
    assert decision.message == "no progress for 60 s (0 of 2 replaced)" and decision.history.failed
    early = replace(late, attempt=Attempt(Release("v2"), clock=NOW - 59))
    assert update(healthy(1, "v1"), slow, want=want, history=early).wake_at == NOW + 1
    unwatched = update(healthy(1, "v1"), slow, want=want, history=late, since=NOW - 20)
    assert (unwatched.history.failed, unwatched.wake_at) == ({}, NOW + 40)


def test_the_clock_rests_while_a_gate_is_shut_and_begins_anew_with_each_that_settles() -> None:
    shut = decide(case(web(), healthy(1, "v1"), healthy(2, "v1"), history=OPEN, may_begin=False))
    assert shut.reason == "WaitingForSlot" and shut.history.attempt is not None and shut.history.attempt.clock is None
    opened = update(healthy(1, "v1"), history=shut.history)
    assert opened.history.attempt is not None and opened.history.attempt.clock == NOW
    settled = update(healthy(2, "v2"), history=OPEN)
    assert settled.history.attempt is not None
    assert (settled.history.attempt.best, settled.history.attempt.clock) == (1, NOW)


NO_IMAGE = {"image_id": None}
OLD_ONES = (healthy(1, "v1"), healthy(2, "v1"))
LEFT = {"want": replace(web(), leaving=Leaving.STOPPED)}
DRAINS = (healthy(1, "v1", route=RouteSeen(RouteState.DRAINING, 3, NOW - 1)), healthy(2, "v2", route=IN))
BEHIND = {"want": replace(web(), frontends=(Frontend("web", 8080, 80),))}
RESTS = [
    ("the image is fetched", OLD_ONES, {"seen": NO_IMAGE}, "FetchingImage: pull"),
    ("it is built", OLD_ONES, {"want": replace(web(), builds=True), "seen": NO_IMAGE}, "BuildingImage: build"),
    (
        "it could not be fetched, and is tried again",
        OLD_ONES,
        {"seen": {**NO_IMAGE, **refused("Pull", 5)}},
        "ImagePullBackOff: - | wakes +15",
    ),
    (
        "somebody has to bring it",
        OLD_ONES,
        {"want": replace(web(), pull=PullPolicy.NEVER), "seen": NO_IMAGE},
        "ImageNeverPulled: -",
    ),
    ("an old one stops", OLD_ONES, {}, "Updating: stop 1"),
    ("an old one stops, since a new one settled", (healthy(1, "v1"), healthy(2, "v2")), {}, "Updating: stop 1"),
    ("an old one drains", DRAINS, BEHIND, "Draining: - | wakes +0.2"),
    ("a person paused it", OLD_ONES, {"frozen": Freeze.PAUSED}, "Paused: -"),
    ("the stack is held", OLD_ONES, {"frozen": Freeze.HELD}, "Held: -"),
    ("a person stopped it", OLD_ONES, LEFT, "Stopped: stop 1, stop 2"),
]


@pytest.mark.parametrize(("replicas", "given", "told"), [row[1:] for row in RESTS], ids=[row[0] for row in RESTS])
def test_the_clock_rests_while(replicas, given: dict[str, Any], told: str) -> None:
    """However long that takes, it is not overdue afterwards: its time begins anew."""
    late = replace(OPEN, attempt=Attempt(Release("v2"), clock=NOW - 9999))
    given = {"want": web(), **given}
    decision = decide(case(given.pop("want"), *replicas, history=late, **given))
    assert tell(decision).split(" ", 1)[1] == told
    assert decision.history.attempt is not None and decision.history.attempt.clock is None
    assert decision.history.failed == {}


def test_a_new_replica_is_watched_before_the_next_batch_unless_the_policy_says_otherwise() -> None:
    young = healthy(2, "v2", ready_since=NOW - 1)
    assert tell(update(healthy(1, "v1"), young)) == "Updating Updating: - | wakes +4"
    assert tell(update(healthy(1, "v1"), young, want=web(watch=Watch.READY))) == "Updating Updating: stop 1"


def test_between_two_batches_the_policys_delay_is_kept() -> None:
    history = replace(OPEN, attempt=Attempt(Release("v2"), best=1, clock=NOW - 8))
    watched = healthy(2, "v2", ready_since=NOW - 7)
    waits = update(healthy(1, "v1"), watched, want=web(delay=10.0), history=history)
    assert tell(waits) == "Updating Delaying: - | wakes +8"
    assert tell(update(healthy(1, "v1"), watched, want=web(delay=2.0), history=history)) == "Updating Updating: stop 1"


# --- bake

BAKED = web(bake=60.0)
BAKING = replace(OPEN, attempt=Attempt(Release("v2"), best=2, settled_at=NOW - 20))
BOTH = (healthy(1, "v2"), healthy(2, "v2"))


def test_after_its_success_a_release_is_baked_and_the_one_before_is_kept_in_mind() -> None:
    done = update(*BOTH, want=BAKED)
    assert (done.phase, done.reason, done.wake_at) == ("Ready", "Baking", NOW + 60)
    assert done.history.good == GOOD and done.history.attempt is not None and done.history.attempt.settled_at == NOW
    over = update(*BOTH, want=BAKED, history=replace(BAKING, attempt=Attempt(Release("v2"), settled_at=NOW - 60)))
    assert (over.reason, over.history.attempt, over.history.good) == (
        "Ready",
        None,
        make_release(Revision("v2"), IMAGE),
    )


@pytest.mark.parametrize(
    "sick",
    [exited(2, "v2"), replica(2, "v2", health=Health.UNHEALTHY), healthy(2, "v2", restarts=1)],
    ids=["exits", "sick", "restarted"],
)
def test_what_fails_in_its_bake_goes_back(sick) -> None:
    decision = update(healthy(1, "v2"), sick, want=BAKED, history=BAKING)
    assert decision.reason == "UpdateFailed" and decision.history.failed.keys() == {"v2"}
    assert decision.history.good == GOOD


def test_a_release_that_fails_no_oftener_than_the_one_before_is_not_worse() -> None:
    attempt = Attempt(Release("v2"), settled_at=NOW - 20, baseline=1)
    decision = update(healthy(1, "v2"), exited(2, "v2"), want=BAKED, history=replace(BAKING, attempt=attempt))
    assert decision.history.failed == {} and decision.steps
    twice = replace(decision.history)
    again = update(exited(1, "v2"), exited(2, "v2"), want=BAKED, history=twice)
    assert again.history.failed.keys() == {"v2"}


def test_where_nothing_would_be_gone_back_to_nothing_is_baked() -> None:
    first = update(*BOTH, want=BAKED, history=replace(OPEN, good=None))
    assert (first.reason, first.history.attempt) == ("Ready", None)


def test_a_reason_holds_the_last_lines_that_say_something_as_far_as_they_fit() -> None:
    printed = "first\nTraceback:\n  no disk " + "x" * 200 + "\n-----\n"
    told = tell_end(exited(1, exit_code=1, last_output=printed))
    assert told == f"shop-web-1 exited with 1: first / Traceback: / no disk {'x' * 112}…"
