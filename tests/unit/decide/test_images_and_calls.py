"""What has to come before a create, what follows failed calls, and containers that depend on other containers."""

from dataclasses import replace

import pytest

from controller.decide.service import decide
from controller.model.decision import Attempt, Course, Grant, History, Offers
from controller.model.desired import Need, PullPolicy
from controller.model.names import Release, ReplicaId
from controller.model.observed import Health, Trouble
from controller.model.steps import Build, Pull
from tests.builders import HEALTHY, NOW, checked, created, exited, healthy, job, probe, ready, replica, service
from tests.unit.decide.cases import SEEN, case, told

pytestmark = pytest.mark.unit

NO_IMAGE = {"image_id": None}
IMAGE_NAME = checked().image


def trouble(count: int, ago: float, reason: str = "Create", *, lasting: bool = False, **others):
    found = Trouble(count, NOW - ago, reason, "no answer", lasting)
    return {"fetch_troubles": {IMAGE_NAME: found}, **others} if reason == "Pull" else {"trouble": found, **others}


def unwell(**others):
    return replica(health=Health.UNHEALTHY, check=probe(), **others)


IMAGES = [
    ("missing: pulled before the create", case(checked(), seen=NO_IMAGE), "Pending FetchingImage: pull"),
    ("missing and built here: built", case(checked(builds=True), seen=NO_IMAGE), "Pending BuildingImage: build"),
    (
        "pull_policy always: pulled once though it is here",
        case(checked(pull=PullPolicy.ALWAYS)),
        "Pending FetchingImage: pull",
    ),
    (
        "pull_policy always, pulled in this generation: created",
        case(checked(pull=PullPolicy.ALWAYS), seen={"pulled": frozenset({IMAGE_NAME})}),
        "Pending Creating: create 1",
    ),
    (
        "pull_policy always wins over the build",
        case(checked(pull=PullPolicy.ALWAYS, builds=True)),
        "Pending FetchingImage: pull",
    ),
    (
        "pull_policy never and not here: failed, and said so",
        case(checked(pull=PullPolicy.NEVER), seen=NO_IMAGE),
        "Failed ImageNeverPulled: -",
    ),
    (
        "pull_policy never, built here: built",
        case(checked(pull=PullPolicy.NEVER, builds=True), seen=NO_IMAGE),
        "Pending BuildingImage: build",
    ),
    ("pull_policy never and here: created", case(checked(pull=PullPolicy.NEVER)), "Pending Creating: create 1"),
    (
        "no registry: the image that is here is kept",
        case(checked(pull=PullPolicy.ALWAYS), seen=trouble(6, 10, "Pull")),
        "Pending Creating: create 1",
    ),
    (
        "until that is tried again",
        case(checked(pull=PullPolicy.ALWAYS), seen=trouble(1, 10, "Pull")),
        "Pending FetchingImage: pull",
    ),
    (
        "not in an update that has begun with it: its old replicas would come and go meanwhile",
        case(
            checked(revision="v2", pull=PullPolicy.ALWAYS),
            exited(1, "v1"),
            history=replace(SEEN, attempt=Attempt(Release("v2"), clock=NOW)),
            seen=trouble(1, 10, "Pull"),
        ),
        "Updating Updating: remove 1",
    ),
    (
        "another image was pulled: that says nothing of this one",
        case(checked(pull=PullPolicy.ALWAYS), seen={"pulled": frozenset({"other:1"})}),
        "Pending FetchingImage: pull",
    ),
    (
        "nothing to create: nothing is pulled",
        case(checked(pull=PullPolicy.ALWAYS), healthy(), seen=NO_IMAGE),
        "Ready Ready: -",
    ),
    (
        "an update fetches its image before anything stops",
        case(checked(revision="v2"), healthy(), seen=NO_IMAGE),
        "Updating FetchingImage: pull",
    ),
    (
        "it is on its way: waited for, and not asked for again",
        case(checked(revision="v2"), healthy(), seen=NO_IMAGE, fetching=True),
        "Updating FetchingImage: -",
    ),
    (
        "the build is under way: waited for as well",
        case(checked(builds=True), seen=NO_IMAGE, fetching=True),
        "Pending BuildingImage: -",
    ),
    (
        "another one is on its way, and this one is here",
        case(checked(), fetching=True),
        "Pending Creating: create 1",
    ),
    (
        "meanwhile what fell over is put up again",
        case(checked(replicas=2, revision="v2"), healthy(1, "v1"), exited(2, "v1"), seen=NO_IMAGE, fetching=True),
        "Updating Starting: start 2",
    ),
    ("a job fetches its image as well", case(job(), seen=NO_IMAGE), "Pending FetchingImage: pull"),
    (
        "without an image name there is nothing to fetch",
        case(checked(image=""), seen=NO_IMAGE),
        "Pending Creating: create 1",
    ),
]


@pytest.mark.fault("I1")
@pytest.mark.parametrize(("given", "expected"), [pytest.param(*row[1:], id=row[0]) for row in IMAGES])
def test_images(given, expected) -> None:
    assert told(given) == expected


def test_the_step_names_the_image() -> None:
    assert decide(case(checked(), seen=NO_IMAGE)).steps == (Pull("web", "web:1", "image is not here"),)
    assert decide(case(checked(builds=True), seen=NO_IMAGE)).steps == (Build("web", "web:1", "image is not here"),)


CALLS = [
    ("failed a moment ago: waits", case(checked(), seen=trouble(1, 0.4)), "Pending CreateFailed: - | wakes +0.6"),
    ("its pause is over: tried again", case(checked(), seen=trouble(1, 1)), "Pending Creating: create 1"),
    (
        "failed twice: the pause doubles",
        case(checked(), seen=trouble(2, 0.5)),
        "Pending CreateFailed: - | wakes +1.5",
    ),
    ("the pause grows", case(checked(), seen=trouble(6, 12)), "Pending CreateFailed: - | wakes +20"),
    (
        "one cannot be made: nor is who is sick beside it restarted, or each would end the other's pause",
        case(checked(replicas=2), unwell(), seen=trouble(6, 12)),
        "Starting CreateFailed: - | wakes +20",
    ),
    (
        "nor is who fell over beside it put up",
        case(checked(replicas=2), exited(1), seen=trouble(6, 12)),
        "Pending CreateFailed: - | wakes +20",
    ),
    (
        "one cannot be started: nor are its siblings, which would be refused as well",
        case(checked(replicas=2), exited(1), created(2), seen=trouble(6, 12, "Start")),
        "Pending StartFailed: - | wakes +20",
    ),
    (
        "one cannot be made: nobody who serves is ended for the next",
        case(checked(replicas=2), healthy(1, "v0"), healthy(2, "v0"), seen=trouble(6, 12)),
        "Updating CreateFailed: - | wakes +20",
    ),
    (
        "refused for good: failed, tried again only after the longest pause",
        case(checked(), seen=trouble(1, 100, lasting=True)),
        "Failed CreateFailed: - | wakes +200",
    ),
    (
        "refused for good while others serve: degraded",
        case(checked(replicas=2), healthy(), seen=trouble(1, 100, lasting=True)),
        "Degraded CreateFailed: - | wakes +200",
    ),
    (
        "what is new is refused for good while the old serves: degraded",
        case(checked(revision="v2"), healthy(revision="v1"), seen=trouble(1, 100, "Pull", lasting=True, image_id=None)),
        "Degraded ImagePullBackOff: - | wakes +200",
    ),
    (
        "the image cannot be had: named so",
        case(checked(), seen=trouble(1, 0.4, "Pull", image_id=None)),
        "Pending ImagePullBackOff: - | wakes +0.6",
    ),
    (
        "another image could not be had: that bars nothing",
        case(checked(), seen={"image_id": None, "fetch_troubles": {"other:1": Trouble(9, NOW, "Pull", "no answer")}}),
        "Pending FetchingImage: pull",
    ),
    (
        "the image cannot be had and an old one waits before its next start: that wakes it",
        case(
            checked(revision="v2"),
            exited(1, "v1", started_at=NOW - 0.5, finished_at=NOW),
            history=replace(SEEN, restarts={"web-1-id": Grant(3, NOW - 50)}),
            seen=trouble(9, 1, "Pull", image_id=None, lasting=True),
        ),
        "CrashLoopBackOff CrashLoopBackOff: - | wakes +3.5",
    ),
    (
        "neither may be done: it wakes for what comes first",
        case(
            checked(revision="v2"),
            exited(1, "v1"),
            seen=trouble(1, 0.5, "Start", **trouble(9, 1, "Pull", image_id=None)),
        ),
        "Updating StartFailed: - | wakes +0.5",
    ),
    (
        "a start that may not be made holds no slot while the image is fetched",
        case(checked(revision="v2"), exited(1, "v1"), seen=trouble(1, 0.5, "Start", image_id=None)),
        "Updating StartFailed: pull | wakes +0.5",
    ),
    (
        "failed before the clock was set back: no pause lasts until it has caught up",
        case(checked(), seen=trouble(1, -3600)),
        "Pending Creating: create 1",
    ),
    (
        "refused for good before the clock was set back: tried again as well",
        case(checked(), seen=trouble(1, -3600, lasting=True)),
        "Pending Creating: create 1",
    ),
    ("nothing to do: the failure is of no account", case(checked(), healthy(), seen=trouble(9, 0)), "Ready Ready: -"),
    (
        "waiting at a gate: the failure is of no account",
        case(checked(needs={"db": HEALTHY}), created(), gates={"db": Offers()}, seen=trouble(9, 0)),
        "Waiting DependencyNotReady: - | waits for db",
    ),
]


@pytest.mark.fault("I1")
@pytest.mark.parametrize(("given", "expected"), [pytest.param(*row[1:], id=row[0]) for row in CALLS])
def test_after_failed_calls(given, expected) -> None:
    assert told(given) == expected


def test_of_two_that_hold_it_up_both_are_told() -> None:
    falls = exited(1, "v1", started_at=NOW - 0.5, finished_at=NOW)
    tried = replace(SEEN, restarts={"web-1-id": Grant(3, NOW - 50)})
    seen = trouble(9, 1, "Pull", image_id=None, lasting=True)
    decision = decide(case(checked(revision="v2"), falls, history=tried, seen=seen))
    assert decision.message.endswith("; no answer")


def test_what_is_halted_says_so_only_once_its_image_is_here() -> None:
    failed = replace(SEEN, failed={Release("v2"): "it crashed"}, failed_for="v2", good=Release("v1"))
    want = checked(revision="v2", replicas=2)
    halted = case(want, history=failed, seen=NO_IMAGE, fetching=True)
    halted = halted._replace(aim=halted.aim._replace(course=Course.HALTED))
    assert told(halted).startswith("Pending FetchingImage: -")


def test_a_start_that_may_not_be_made_is_granted_to_nobody() -> None:
    assert decide(case(checked(), exited(), seen=trouble(1, 0.1, "Start"))).history.restarts == {}


RESTARTS = {"db": Need(HEALTHY, restart=True)}
NEWER = ready(epoch=NOW - 50)
FOLLOW = [
    (
        "replaced after it started: it restarts",
        case(checked(needs=RESTARTS), healthy(), gates={"db": NEWER}),
        "Updating Following: restart 1",
    ),
    (
        "replaced before it started: nothing",
        case(checked(needs=RESTARTS), healthy(), gates={"db": ready(epoch=NOW - 101)}),
        "Ready Ready: -",
    ),
    (
        "replaced, and not ready yet: nothing yet",
        case(checked(needs=RESTARTS), healthy(), gates={"db": NEWER._replace(healthy=False)}),
        "Ready Ready: -",
    ),
    (
        "without restart: true nothing",
        case(checked(needs={"db": HEALTHY}), healthy(), gates={"db": NEWER}),
        "Ready Ready: -",
    ),
    (
        "replaced before we first saw it: nothing",
        case(checked(needs=RESTARTS), healthy(), gates={"db": NEWER}, history=History(adopted_at=NOW - 10)),
        "Ready Ready: -",
    ),
    (
        "replaced before the clock was set back: no new life would ever be younger",
        case(checked(needs=RESTARTS), healthy(), gates={"db": ready(epoch=NOW + 3600)}),
        "Ready Ready: -",
    ),
    (
        "replaced just now by a clock that is ahead by a hair: restarted",
        case(checked(needs=RESTARTS), healthy(), gates={"db": ready(epoch=NOW + 0.5)}),
        "Updating Following: restart 1",
    ),
    (
        "not ready itself: it is on its way, nothing to follow",
        case(checked(needs=RESTARTS), created(), gates={"db": NEWER}),
        "Starting Starting: start 1",
    ),
    (
        "no start slot is free: it waits and serves on",
        case(checked(needs=RESTARTS), healthy(), gates={"db": NEWER}, may_begin=False),
        "Updating WaitingForSlot: -",
    ),
]


@pytest.mark.parametrize(("given", "expected"), [pytest.param(*row[1:], id=row[0]) for row in FOLLOW])
def test_restart_true(given, expected) -> None:
    assert told(given) == expected


def test_who_waits_for_a_slot_to_follow_says_so_to_the_pass() -> None:
    decision = decide(case(checked(needs=RESTARTS), healthy(), gates={"db": NEWER}, may_begin=False))
    assert (decision.starting, decision.denied) == (True, True)


def test_following_is_no_failure() -> None:
    decision = decide(case(checked(needs=RESTARTS), healthy(), gates={"db": NEWER}))
    assert decision.history.restarts == {}
    assert [step.because for step in decision.steps] == ["db was replaced"]


def side(**others):
    return service("side", namespace_of="web", needs={"web": HEALTHY}, **others)


def beside(holder: str = "web-1-id", **others):
    return replica(service="side", namespace_of=ReplicaId(holder), **others)


def owner(holder: str | None = "web-1-id", started_at: float | None = NOW - 200, **others):
    return {"web": ready(holder=holder, holder_started_at=started_at, **others)}


NAMESPACES = [
    (
        "the owner is not there: not even created",
        case(side(), gates={"web": Offers()}),
        "Waiting DependencyNotReady: - | waits for web",
    ),
    (
        "the owner is about to be replaced: created when that is done",
        case(side(), gates=owner(settled=False)),
        "Waiting DependencyNotReady: - | waits for web",
    ),
    ("the owner is there: created into it", case(side(), gates=owner(started_at=None)), "Pending Creating: create 1"),
    (
        "the owner does not run: not started",
        case(side(), created(service="side", namespace_of="web-1-id"), gates=owner(started_at=None)),
        "Waiting DependencyNotReady: - | waits for web",
    ),
    (
        "the owner runs: started",
        case(side(), created(service="side", namespace_of="web-1-id"), gates=owner()),
        "Starting Starting: start 1",
    ),
    (
        "the owner is another container now: replaced",
        case(side(), beside("gone"), gates=owner()),
        "Updating Updating: stop 1",
    ),
    (
        "there is no owner just now: not replaced before there is one",
        case(side(), beside("gone"), gates={"web": Offers()}),
        "Ready Ready: -",
    ),
    (
        "the owner was restarted: restarted as well",
        case(side(), beside(), gates=owner(started_at=NOW - 50)),
        "Updating Following: restart 1",
    ),
    (
        "the owner was restarted before the clock was set back: no new life would ever be younger",
        case(side(), beside(), gates=owner(started_at=NOW + 3600)),
        "Ready Ready: -",
    ),
    ("the owner ran before: nothing", case(side(), beside(), gates=owner()), "Ready Ready: -"),
]


@pytest.mark.parametrize(("given", "expected"), [pytest.param(*row[1:], id=row[0]) for row in NAMESPACES])
def test_shared_namespaces(given, expected) -> None:
    assert told(given) == expected


def test_the_owner_is_a_container_that_stays() -> None:
    low, high = replica(1, health=Health.STARTING, check=probe()), healthy(2)
    assert decide(case(checked(), low, high)).offers.holder == high.id
    assert decide(case(checked(), exited(1, "v0"), high)).offers.holder == high.id
    assert decide(case(checked(replicas=2), low, high)).offers.holder == low.id


def test_it_is_created_into_the_owners_container() -> None:
    (made,) = decide(case(side(), gates=owner())).steps
    assert made.holder == "web-1-id"


INTERRUPTED = [
    ("the old one is gone: it gets its name", case(checked(), healthy(temporary=True)), "Ready Renaming: update 1"),
    (
        "the old one is still there: that goes first",
        case(checked(), exited(1, "v0", id=ReplicaId("old")), healthy(temporary=True)),
        "Updating Updating: remove 1",
    ),
    (
        "never started: started, named after that",
        case(checked(), created(temporary=True)),
        "Starting Starting: start 1",
    ),
    (
        "both are of the wanted revision: one is too much",
        case(checked(), healthy(id=ReplicaId("first")), created(temporary=True)),
        "Ready ScalingDown: remove 1",
    ),
]


@pytest.mark.parametrize(("given", "expected"), [pytest.param(*row[1:], id=row[0]) for row in INTERRUPTED])
def test_an_interrupted_recreate_is_finished(given, expected) -> None:
    assert told(given) == expected
