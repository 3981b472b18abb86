"""What to do: every trouble ends with it, and the most likely comes first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.model.generation import Generation
from controller.model.names import Release, Revision
from controller.model.observed import Health, Replica, ReplicaPhase
from controller.model.phases import SICK, Phase
from controller.model.status import Event
from controller.render.advice import SUSPECT, advise_on_change
from controller.render.why import find_cause, why_data, why_lines, with_change
from tests.builders import NOW, exited, healthy, replica
from tests.unit.cli.statuses import condition, event, service_status, stack_status

pytestmark = pytest.mark.unit

DOWN = exited(1, service="db")
PAUSED = replica(1, service="db", phase=ReplicaPhase.PAUSED)
COMING = replica(1, service="db", health=Health.STARTING, started_at=NOW - 5)
AGAIN = replace(COMING, restarts=3)
SICKLY = replica(1, service="db", health=Health.UNHEALTHY, last_output="connection refused")


def find(phase: Phase, *replicas: Replica, conditions=(), events: tuple[Event, ...] = (), **others):
    """The cause of a trouble of `db` in this phase, for the reason that `others` may give."""
    stack = stack_status(service_status("db", phase, *replicas, **others), conditions=conditions)
    return find_cause(stack, "db", NOW, events)


def held(kind: str):
    return (condition(kind, "True", kind),)


TABLE = [
    ("it ended by itself", (Phase.CRASH_LOOP, exited(1, exit_code=0)), {}, "exit code 0: it ended by itself"),
    ("an error of its own", (Phase.CRASH_LOOP, exited(1, exit_code=3)), {}, "exit code 3: an error of its own"),
    ("no such command", (Phase.CRASH_LOOP, exited(1, exit_code=127)), {}, "exit code 127: its command was not found"),
    ("a signal", (Phase.CRASH_LOOP, exited(1, exit_code=134)), {}, "exit code 134: it was ended by SIGABRT"),
    ("a code that is none", (Phase.CRASH_LOOP, exited(1, exit_code=255)), {}, "exit code 255: an error of its own"),
    ("memory", (Phase.CRASH_LOOP, exited(1, exit_code=137, oom_killed=True)), {}, "raise its memory limit"),
    ("a job", (Phase.FAILED, exited(1, exit_code=3)), {"reason": "JobFailed"}, "exit code 3: an error of its own"),
    ("its check fails", (Phase.DEGRADED, SICKLY), {"reason": "Unhealthy"}, "see in its last output why its check"),
    ("its check has not passed yet", (Phase.STARTING, replica(1)), {"reason": "NotReady"}, "see in its last output"),
    ("nothing is to heal", (Phase.DEGRADED, DOWN), {"reason": "SelfHealOff"}, "exit code 1"),
    ("no image", (Phase.FAILED,), {"reason": "ImagePullBackOff"}, "look at the image's name and tag"),
    ("no image, and none is pulled", (Phase.FAILED,), {"reason": "ImageNeverPulled"}, "load or build the image"),
    ("a call is refused", (Phase.FAILED,), {"reason": "CreateFailed"}, "mend what the engine refuses"),
    ("a port is taken", (Phase.UPDATING, healthy(1)), {"reason": "PortTaken"}, "free the host port"),
    ("others start first", (Phase.PENDING,), {"reason": "WaitingForSlot"}, "nothing: it starts once others have"),
    ("nobody works on it", (Phase.PENDING,), {"reason": "Creating"}, "controller events db"),
    ("paused by a strange hand", (Phase.DEGRADED, PAUSED), {"reason": "Paused"}, "`selfHeal` is off: docker unpause"),
    ("paused by a person", (Phase.PAUSED, healthy(1)), {"reason": "Paused"}, "controller resume db"),
    ("the way back failed as well", (Phase.FAILED,), {"reason": "RollbackFailed"}, "controller logs db"),
    ("Docker starts it over and over", (Phase.STARTING, AGAIN), {"usually": 60.0}, "it falls over: controller logs db"),
    ("its first start", (Phase.STARTING, replica(1, service="db")), {"usually": 60.0}, "nothing: it is starting"),
    (
        "it starts after it fell over",
        (Phase.STARTING, COMING),
        {"usually": 60.0, "events": (event("Started", "db-1: exited with 3", service="db"),)},
        "exit code 3: an error of its own",
    ),
    (
        "it starts after it fell over days ago",
        (Phase.STARTING, COMING),
        {"usually": 60.0, "events": (event("Started", "db-1: exited with 3", service="db", at=NOW - 90_000),)},
        "nothing: it is starting",
    ),
    (
        "another replica of it fell over",
        (Phase.STARTING, COMING),
        {"usually": 60.0, "events": (event("Started", "db-2: exited with 3", service="db"),)},
        "nothing: it is starting",
    ),
    (
        "its check fails, and days ago it ended",
        (Phase.DEGRADED, SICKLY),
        {"reason": "Unhealthy", "events": (event("Started", "db-1: exited with 127", service="db", at=NOW - 90_000),)},
        "see in its last output",
    ),
    (
        "its check fails, and another replica of it ended",
        (Phase.DEGRADED, SICKLY),
        {"reason": "Unhealthy", "events": (event("Started", "db-2: exited with 127", service="db"),)},
        "see in its last output",
    ),
    (
        "it starts as usual, but no engine answers",
        (Phase.STARTING, COMING),
        {"usually": 60.0, "conditions": held("EngineUnavailable")},
        "controller doctor",
    ),
    (
        "stopped by a person, and waiting for its turn",
        (Phase.PENDING, exited(1, exit_code=0, service="db")),
        {"reason": "WaitingForSlot"},
        "nothing: it starts once others have",
    ),
    (
        "it ended, and is about to be started again",
        (Phase.PENDING, exited(1, exit_code=127, service="db")),
        {"message": "shop-db-1 exited with 127"},
        "exit code 127",
    ),
    (
        "the way back failed, in another way than what it came from",
        (Phase.FAILED,),
        {
            "reason": "RollbackFailed",
            "message": "web failed, and the stack goes back: shop-web-1 exited with 3; and on "
            "the way back: shop-db-1 exited with 127",
        },
        "exit code 127",
    ),
    ("who is not there is waited for", (Phase.WAITING,), {"waits_for": "ghost"}, "let ghost be part of the stack"),
    ("rolled back", (Phase.DEGRADED, healthy(1)), {"reason": "RolledBack"}, "mend it in its files"),
    ("undone", (Phase.PAUSED, healthy(1)), {"reason": "Pinned"}, "controller rollout resume db, for what"),
    ("halted", (Phase.PAUSED, healthy(1)), {"reason": "UpdateHalted"}, "controller rollout resume db"),
    ("of another profile", (Phase.STOPPED,), {"reason": "OutOfProfile"}, "choose a profile that has it"),
    ("gone from the files", (Phase.STOPPED, healthy(1)), {"reason": "Orphaned"}, "controller prune"),
    ("on its way", (Phase.UPDATING, healthy(1)), {}, "controller rollout status db, to follow its update"),
    (
        "held at adoption",
        (Phase.PENDING,),
        {"reason": "Held", "conditions": held("AdoptionHeld")},
        "controller plan, for what would be changed",
    ),
    (
        "held for want of variables",
        (Phase.READY, healthy(1)),
        {"reason": "Held", "phase": Phase.DEGRADED, "conditions": held("EnvironmentIncomplete")},
        "set these variables",
    ),
    (
        "no engine",
        (Phase.CRASH_LOOP, DOWN),
        {"conditions": held("EngineUnavailable")},
        "controller doctor, for what is wrong with the engine",
    ),
    (
        "broken files",
        (Phase.CRASH_LOOP, DOWN),
        {"conditions": held("GenerationHeld")},
        "controller validate, for what is wrong with the files",
    ),
]


@pytest.mark.parametrize(("seen", "others", "first"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_most_likely_comes_first(seen, others, first: str) -> None:
    phase, *replicas = seen
    assert find(others.pop("phase", phase), *replicas, **others).advice[0].startswith(first)


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase not in (Phase.READY, Phase.COMPLETED)])
@pytest.mark.parametrize("replicas", [(), (DOWN,), (SICKLY,), (healthy(1, service="db"),)])
def test_every_trouble_ends_with_what_to_do(phase: Phase, replicas: tuple[Replica, ...]) -> None:
    cause = find(phase, *replicas)
    assert cause.advice and why_lines(cause)[-1] == f"  {cause.advice[-1]}"
    assert not any("{" in line for line in cause.advice)


def test_who_goes_back_with_the_stack_leads_to_whose_failure_takes_it_back() -> None:
    stack = stack_status(
        service_status("api", Phase.DEGRADED, reason="RolledBack", message="api-2 exited with 127"),
        service_status(
            "db",
            Phase.DEGRADED,
            healthy(1, service="db"),
            reason="RolledBack",
            message="api failed, and the stack goes back: api-2 exited with 127",
        ),
    )
    cause = find_cause(stack, "db", NOW)
    assert [item.name for item in cause.chain] == ["db", "api"] and "controller retry api" in " ".join(cause.advice)
    assert cause.advice[:2] == (
        "exit code 127: its command was not found in the image; look at `command` and `entrypoint`",
        "mend it in its files, then controller apply",
    )


def generation(number: int, revision: str, *settled: str) -> Generation:
    releases = {name: Release(revision) for name in settled}
    revisions = {"db": Revision(revision)}
    return Generation(number, str(number), NOW - 600 + number, revisions=revisions, releases=releases)


UNDO = "controller rollout undo db, to go back to what was before"


@pytest.mark.parametrize(
    ("phase", "reason", "settled", "times"),
    [
        (Phase.CRASH_LOOP, "CrashLoopBackOff", ("db",), 1),
        (Phase.CRASH_LOOP, "CrashLoopBackOff", (), 0),
        (Phase.DEGRADED, "UpdatePaused", ("db",), 1),
        (Phase.DEGRADED, "UpdatePaused", (), 0),
        (Phase.FAILED, "RollbackFailed", ("db",), 0),
        (Phase.FAILED, "JobFailed", ("db",), 0),
        (Phase.DEGRADED, "RolledBack", ("db",), 0),
    ],
)
def test_an_undo_is_advised_once_and_where_it_goes_somewhere(phase, reason, settled, times) -> None:
    made = [generation(1, "r1", *settled), generation(2, "r2")]
    cause = with_change(find(phase, DOWN, reason=reason), made)
    assert cause.change is not None and cause.advice.count(UNDO) == times
    assert cause.advice[-1] == UNDO or "controller rollout history db --revision 2 --diff, for what was changed" in (
        cause.advice
    )


def test_no_undo_is_advised_where_nothing_is_known_of_earlier_ones() -> None:
    assert UNDO in find(Phase.DEGRADED, reason="UpdatePaused").advice
    assert UNDO not in with_change(find(Phase.DEGRADED, reason="UpdatePaused"), ()).advice


def test_a_way_back_that_failed_is_no_call_that_was_refused() -> None:
    failed = event("RollbackFailed", "Failed: it broke", service="db", kind="Warning")
    assert not find(Phase.PENDING, events=(failed,), reason="Creating").evidence


def test_who_waits_for_one_that_is_ready_has_nothing_to_do() -> None:
    stack = stack_status(service_status("db"), service_status("web", Phase.WAITING, waits_for="db"))
    assert find_cause(stack, "web", NOW).advice == ("nothing: db is Ready, and web follows",)


@pytest.mark.parametrize("health", [Health.STARTING, Health.NONE])
def test_of_one_that_runs_again_its_start_says_how_it_ended(health: Health) -> None:
    again = replica(1, service="db", health=health, exit_code=0, started_at=NOW - 5)
    began = event("Started", "db-1: exited with 137 (out of memory)", service="db")
    cause = find(Phase.CRASH_LOOP, again, events=(event("Started", "db-1: exited with 3", service="db"), began))
    assert "it was started again 5s ago: db-1: exited with 137 (out of memory)" in cause.evidence
    assert cause.advice[0].startswith("raise its memory limit")
    assert (why_data(cause)["exitCode"], why_data(cause)["oomKilled"]) == (137, True)
    calm = Health.NONE if health is Health.NONE else Health.HEALTHY
    sibling = replica(2, service="db", health=calm, ready_since=NOW - 40, created_at=NOW - 50, started_at=NOW - 50)
    assert find(Phase.CRASH_LOOP, again, sibling, events=(began,)).witness is again
    assert why_data(find(Phase.CRASH_LOOP, again))["exitCode"] is None, "what runs has not ended"
    assert why_data(find(Phase.CRASH_LOOP, again, events=(replace(began, service="web"),)))["exitCode"] is None


def test_of_a_release_that_is_gone_its_words_say_how_it_ended() -> None:
    back = find(Phase.DEGRADED, healthy(1), reason="RolledBack", message="shop-db-2 exited with 127: not found")
    assert back.advice[0].startswith("exit code 127") and back.end.code == 127


def test_a_call_that_failed_is_told_unless_that_is_long_ago_or_said_already() -> None:
    failed = event("CreateFailed", "Failed: no such volume", service="db", kind="Warning")
    told = find(Phase.PENDING, events=(failed,), reason="Creating")
    assert "CreateFailed 5s ago: no such volume" in told.evidence
    assert told.advice[0].startswith("mend what the engine refuses")
    assert not find(Phase.PENDING, events=(replace(failed, at=NOW - 700),)).evidence
    assert not find(Phase.FAILED, events=(failed,), message="no such volume").evidence
    assert not find(Phase.STOPPED, events=(failed,)).evidence


def test_what_a_condition_of_the_stack_only_repeats_is_not_told_twice() -> None:
    said = (condition("RolledBack", "True", "UpdateFailed", "db: it broke; not tried again"),)
    assert not find(Phase.DEGRADED, healthy(1), reason="RolledBack", message="it broke", conditions=said).evidence


def test_a_change_shortly_before_is_looked_at_and_taken_back() -> None:
    db = service_status("db", Phase.CRASH_LOOP, exited(1, service="db"))
    look = "controller rollout history db --revision 2 --diff, for what was changed"
    assert advise_on_change(db, 2, 60) == (look, "controller rollout undo db, to go back to what was before")
    assert advise_on_change(replace(db, phase=Phase.DEGRADED, reason="RolledBack"), 2, 60) == (look,)
    assert advise_on_change(db, 2, SUSPECT + 1) == ()
    assert all(advise_on_change(replace(db, phase=phase), 2, 60) == () for phase in set(Phase) - SICK)


def test_what_docker_restarts_is_read_off_the_container() -> None:
    loops = replica(1, service="db", phase=ReplicaPhase.RESTARTING, exit_code=127, restarts=4)
    assert find(Phase.CRASH_LOOP, loops).advice[0].startswith("exit code 127")
