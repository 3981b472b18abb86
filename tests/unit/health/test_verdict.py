"""The judge's rules, one by one, in seconds since the start of the watch."""

import pytest

from controller.health.pace import exec_pause, knock_pause, learned_pause, pause_after
from controller.health.verdict import ProbeResult, Verdict, judge, open_trial, trim
from controller.model.desired import Probe, ProbeKind
from controller.model.observed import Health, Replica, ReplicaPhase

pytestmark = pytest.mark.unit

WALL = 1_000_000.0
OK, BAD, UNKNOWN = ProbeResult(True), ProbeResult(False, "no"), ProbeResult(None, "engine away")


def replica(started_at=WALL, health=Health.STARTING):
    return Replica("id", "p-web-1", "web", 1, "r1", ReplicaPhase.RUNNING, health, started_at=started_at)


def probe(**others):
    return Probe(ProbeKind.EXEC, ("true",), **{"interval": 10.0, "retries": 3, **others})


PROBE, REPLICA = probe(), replica()


def told(results, probe=PROBE, of=REPLICA):
    """The verdicts after each (second, result)."""
    trial = open_trial(of, probe, WALL, 0.0)
    verdicts = []
    for at, result in results:
        trial = judge(trial, probe, result, WALL + at, at)
        verdicts.append(trial.verdict)
    return verdicts


def healths(results, **others):
    return [str(verdict.health) for verdict in told(results, **others)]


def test_the_first_success_makes_it_healthy_at_that_instant():
    assert told([(0.1, BAD), (0.4, OK)])[-1] == Verdict(Health.HEALTHY, WALL + 0.4)


def test_fast_probes_fail_no_faster_than_the_checks_own_pace():
    results = [(turn / 10, BAD) for turn in range(1, 295)]
    assert set(healths(results)) == {"starting"}
    assert healths([(10.0, BAD), (20.0, BAD), (29.9, BAD), (30.0, BAD)]) == ["starting"] * 3 + ["unhealthy"]


@pytest.mark.fault("W4")
def test_it_falls_only_after_so_many_failures_in_a_row_and_a_success_forgives_them():
    results = [(0, OK), (10, BAD), (20, BAD), (30, OK), (40, BAD), (50, BAD), (60, BAD)]
    assert healths(results) == ["healthy"] * 6 + ["unhealthy"]


@pytest.mark.fault("W4")
def test_it_returns_only_after_two_successes_in_a_row():
    fall = [(10, BAD), (20, BAD), (30, BAD)]
    verdicts = told([*fall, (40, OK), (50, BAD), (60, OK), (60.1, OK)])
    assert [str(verdict.health) for verdict in verdicts[3:]] == ["unhealthy", "unhealthy", "unhealthy", "healthy"]
    assert verdicts[-1].ready_since == WALL + 60.1
    assert verdicts[2].ready_since is None


def test_unknown_is_never_not_ready():
    assert healths([(0, OK), *((10 * turn, UNKNOWN) for turn in range(1, 50))])[-1] == "healthy"
    assert healths([(10 * turn, UNKNOWN) for turn in range(1, 50)])[-1] == "starting"
    assert told([(1, UNKNOWN)])[0].output == "engine away"


def test_failures_in_the_start_period_do_not_count_but_a_success_ends_it():
    slow = probe(start_period=60.0)
    assert healths([(turn, BAD) for turn in range(10, 90, 10)], probe=slow) == ["starting"] * 8
    assert healths([(turn, BAD) for turn in range(10, 100, 10)], probe=slow)[-1] == "unhealthy"
    assert healths([(1, OK), (10, BAD), (20, BAD), (31, BAD)], probe=slow)[-1] == "healthy"
    assert healths([(1, OK), (11, BAD), (21, BAD), (31, BAD)], probe=slow)[-1] == "unhealthy"


def test_a_start_period_that_is_over_at_first_sight_is_not_granted_again():
    old = replica(started_at=WALL - 600)
    slow = probe(start_period=60.0)
    assert healths([(10, BAD), (20, BAD), (30, BAD)], probe=slow, of=old)[-1] == "unhealthy"


def test_what_the_engine_calls_healthy_is_not_doubted_at_once():
    seen = replica(started_at=WALL - 600, health=Health.HEALTHY)
    verdicts = told([(0.0, BAD), (10.0, BAD)], of=seen)
    assert [verdict.health for verdict in verdicts] == [Health.HEALTHY] * 2
    assert verdicts[0].ready_since == WALL - 600
    assert healths([(0, BAD), (10, BAD), (20, BAD), (30, BAD)], of=seen)[-1] == "unhealthy"


def test_one_retry_means_the_first_counted_failure():
    assert healths([(5, BAD), (10, BAD)], probe=probe(retries=1)) == ["starting", "unhealthy"]
    assert healths([(10, BAD)], probe=probe(retries=0)) == ["unhealthy"]


def test_output_is_of_the_last_probe_if_it_failed():
    verdicts = told([(1, ProbeResult(False, "one")), (2, ProbeResult(False, "two")), (3, OK)])
    assert [verdict.output for verdict in verdicts] == ["one", "two", ""]


def test_output_cannot_disturb_a_terminal_and_stays_short():
    assert trim("\x1b[31mred\x1b[0m\r\n\x07ok\tyes\n") == "[31mred[0m\nok\tyes"
    assert trim("ä" * 9000) == "ä" * 2048
    assert trim("x" * 9000 + "end").endswith("xend")
    assert trim("\ud800") == "?" or trim("\ud800") == ""


@pytest.mark.parametrize(("age", "knock", "command"), [(0, 0.02, 0.025), (1, 0.02, 0.1), (5, 0.1, 0.5), (600, 1, 12)])
def test_pauses_grow_with_the_time_that_has_passed(age, knock, command):
    assert (knock_pause(age), exec_pause(age)) == (knock, command)


@pytest.mark.parametrize(
    ("health", "result", "expected"),
    [
        (Health.HEALTHY, OK, 10.0),
        (Health.HEALTHY, BAD, 10.0),
        (Health.UNHEALTHY, BAD, 10.0),
        (Health.UNHEALTHY, OK, 0.025),
        (Health.STARTING, BAD, 0.025),
        (Health.STARTING, ProbeResult(False, closed=True), 0.02),
        (Health.STARTING, ProbeResult(False, timed_out=True), 10.0),
    ],
)
def test_the_pause_after_each_outcome(health, result, expected):
    assert pause_after(Verdict(health), probe(), result, age=0.0) == expected


def test_no_pause_is_longer_than_the_checks_own():
    assert pause_after(Verdict(Health.STARTING), probe(interval=0.05), BAD, age=500.0) == 0.05


@pytest.mark.parametrize(
    ("age", "quickest", "expected"),
    [
        (0.0, 3.0, 0.025),
        (0.1, 3.0, 0.1),
        (1.0, 3.0, 1.0),
        (2.0, 3.0, 1.0),
        (2.99, 3.0, 0.025),
        (3.0, 3.0, 0.03),
        (4.0, 3.0, 0.1),
        (60.0, 60.0, 0.6),
        (200.0, 60.0, 2.8),
    ],
)
def test_the_pause_of_one_that_was_never_ready_sooner(age, quickest, expected):
    assert learned_pause(age, quickest) == pytest.approx(expected)
    assert pause_after(Verdict(Health.STARTING), probe(interval=60.0), BAD, age, quickest) == pytest.approx(expected)


@pytest.mark.parametrize("quickest", [0.3, 2.7, 30.0, 90.0])
def test_fewer_commands_are_asked_in_vain_and_none_is_late_for_one_as_quick_as_ever(quickest):
    """Each is asked as soon as the pause is over; a command takes a tenth of a second."""

    def asked(pause):
        ages = [0.0]
        while ages[-1] < quickest:
            ages.append(ages[-1] + 0.1 + pause(ages[-1] + 0.1))
        return ages

    before, after = asked(exec_pause), asked(lambda age: learned_pause(age, quickest))
    assert len(after) <= len(before)
    assert after[-1] <= quickest + 0.15


def test_the_age_of_a_life_at_least_doubles_between_two_commands_that_are_in_vain():
    assert all(learned_pause(age / 10, 50.0) <= max(0.025, age / 10) for age in range(500))


def test_a_closed_port_is_knocked_at_as_ever():
    assert pause_after(Verdict(Health.STARTING), probe(), ProbeResult(False, closed=True), 1.0, 9.0) == knock_pause(1.0)
