"""Alerts over time: what lasts fires once, at its root; what is ours or a person's will does not; its end is told."""

from __future__ import annotations

import pytest

from controller.alerts.judge import Scene, judge
from controller.alerts.rules import find_symptoms
from controller.model.alert import AlertPolicy, Comparison, Rule, Severity, Threshold
from controller.model.phases import Phase
from controller.model.status import ServiceStatus
from tests.builders import NOW, replica
from tests.unit.alerts.story import CRITICAL, DOWN, WARNING, Story, service, status

pytestmark = pytest.mark.unit


def test_what_is_over_soon_is_no_alert() -> None:
    story = Story()
    verdict = story.show(0, DOWN)
    assert verdict.wake_at == NOW + 60
    story.show(59, DOWN)
    story.show(59.5, service())
    story.show(1000, DOWN)
    story.show(1059, DOWN)
    assert story.fired == []


def test_what_lasts_is_told_once_and_its_end_too() -> None:
    story = Story()
    for at in (0, 30, 60, 61, 200):
        story.show(at, DOWN)
    assert story.fired == [(60, "db:ServiceDown", CRITICAL)]
    (alert,) = story.book.open.values()
    assert (alert.message, alert.since, alert.fired_at) == ("no replica is ready: db-1 exited with 1", NOW, NOW + 60)
    verdict = story.show(210, service())
    assert (story.resolved, verdict.wake_at) == ([], NOW + 240)
    story.show(240, service())
    assert story.resolved == [(240, "db:ServiceDown")]
    assert (story.book.open, [a.resolved_at for a in story.book.closed]) == ({}, [NOW + 240])


def test_one_that_comes_back_while_it_settles_is_the_same() -> None:
    story = Story()
    for at, shown in ((0, DOWN), (60, DOWN), (70, service()), (80, DOWN), (130, DOWN), (140, DOWN)):
        story.show(at, shown)
    story.show(200, DOWN)
    assert (len(story.fired), story.resolved) == (1, [])


def test_an_update_neither_ends_nor_repeats_the_alert_of_what_it_may_mend() -> None:
    story = Story()
    for at, phase in ((0, Phase.FAILED), (60, Phase.FAILED), (70, Phase.UPDATING), (500, Phase.UPDATING)):
        story.show(at, service(phase=phase))
    assert (len(story.fired), story.resolved) == (1, [])
    story.show(510, service(phase=Phase.ROLLING_BACK))
    story.show(520, DOWN)
    story.show(600, DOWN)
    assert (len(story.fired), story.resolved) == (1, [])
    for at in (610, 640):
        story.show(at, service())
    assert story.resolved == [(640, "db:ServiceDown")]


def test_severity_rises_within_one_alert() -> None:
    story = Story()
    for at in (0, 60, 500, 900, 2000):
        story.show(at, service(phase=Phase.CRASH_LOOP, ready=1, desired=2))
    assert story.fired == [(60, "db:CrashLoop", WARNING), (900, "db:CrashLoopLasting", CRITICAL)]
    assert len(story.book.open) == 1


def test_a_crash_loop_that_serves_between_its_crashes_is_one_alert() -> None:
    story = Story()
    for turn in range(0, 6000, 300):
        story.show(turn, service(phase=Phase.CRASH_LOOP))
        story.show(turn + 100, service(phase=Phase.CRASH_LOOP))
        story.show(turn + 280, service())
    assert [name for _, name, _ in story.fired if "Crash" in name or "Down" in name] == ["db:ServiceDown"]
    assert story.resolved == []


@pytest.mark.fault("W4")
def test_flapping_is_told_once_for_all_its_flaps() -> None:
    story = Story()
    for turn in range(0, 100, 20):
        story.show(turn, service())
        story.show(turn + 10, service(phase=Phase.STARTING))
    story.show(100, service())
    assert story.fired == [(70, "db:Flapping", WARNING)]
    verdict = story.show(200, service())
    assert verdict.wake_at == NOW + 610
    for at in (611, 631, 651, 700, 730):
        story.show(at, service())
    assert [name for _, name in story.resolved] == ["db:Flapping"]


@pytest.mark.parametrize(
    ("shown", "fired"),
    [
        (service(phase=Phase.DEGRADED, reason="RollbackFailed", ready=1), "db:RollbackFailed"),
        (service(phase=Phase.FAILED, reason="JobFailed"), "db:JobFailed"),
        (service(replicas=(replica(oom_killed=True),)), "db:OutOfMemory"),
    ],
)  # fmt: skip
def test_what_will_not_mend_itself_is_told_at_once(shown: ServiceStatus, fired: str) -> None:
    story = Story()
    story.show(0, shown)
    assert [name for _, name, _ in story.fired] == [fired]


@pytest.mark.parametrize(
    ("advice", "said"), [({}, "raise its memory limit"), ({"db": "its limit was raised: memory 64Mi → 164Mi"}, None)]
)
def test_of_what_was_killed_for_want_of_memory_is_said_what_was_done_about_it(
    advice: dict[str, str], said: str | None
) -> None:
    shown = service(replicas=(replica(1, name="db-1", oom_killed=True),))
    (symptom,) = find_symptoms(status(shown), AlertPolicy(), {}, advice=advice)
    assert symptom.message == f"the kernel killed db-1 for want of memory; {said or advice['db']}"


def test_a_long_start_has_more_time_than_what_fell_over() -> None:
    story = Story()
    for at in (0, 299, 300):
        story.show(at, service(phase=Phase.STARTING))
    assert story.fired == [(300, "db:ServiceDown", CRITICAL)]


def test_an_engine_that_is_away_is_one_alert_and_freezes_the_others() -> None:
    story = Story()
    for at in (0, 60):
        story.show(at, DOWN, service("web", Phase.FAILED))
    assert len(story.fired) == 2
    for at in (70, 100, 130, 900):
        story.show(at, DOWN, service("new", Phase.FAILED), conditions=["EngineUnavailable"])
    assert story.fired[2:] == [(130, "None:EngineUnavailable", CRITICAL)]
    assert story.resolved == []
    story.show(910, DOWN, service("new", Phase.FAILED))
    story.show(969, DOWN, service("new", Phase.FAILED))
    assert len(story.fired) == 3, "the clock of what was not seen begins anew"
    assert sorted(name for _, name in story.resolved) == ["None:EngineUnavailable", "web:ServiceDown"]


def test_another_stack_says_nothing_of_the_engine() -> None:
    story = Story()
    for at in (0, 600):
        story.show(at, service(), conditions=["EngineUnavailable"], speaks=False)
    assert story.fired == []


def test_conditions_of_the_stack() -> None:
    story = Story()
    for at in (0, 60, 120):
        story.show(at, service(), conditions=["GenerationHeld", "AdoptionHeld", "Baking"])
    assert story.fired == [(60, "None:GenerationHeld", WARNING), (120, "None:AdoptionHeld", WARNING)]


def test_rules_of_the_user() -> None:
    rules = (
        Rule("short", Threshold("replicas_missing", Comparison.AT_LEAST, 1.0), 10.0, services=("web",)),
        Rule("starting", Phase.STARTING, 5.0, Severity.INFO, labels={"team": "shop"}, channels=("ops",)),
    )
    story = Story(policy=AlertPolicy(builtin=False, rules=rules))
    for at in (0, 5, 10, 1000):
        story.show(at, service("web", Phase.STARTING), service("db", Phase.FAILED))
    assert story.fired == [(5, "web:starting", Severity.INFO), (10, "web:short", WARNING)]
    by_rule = {alert.rule: alert for alert in story.book.open.values()}
    assert (by_rule["starting"].labels, by_rule["starting"].channels) == ({"team": "shop"}, ("ops",))
    assert by_rule["short"].message == "replicas_missing is 1 (>= 1)"


def test_a_rule_on_restarts_counts_those_that_docker_does_not() -> None:
    rule = Rule("again", Threshold("restarts", Comparison.ABOVE, 5.0), 0.0)
    story = Story(policy=AlertPolicy(builtin=False, rules=(rule,)))
    story.show(0, service(phase=Phase.CRASH_LOOP, restarted={"db-1-id": 3, "db-2-id": 4}))
    assert [alert.message for alert in story.book.open.values()] == ["restarts is 7 (> 5)"]


def test_a_clock_that_is_set_back_holds_no_alert_for_ever() -> None:
    story = Story()
    story.show(3600, DOWN)
    story.show(0, DOWN)
    story.show(60, DOWN)
    assert [at for at, _, _ in story.fired] == [60]
    story.show(3700, service())
    story.show(0, service())
    story.show(31, service())
    assert len(story.resolved) == 1


def test_the_same_again_changes_nothing() -> None:
    story = Story()
    story.show(0, DOWN)
    before = story.book, story.watch.ready, story.watch.lapses
    story.show(1, DOWN)
    assert (story.book, story.watch.ready, story.watch.lapses) == before


def test_a_rolled_back_stack_is_one_alert_and_hides_no_outage() -> None:
    story = Story()
    back = service(phase=Phase.DEGRADED, reason="RolledBack", ready=1)
    story.show(0, back, service("web", Phase.DEGRADED, reason="RolledBack", ready=1), conditions=["RolledBack"])
    assert story.fired == [(0, "None:RolledBack", WARNING)]
    for at in (1000, 1060):
        story.show(at, DOWN, conditions=["RolledBack"])
    for at in (1100, 1130):
        story.show(at, back, conditions=["RolledBack"])
    for at in (2000, 2060):
        story.show(at, DOWN, conditions=["RolledBack"])
    assert [name for _, name, _ in story.fired] == ["None:RolledBack", "db:ServiceDown", "db:ServiceDown"]


@pytest.mark.parametrize("reason", ["Held", "WaitingForSlot"])
def test_what_is_so_for_the_whole_stack_is_no_services_trouble(reason: str) -> None:
    story = Story()
    for at in (0, 6000):
        story.show(at, service(phase=Phase.PENDING, reason=reason))
    assert story.fired == []


def test_an_image_that_is_fetched_has_half_an_hour() -> None:
    story = Story()
    for at in (0, 1799, 1800):
        story.show(at, service(phase=Phase.PENDING, reason="FetchingImage"))
    assert [at for at, _, _ in story.fired] == [1800]


def test_a_crash_loop_of_short_healthy_lives_gets_worse_with_time() -> None:
    story = Story()
    for at in range(0, 1200, 30):
        phase = Phase.READY if at % 300 == 0 else Phase.CRASH_LOOP
        story.show(at, service(phase=phase, ready=2 if phase is Phase.READY else 1, desired=2))
    assert [name for _, name, _ in story.fired if "Flapping" not in name] == ["db:CrashLoop", "db:CrashLoopLasting"]


def test_why_nothing_can_be_decided_is_an_alert() -> None:
    story = Story()
    for at in (0, 60, 70):
        scene = Scene(status(service()), {}, AlertPolicy(), fault="database or disk is full")
        verdict = judge(story.book, story.watch, scene, NOW + at)
        story.book, story.watch = verdict.book, verdict.watch
    (alert,) = story.book.open.values()
    assert (alert.rule, alert.severity, alert.message) == ("PassFailed", CRITICAL, "database or disk is full")


def test_a_crash_loop_is_told_as_one_also_while_it_runs() -> None:
    story = Story()
    for at in (0, 60):
        story.show(at, service(phase=Phase.CRASH_LOOP, message="db-1 runs, settling", replicas=(replica(),)))
    (alert,) = story.book.open.values()
    assert alert.message == "no replica is ready: keeps falling over, and was just started again"
