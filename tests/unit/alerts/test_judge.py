"""Alerts over time: what lasts fires once, at its root; what is ours or a person's will does not; its end is told."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from controller.alerts.judge import Scene, Verdict, Watch, judge
from controller.model.alert import AlertPolicy, Book, Comparison, Rule, Severity, Threshold
from controller.model.decision import Phase, StackPhase
from controller.model.status import Condition, ServiceStatus, StackStatus
from tests.builders import NOW, replica

pytestmark = pytest.mark.unit

CRITICAL, WARNING = Severity.CRITICAL, Severity.WARNING


def service(name: str = "db", phase: Phase = Phase.READY, ready: int | None = None, **others) -> ServiceStatus:
    desired = others.pop("desired", 0 if phase is Phase.STOPPED else 1)
    count = ready if ready is not None else desired if phase in (Phase.READY, Phase.COMPLETED) else 0
    given = {"reason": str(phase), "message": "", "updated": count, "replicas": (), "since": NOW, **others}
    return ServiceStatus(name=name, phase=phase, desired=desired, ready=count, **given)


def status(*services: ServiceStatus, conditions: Iterable[str] = ()) -> StackStatus:
    told = tuple(Condition(name, "True", name, f"{name} it is", NOW) for name in conditions)
    return StackStatus("shop", StackPhase.DEGRADED, 1, told, services, NOW)


class Story:
    """One stack's alerts, told instant by instant."""

    def __init__(self, needs: dict[str, tuple[str, ...]] | None = None, policy: AlertPolicy | None = None) -> None:
        self.book, self.watch = Book(), Watch()
        self.needs, self.policy = needs or {}, policy or AlertPolicy()
        self.fired: list[tuple[float, str, Severity]] = []
        self.resolved: list[tuple[float, str]] = []

    def show(self, at: float, *services: ServiceStatus, conditions: Iterable[str] = (), speaks: bool = True) -> Verdict:
        scene = Scene(status(*services, conditions=conditions), self.needs, self.policy, speaks)
        verdict = judge(self.book, self.watch, scene, NOW + at)
        self.book, self.watch = verdict.book, verdict.watch
        self.fired += [(at, f"{alert.service}:{alert.rule}", alert.severity) for alert in verdict.fired]
        self.resolved += [(at, f"{alert.service}:{alert.rule}") for alert in verdict.resolved]
        return verdict


DOWN = service(phase=Phase.FAILED, message="db-1 exited with 1")


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


def test_a_dead_database_with_ten_dependents_is_one_alert_that_names_it() -> None:
    names = [f"app{number}" for number in range(10)]
    story = Story({name: ("db",) for name in names})
    sick = [service(name, Phase.CRASH_LOOP, message="cannot reach db") for name in names[:5]]
    waiting = [service(name, Phase.WAITING, waits_for="db") for name in names[5:]]
    for at in (0, 30, 60, 200, 400, 1200):
        story.show(at, DOWN, *sick, *waiting)
    assert story.fired == [(60, "db:ServiceDown", CRITICAL)]
    (alert,) = story.book.open.values()
    assert alert.affects == tuple(names)


def test_dependents_that_stay_sick_have_their_own_time_once_the_root_is_mended() -> None:
    story = Story({"app": ("db",)})
    app = service("app", Phase.FAILED)
    for at, db in ((0, DOWN), (60, DOWN), (300, service()), (330, service()), (359, service())):
        story.show(at, db, app)
    assert [name for _, name, _ in story.fired] == ["db:ServiceDown"]
    story.show(629, service(), app)
    assert len(story.fired) == 1, "its next try may be five minutes away"
    story.show(630, service(), app)
    assert story.fired[1:] == [(630, "app:ServiceDown", CRITICAL)]
    assert story.resolved == [(630, "db:ServiceDown")]


def test_a_dependency_that_serves_with_some_of_its_replicas_is_no_excuse() -> None:
    story = Story({"app": ("db",)})
    db = service(phase=Phase.DEGRADED, ready=1, desired=2)
    for at in (0, 60):
        story.show(at, db, service("app", Phase.FAILED))
    assert story.fired == [(60, "app:ServiceDown", CRITICAL)]


@pytest.mark.parametrize("phase", [Phase.UPDATING, Phase.ROLLING_BACK, Phase.STOPPED, Phase.PAUSED])
def test_what_a_change_or_a_person_causes_is_no_alert(phase: Phase) -> None:
    story = Story({"app": ("db",)})
    for at in (0, 60, 600, 6000):
        story.show(at, service(phase=phase), service("app", Phase.WAITING, waits_for="db"))
    assert story.fired == []


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


def test_who_flaps_along_with_what_it_needs_is_not_to_blame() -> None:
    story = Story({"app": ("db",)})
    for turn in range(0, 200, 20):
        story.show(turn, service(), service("app"))
        story.show(turn + 10, service(phase=Phase.STARTING), service("app", Phase.STARTING))
    assert [name for _, name, _ in story.fired] == ["db:Flapping"]


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


def test_the_alert_of_a_service_stays_while_it_is_sick_whoever_is_to_blame() -> None:
    story = Story({"app": ("db",)})
    app = service("app", Phase.FAILED)
    for at in (0, 60):
        story.show(at, service(), app)
    for at, db in ((70, service(phase=Phase.STOPPED)), (200, service(phase=Phase.STOPPED)), (300, DOWN), (900, DOWN)):
        story.show(at, db, app)
    assert story.resolved == []
    assert [name for _, name, _ in story.fired] == ["app:ServiceDown", "db:ServiceDown"]


def test_ten_that_wait_for_a_long_job_are_one_alert_that_names_it() -> None:
    story = Story()
    job = service("migrate", Phase.STARTING, ready=1, message="runs")
    waiting = [service(f"app{number}", Phase.WAITING, waits_for="migrate") for number in range(10)]
    for at in (0, 299, 300, 900):
        story.show(at, job, *waiting)
    assert story.fired == [(300, "migrate:ServiceDown", CRITICAL)]


def test_of_several_dependencies_the_one_that_nobody_wanted_down_is_to_blame() -> None:
    story = Story({"app": ("cache", "db")})
    for at in (0, 60):
        story.show(at, service("cache", Phase.STOPPED), DOWN, service("app", Phase.FAILED))
    assert [name for _, name, _ in story.fired] == ["db:ServiceDown"]


def test_a_dependency_of_which_none_is_wanted_is_no_excuse() -> None:
    story = Story({"app": ("worker",)})
    for at in (0, 60):
        story.show(at, service("worker", desired=0), service("app", Phase.FAILED))
    assert [name for _, name, _ in story.fired] == ["app:ServiceDown"]


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


def test_the_severity_is_the_worst_and_the_words_are_the_roots_own() -> None:
    story = Story({"app": ("db",)})
    for at in (0, 60):
        story.show(
            at, service(phase=Phase.STARTING, replicas=(replica(oom_killed=True),)), service("app", Phase.FAILED)
        )
    (alert,) = story.book.open.values()
    assert (alert.rule, alert.severity, alert.also) == ("OutOfMemory", CRITICAL, ("ServiceDown",))


def test_a_rule_with_channels_of_its_own_takes_the_others_from_nobody() -> None:
    rule = Rule("too-few", Threshold("ready_ratio", Comparison.BELOW, 0.5), 0.0, channels=("pager",))
    story = Story({"app": ("db",)}, AlertPolicy(rules=(rule,)))
    for at in (0, 60):
        story.show(at, DOWN, service("app", Phase.FAILED))
    by_key = {key: alert.channels for key, alert in story.book.open.items()}
    assert by_key == {"db": (), "db/too-few": ("pager",)}


def test_a_crash_loop_is_told_as_one_also_while_it_runs() -> None:
    story = Story()
    for at in (0, 60):
        story.show(at, service(phase=Phase.CRASH_LOOP, message="db-1 runs, settling", replicas=(replica(),)))
    (alert,) = story.book.open.values()
    assert alert.message == "no replica is ready: keeps falling over, and was just started again"
