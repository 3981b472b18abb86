"""Healing: what a replica of the wanted revision gets in each phase, and when."""

import pytest

from controller.decide.case import Case
from controller.decide.service import decide
from controller.model.decision import Grant, History
from controller.model.desired import Backoff, Condition, Need
from controller.model.names import Revision, make_release
from controller.model.observed import Health, ReplicaPhase
from controller.model.steps import Restart
from tests.builders import HEALTHY, IMAGE, NOW, Offers, checked, created, exited, healthy, probe, replica, service
from tests.unit.decide.cases import SEEN, case, tell, told

pytestmark = pytest.mark.unit


def slow(**others):
    """Running with a check that has not answered well yet."""
    return replica(health=Health.STARTING, check=probe(), **others)


def sick(**others):
    return replica(health=Health.UNHEALTHY, check=probe(), **others)


def tried(tries: int, ended: float = NOW - 300, number: int = 1, **others) -> History:
    return History(adopted_at=NOW - 500, restarts={f"web-{number}-id": Grant(tries, ended)}, **others)


FELL = {"good": "v1", "adopted_at": NOW - 500}
ROWS = [
    ("nothing there: it is created", case(checked()), "Pending Creating: create 1"),
    ("created: it is started", case(checked(), created()), "Starting Starting: start 1"),
    ("running and ready: nothing to do", case(checked(), healthy()), "Ready Ready: -"),
    (
        "running, no verdict yet: patience until the start timeout",
        case(checked(), slow(started_at=NOW - 20)),
        "Starting NotReady: - | wakes +100",
    ),
    (
        "running without any check: ready after a second",
        case(service(), replica(started_at=NOW - 0.4)),
        "Starting Settling: - | wakes +0.6",
    ),
    ("settled: ready", case(service(), replica(started_at=NOW - 1)), "Ready Ready: -"),
    (
        "unhealthy and alive, by its liveness probe: it lives on",
        case(checked(liveness=probe()), sick(alive=Health.HEALTHY)),
        "Degraded Unhealthy: -",
    ),
    (
        "nor is that a crash loop, however often it was restarted before",
        case(checked(liveness=probe()), sick(alive=Health.HEALTHY), history=tried(7)),
        "Degraded Unhealthy: -",
    ),
    (
        "unhealthy, and nobody has said yet that it is alive: nobody has said that it is not",
        case(checked(liveness=probe()), sick(alive=Health.STARTING)),
        "Degraded Unhealthy: -",
    ),
    (
        "not ready in time and alive: it lives on",
        case(checked(liveness=probe()), slow(alive=Health.HEALTHY, started_at=NOW - 200)),
        "Degraded Unhealthy: -",
    ),
    (
        "not alive: it is restarted",
        case(checked(liveness=probe()), sick(alive=Health.UNHEALTHY)),
        "Degraded Unhealthy: restart 1",
    ),
    (
        "not alive, and only to be told: it is told",
        case(checked(liveness=probe(), heals_unhealthy=False), sick(alive=Health.UNHEALTHY)),
        "Degraded Unhealthy: -",
    ),
    (
        "exited, ran longer than its pause: started at once",
        case(checked(), exited()),
        "Starting Starting: start 1",
    ),
    (
        "started after now, before the clock was set back: it has run for who knows how long",
        case(service(), replica(started_at=NOW + 300)),
        "Ready Ready: -",
    ),
    (
        "a clock that is ahead of ours by a hair is no clock that was set back",
        case(service(), replica(started_at=NOW + 0.2)),
        "Starting Settling: - | wakes +1.2",
    ),
    (
        "exited before the clock was set back: no pause lasts until it has caught up",
        case(checked(), exited(started_at=NOW + 3000, finished_at=NOW + 3001), history=tried(4, number=1)),
        "CrashLoopBackOff CrashLoopBackOff: start 1",
    ),
    ("exited with 0 and wanted: started as well", case(checked(), exited(exit_code=0)), "Starting Starting: start 1"),
    (
        "dead: removed, and only then made anew",
        case(checked(), replica(phase=ReplicaPhase.DEAD)),
        "Pending RemovingDead: remove 1",
    ),
    (
        "being removed: gone already, its number is not taken again yet",
        case(checked(), replica(phase=ReplicaPhase.REMOVING)),
        "Pending Creating: create 2",
    ),
    (
        "ended a moment ago and being removed: its number and name are waited for",
        case(checked(), replica(phase=ReplicaPhase.REMOVING, finished_at=NOW - 1)),
        "Pending Removing: - | wakes +4",
    ),
    (
        "ended before the clock was set back and being removed: nobody waits until it has caught up",
        case(checked(), replica(phase=ReplicaPhase.REMOVING, finished_at=NOW + 3600)),
        "Pending Creating: create 2",
    ),
    (
        "being removed for longer: another number is taken",
        case(checked(), replica(phase=ReplicaPhase.REMOVING, finished_at=NOW - 5)),
        "Pending Creating: create 2",
    ),
    (
        "paused from outside: unpaused",
        case(checked(), replica(phase=ReplicaPhase.PAUSED)),
        "Starting Unpausing: start 1",
    ),
    (
        "unhealthy beside what it needs and what serves nobody: held, not restarted in vain",
        case(checked(needs={"db": HEALTHY}), sick(), gates={"db": Offers(started=True)}),
        "Degraded Unhealthy: - | waits for db",
    ),
    (
        "also where it only needs that to run",
        case(checked(needs={"db": Condition.STARTED}), sick(), gates={"db": Offers(started=True)}),
        "Degraded Unhealthy: - | waits for db",
    ),
    (
        "not where nobody mends that, or has tried for long: it would wait for ever",
        case(checked(needs={"db": HEALTHY}), sick(), gates={"db": Offers(started=True, tended=False)}),
        "Degraded Unhealthy: restart 1",
    ),
    (
        "nor for what served before it began: that is not what made it sick",
        case(
            checked(needs={"db": HEALTHY}),
            sick(started_at=NOW - 4),
            gates={"db": Offers(healthy=True, served_since=NOW - 5)},
        ),
        "Degraded Unhealthy: restart 1",
    ),
    (
        "nor longer than the longest pause, however seldom it is asked",
        case(
            checked(needs={"db": HEALTHY}, readiness=probe(interval=3600.0)),
            sick(started_at=NOW - 9000),
            gates={"db": Offers(healthy=True, served_since=NOW - 301)},
        ),
        "Degraded Unhealthy: restart 1",
    ),
    (
        "also where it is not alive",
        case(checked(needs={"db": HEALTHY}), sick(alive=Health.UNHEALTHY), gates={"db": Offers()}),
        "Degraded Unhealthy: - | waits for db",
    ),
    (
        "beside what serves again: it may be well by that, as soon as its check has said so twice",
        case(checked(needs={"db": HEALTHY}), sick(), gates={"db": Offers(healthy=True, served_since=NOW - 5)}),
        "Degraded Unhealthy: - | wakes +25",
    ),
    (
        "beside what has served for long enough it is restarted",
        case(checked(needs={"db": HEALTHY}), sick(), gates={"db": Offers(healthy=True, served_since=NOW - 30)}),
        "Degraded Unhealthy: restart 1",
    ),
    (
        "beside what has served since before the clock was set back as well",
        case(checked(needs={"db": HEALTHY}), sick(), gates={"db": Offers(healthy=True, served_since=NOW + 3600)}),
        "Degraded Unhealthy: restart 1",
    ),
    (
        "beside what it can do without as well",
        case(checked(needs={"db": Need(HEALTHY, required=False)}), sick(), gates={"db": Offers()}),
        "Degraded Unhealthy: restart 1",
    ),
    (
        "and beside what is not there: nobody would ever let it go",
        case(checked(needs={"db": HEALTHY}), sick(), gates={"db": Offers(exists=False)}),
        "Degraded Unhealthy: restart 1",
    ),
    (
        "a job that is to run again takes nobody's restart",
        case(checked(needs={"db": Condition.COMPLETED}), sick(), gates={"db": Offers()}),
        "Degraded Unhealthy: restart 1",
    ),
    (
        "starts once more, after several restarts by Docker: called what it is",
        case(checked(), slow(started_at=NOW - 5, restarts=3)),
        "CrashLoopBackOff CrashLoopBackOff: - | wakes +115",
    ),
    (
        "after one of them it is a start",
        case(checked(), slow(started_at=NOW - 5, restarts=1)),
        "Starting NotReady: - | wakes +115",
    ),
    (
        "restarting: Docker acts, we wait",
        case(checked(), replica(phase=ReplicaPhase.RESTARTING)),
        "Starting RestartedByDocker: -",
    ),
    (
        "restarting for the second time: called what it is",
        case(checked(), replica(phase=ReplicaPhase.RESTARTING, restarts=2)),
        "CrashLoopBackOff CrashLoopBackOff: -",
    ),
    ("unhealthy: restarted", case(checked(), sick()), "Degraded Unhealthy: restart 1"),
    (
        "unhealthy, and the manifest says to leave it",
        case(checked(heals_unhealthy=False), sick()),
        "Degraded Unhealthy: -",
    ),
    ("unhealthy without self-healing", case(checked(), sick(), heals=False), "Degraded Unhealthy: -"),
    (
        "never ready within the start timeout: another life",
        case(checked(), slow(started_at=NOW - 120)),
        "Degraded Unhealthy: restart 1",
    ),
    (
        "a hair before the start timeout: patience",
        case(checked(), slow(started_at=NOW - 119.9)),
        "Starting NotReady: - | wakes +0.1",
    ),
    (
        "not ready for long, but watched only now: its time begins with our watch",
        case(checked(), slow(started_at=NOW - 900), seen={"since": NOW - 20}),
        "Starting NotReady: - | wakes +100",
    ),
    (
        "watched only now, while its start slot runs out earlier: looked at again then",
        case(checked(), slow(started_at=NOW - 50), seen={"since": NOW - 5}),
        "Starting NotReady: - | wakes +70",
    ),
    (
        "started before the clock was set back: its time begins with our watch",
        case(checked(), slow(started_at=NOW + 3600), seen={"since": NOW - 20}),
        "Starting NotReady: - | wakes +100",
    ),
    (
        "two on their way: the sooner deadline wakes",
        case(checked(replicas=2), slow(number=1, started_at=NOW - 10), slow(number=2, started_at=NOW - 50)),
        "Starting NotReady: - | wakes +70",
    ),
    (
        "one of two fell over: the other serves on",
        case(checked(replicas=2), healthy(1), exited(2)),
        "Starting Starting: start 2",
    ),
    (
        "two of two are late: both get another life, none serves",
        case(checked(replicas=2), slow(number=1, started_at=NOW - 130), slow(number=2, started_at=NOW - 130)),
        "Degraded Unhealthy: restart 1, restart 2",
    ),
    (
        "fell over without self-healing: left down",
        case(checked(), exited(), heals=False, history=History(**FELL)),
        "Pending SelfHealOff: -",
    ),
    (
        "never ran well: started also without self-healing",
        case(checked(), exited(), heals=False),
        "Starting Starting: start 1",
    ),
    (
        "paused from outside without self-healing",
        case(checked(), replica(phase=ReplicaPhase.PAUSED), heals=False),
        "Degraded Paused: -",
    ),
    (
        "just reconnected: what fell over is only watched",
        case(checked(), exited(), heals=False, heals_at=NOW + 3),
        "Pending Watching: - | wakes +3",
    ),
    (
        "a stop of ours that ended with 0 is no completed job: started, no pause",
        case(
            service(),
            exited(exit_code=0, started_at=NOW - 2),
            history=History(adopted_at=0.0, put_down={"web-1-id": NOW - 2}),
        ),
        "Starting Starting: start 1",
    ),
]


@pytest.mark.parametrize(("given", "expected"), [pytest.param(*row[1:], id=row[0]) for row in ROWS])
def test_a_replica_gets_what_its_phase_asks_for(given: Case, expected: str) -> None:
    assert told(given) == expected


@pytest.mark.parametrize(
    ("tries", "pause"),
    [(0, 0.0), (1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (8, 128.0), (9, 256.0), (10, 300.0), (60, 300.0), (5000, 300.0)],
    ids=lambda value: f"{value:g}",
)
def test_the_next_try_waits_from_the_start_of_the_last_one(tries: int, pause: float) -> None:
    at = NOW - 0.5
    history = tried(tries) if tries else SEEN
    decision = decide(case(checked(), exited(started_at=at, finished_at=NOW), history=history))
    if pause < 0.5:
        assert tell(decision) == "Starting Starting: start 1"
        assert decision.history.restarts == {"web-1-id": Grant(1, NOW)}
    else:
        assert decision.steps == ()
        assert decision.wake_at == at + pause
        assert decision.history.restarts["web-1-id"].tries == tries
        assert decision.phase == "CrashLoopBackOff"


def test_the_pauses_follow_the_manifest() -> None:
    backoff = Backoff(initial=3.0, maximum=20.0, multiplier=3.0)
    assert [backoff.delay(n) for n in range(6)] == [0.0, 3.0, 9.0, 20.0, 20.0, 20.0]


@pytest.mark.parametrize(
    ("ended", "tries"),
    [
        pytest.param(NOW - 1, 3, id="a grant for this very end was not used: it holds, and counts once"),
        pytest.param(NOW - 200, 4, id="a grant for an earlier end was used: this end counts anew"),
    ],
)
def test_a_grant_is_keyed_by_the_end_that_it_answers(ended: float, tries: int) -> None:
    decision = decide(case(checked(), exited(), history=tried(3, ended)))
    assert decision.history.restarts["web-1-id"].tries == tries
    assert tell(decision) == "CrashLoopBackOff CrashLoopBackOff: start 1"


def test_a_grant_that_was_not_used_needs_no_second_pause() -> None:
    given = case(checked(), exited(started_at=NOW - 1.5, finished_at=NOW - 1), history=tried(8, NOW - 1))
    assert [step.number for step in decide(given).steps] == [1]


def test_a_restart_of_a_sick_one_is_granted_to_its_life() -> None:
    first = decide(case(checked(), sick()))
    assert first.history.restarts == {"web-1-id": Grant(1, NOW - 100)}
    again = decide(case(checked(), sick(), history=first.history))
    assert again.history.restarts == first.history.restarts
    assert tell(again) == "Degraded Unhealthy: restart 1"


@pytest.mark.parametrize(
    ("ready_for", "tries"),
    [pytest.param(599.9, 7, id="not yet"), pytest.param(600.0, None, id="ten minutes ready")],
)
def test_tries_are_forgiven_after_ten_minutes_of_readiness(ready_for: float, tries: int | None) -> None:
    given = case(checked(), healthy(started_at=0.0, ready_since=NOW - ready_for), history=tried(7))
    grant = decide(given).history.restarts.get("web-1-id")
    assert (grant.tries if grant is not None else None) == tries


def test_grants_of_containers_that_are_gone_are_dropped() -> None:
    assert decide(case(checked(), healthy(2), history=tried(7, number=1))).history.restarts == {}


def test_an_unknown_verdict_after_ready_is_not_read_as_unhealthy() -> None:
    assert decide(case(checked(), slow())).steps == ()


def test_what_we_stopped_starts_again_without_a_try_held_against_it() -> None:
    history = History(adopted_at=0.0, put_down={"web-1-id": NOW - 100}, restarts={"web-1-id": Grant(5, NOW - 300)})
    given = case(checked(), exited(exit_code=143, finished_at=NOW - 1), history=history)
    decision = decide(given)
    assert tell(decision) == "Starting Starting: start 1"
    assert decision.history.restarts["web-1-id"].tries == 5


def test_a_crash_after_a_stop_counts_again() -> None:
    history = History(adopted_at=0.0, put_down={"web-1-id": NOW - 900})
    decision = decide(case(checked(), exited(started_at=NOW - 2, finished_at=NOW), history=history))
    assert decision.history.restarts == {"web-1-id": Grant(1, NOW)}


def test_put_down_without_healing_is_started_when_it_is_wanted_again() -> None:
    history = History(adopted_at=0.0, good="v1", put_down={"web-1-id": NOW - 100})
    assert told(case(checked(), exited(), heals=False, history=history)) == "Starting Starting: start 1"


def test_healing_waits_for_the_gate() -> None:
    want = checked(needs={"db": HEALTHY})
    assert told(case(want, exited(), gates={"db": Offers()})) == "Waiting DependencyNotReady: - | waits for db"


@pytest.mark.parametrize(("started_at", "holds"), [(NOW - 20, True), (NOW + 1, True), (NOW + 3600, False)])
def test_no_slot_is_held_until_a_clock_that_was_set_back_has_caught_up(started_at: float, holds: bool) -> None:
    assert decide(case(checked(), slow(started_at=started_at), seen={"since": NOW - 20})).starting is holds


def test_first_sight_is_remembered_once() -> None:
    first = decide(case(checked(), healthy(), history=History()))
    assert first.history.adopted_at == NOW
    assert decide(case(checked(), healthy(), history=first.history, now=NOW + 9)).history.adopted_at == NOW


def test_what_settles_is_good() -> None:
    assert decide(case(checked(), healthy())).history.good == make_release(Revision("v1"), IMAGE)
    assert decide(case(checked(replicas=2), healthy())).history.good is None


@pytest.mark.parametrize(
    ("oom", "expected"), [(False, "exited with 137; "), (True, "exited with 137 (out of memory); ")]
)
def test_what_the_kernel_killed_is_told_as_that_also_where_docker_acts(oom: bool, expected: str) -> None:
    given = case(checked(), replica(phase=ReplicaPhase.RESTARTING, exit_code=137, oom_killed=oom))
    assert decide(given).message == f"shop-web-1 {expected}Docker's restart policy acts"


def test_a_restart_says_what_the_check_said() -> None:
    """With that life it would be gone."""
    (step,) = decide(case(checked(), sick(last_output="first line\nno route to db\n"))).steps
    assert isinstance(step, Restart)
    assert step.because == "unhealthy: no route to db"
