"""Who is to blame: the service at the root, not who suffers from it, nor us or a person who wanted it so."""

from __future__ import annotations

import pytest

from controller.model.alert import AlertPolicy, Comparison, Rule, Threshold
from controller.model.phases import Phase
from tests.builders import replica
from tests.unit.alerts.story import CRITICAL, DOWN, Story, service

pytestmark = pytest.mark.unit


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


def test_who_flaps_along_with_what_it_needs_is_not_to_blame() -> None:
    story = Story({"app": ("db",)})
    for turn in range(0, 200, 20):
        story.show(turn, service(), service("app"))
        story.show(turn + 10, service(phase=Phase.STARTING), service("app", Phase.STARTING))
    assert [name for _, name, _ in story.fired] == ["db:Flapping"]


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
