"""Jobs: what counts as one, how often it is tried, and that it runs once for each revision."""

import pytest

from controller.decide.service import decide
from controller.model.decision import Freeze, Grant, History, Offers
from controller.model.desired import Backoff, DockerRestart, Leaving, Port
from controller.model.observed import Mount, ReplicaPhase
from tests.builders import HEALTHY, NOW, checked, created, exited, job, replica, service
from tests.unit.decide.cases import SEEN, case, told

pytestmark = pytest.mark.unit

DONE = "Completed Completed: -"


def run(exit_code: int = 0, **others):
    return exited(exit_code=exit_code, service="migrate", **others)


def tried(tries: int, ended: float = NOW - 300) -> History:
    return History(adopted_at=NOW - 500, restarts={"migrate-1-id": Grant(tries, ended)})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(case(job()), "Pending Creating: create 1", id="not there: made"),
        pytest.param(case(job(), created(service="migrate")), "Starting Starting: start 1", id="made: run"),
        pytest.param(
            case(job(needs={"db": HEALTHY}), created(service="migrate"), gates={"db": Offers()}),
            "Waiting DependencyNotReady: - | waits for db",
            id="its gate is shut: waits",
        ),
        pytest.param(
            case(job(), replica(service="migrate", started_at=NOW - 20)),
            "Starting Running: - | wakes +100",
            id="runs: holds its start slot until the start timeout",
        ),
        pytest.param(
            case(job(), replica(service="migrate", started_at=NOW - 3600)),
            "Starting Running: -",
            id="runs for an hour: left alone, holds no slot",
        ),
        pytest.param(case(job(), run()), DONE, id="ended with 0: done"),
        pytest.param(
            case(job(), run(started_at=NOW - 900)), DONE, id="declared, ended with 0 after long: done as well"
        ),
        pytest.param(
            case(job(), history=History(adopted_at=1.0, completed="v1")),
            DONE,
            id="its container was pruned: not run again",
        ),
        pytest.param(
            case(job(revision="v2"), run(), history=History(adopted_at=1.0, completed="v1")),
            "Pending Updating: remove 1",
            id="another revision: makes way, and is run once more",
        ),
        pytest.param(
            case(job(revision="v2"), replica(service="migrate"), history=History(adopted_at=1.0)),
            "Pending Updating: stop 1",
            id="an older run still runs: stopped first",
        ),
        pytest.param(case(job(), run(1)), "Starting Starting: start 1", id="failed once: tried again at once"),
        pytest.param(
            case(job(), run(1, started_at=NOW - 3), history=tried(3)),
            "Pending CrashLoopBackOff: - | wakes +1",
            id="failed four times: the pause grows",
        ),
        pytest.param(case(job(), run(1), history=tried(4)), "Failed JobFailed: -", id="five tries were made: failed"),
        pytest.param(
            case(job(), run(1), history=tried(4, NOW - 1)),
            "Starting Starting: start 1",
            id="the fifth was granted, not made: made now",
        ),
        pytest.param(
            case(job(backoff=Backoff(attempts=1)), run(1)), "Failed JobFailed: -", id="one try allowed: failed at once"
        ),
        pytest.param(
            case(job(), run(1), heals=False, history=SEEN), "Starting Starting: start 1", id="tries are no healing"
        ),
        pytest.param(
            case(job(), replica(service="migrate", phase=ReplicaPhase.PAUSED)),
            "Starting Unpausing: start 1",
            id="paused from outside: unpaused",
        ),
        pytest.param(
            case(job(), replica(service="migrate", phase=ReplicaPhase.DEAD)),
            "Pending RemovingDead: remove 1",
            id="dead: removed first",
        ),
        pytest.param(
            case(job(), run(), history=History(put_down={"migrate-1-id": NOW - 100})),
            "Starting Starting: start 1",
            id="ended with 0 because we stopped it: nothing completed",
        ),
        pytest.param(
            case(
                job(),
                run(1),
                history=History(put_down={"migrate-1-id": NOW - 100}, restarts={"migrate-1-id": Grant(4, 1.0)}),
            ),
            "Starting Starting: start 1",
            id="stopped by us after four tries: the stop is no fifth",
        ),
        pytest.param(
            case(job(), created(service="migrate"), frozen=Freeze.NOT_STARTED),
            "Stopped NotStarted: -",
            id="autoStart: false",
        ),
        pytest.param(case(job(), run(), frozen=Freeze.NOT_STARTED), DONE, id="autoStart: false, done before: done"),
    ],
)
def test_a_declared_job(given, expected) -> None:
    assert told(given) == expected


@pytest.mark.fault("W11")
@pytest.mark.parametrize(
    ("want", "found", "is_one"),
    [
        pytest.param(service(), exited(exit_code=0, started_at=NOW - 30), True, id="ended with 0 within a minute"),
        pytest.param(
            service(docker_restart=DockerRestart.ON_FAILURE),
            exited(exit_code=0, started_at=NOW - 30),
            True,
            id="on-failure",
        ),
        pytest.param(service(), exited(exit_code=0, started_at=NOW - 61.5), False, id="ran for more than a minute"),
        pytest.param(service(), exited(exit_code=3, started_at=NOW - 30), False, id="ended with an error"),
        pytest.param(
            service(docker_restart=DockerRestart.ALWAYS),
            exited(exit_code=0, started_at=NOW - 30),
            False,
            id="restart: always",
        ),
        pytest.param(
            service(docker_restart=DockerRestart.UNLESS_STOPPED),
            exited(exit_code=0, started_at=NOW - 30),
            False,
            id="restart: unless-stopped",
        ),
        pytest.param(checked(), exited(exit_code=0, started_at=NOW - 30), False, id="the manifest gives it a probe"),
        pytest.param(
            service(),
            exited(exit_code=0, started_at=NOW - 30, check=checked().readiness),
            False,
            id="it has a health check",
        ),
        pytest.param(
            service(ports=(Port(80, None),)), exited(exit_code=0, started_at=NOW - 30), False, id="it publishes a port"
        ),
        pytest.param(
            service(),
            exited(exit_code=0, started_at=NOW - 30, exposes_ports=True),
            False,
            id="its image exposes a port",
        ),
        pytest.param(service(is_job=False), exited(exit_code=0, started_at=NOW - 30), False, id="job: false"),
    ],
)
def test_an_undeclared_job_is_known_by_how_it_ended(want, found, is_one) -> None:
    assert told(case(want, found)) == (DONE if is_one else "Starting Starting: start 1")


def test_an_undeclared_job_that_is_gone_is_known_by_memory() -> None:
    history = History(adopted_at=1.0, completed="v1")
    assert told(case(service(), history=history)) == DONE
    assert told(case(service(revision="v2"), history=history)) == "Pending Creating: create 1"


@pytest.mark.fault("W11")
def test_completion_is_remembered_for_the_revision() -> None:
    history = decide(case(job(), run(), history=tried(2))).history
    assert (history.completed, history.good, history.restarts) == ("v1", "v1", {})


def test_a_failed_try_is_remembered_before_the_next() -> None:
    decision = decide(case(job(), run(1, finished_at=NOW - 1)))
    assert decision.history.restarts == {"migrate-1-id": Grant(1, NOW - 1)}
    assert decision.history.completed is None


def test_a_failed_job_says_how_often_it_was_tried_and_what_to_do() -> None:
    decision = decide(case(job(), run(3), history=tried(4)))
    assert decision.message == "shop-migrate-1 exited with 3, 5 tries; `controller retry migrate` tries again"
    assert decision.offers.failed


def test_a_job_offers_completion_also_while_it_is_paused_or_stopped() -> None:
    done = History(adopted_at=1.0, completed="v1")
    assert decide(case(job(), history=done, frozen=Freeze.PAUSED)).offers.completed
    assert decide(case(job(leaving=Leaving.STOPPED), history=done)).offers.completed
    assert not decide(case(job(revision="v2"), history=done, frozen=Freeze.PAUSED)).offers.completed


def test_anonymous_volumes_of_an_older_run_go_to_the_next() -> None:
    mounts = (Mount("/data", "vol"),)
    first = decide(case(job(revision="v2"), run(mounts=mounts)))
    assert first.history.carried == (mounts,)
    (made,) = decide(case(job(revision="v2"), history=first.history)).steps
    assert made.carry == mounts


def test_an_older_run_gets_its_own_grace() -> None:
    (stopped,) = decide(case(job(revision="v2", stop_grace=77.0), replica(service="migrate"))).steps
    assert stopped.grace == 77.0
