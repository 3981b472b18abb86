"""Whatever becomes of a stack: who looks when told to sees what he sees who always looks, and all troubles end."""

from __future__ import annotations

import random

import pytest

from controller.alerts.judge import Scene, Watch, judge
from controller.model.alert import AlertPolicy, Book, Comparison, Rule, Severity, Threshold
from controller.model.phases import Phase, StackPhase
from controller.model.status import Condition, ServiceStatus, StackStatus
from tests.builders import NOW

pytestmark = pytest.mark.unit

SERVICES = ("cache", "db", "job", "app", "web")
NEEDS = {"app": ("cache", "db"), "web": ("app",)}
PHASES = (Phase.READY,) * 4 + (Phase.CRASH_LOOP, Phase.STARTING, Phase.FAILED, Phase.UPDATING, Phase.STOPPED)
PHASES += (Phase.DEGRADED, Phase.WAITING, Phase.COMPLETED)
CONDITIONS = ((),) * 5 + (("EngineUnavailable",), ("GenerationHeld",), ("RolledBack",))
POLICY = AlertPolicy(
    rules=(
        Rule("few", Threshold("ready_ratio", Comparison.BELOW, 0.6), 20.0, Severity.INFO),
        Rule("slow", Phase.STARTING),
    )
)
END, CALM = 3000, 4000
"""Seconds of unrest, and of rest after it."""


def draw(chance: random.Random) -> StackStatus:
    def service(name: str) -> ServiceStatus:
        phase = chance.choice(PHASES)
        ready = 2 if phase in (Phase.READY, Phase.COMPLETED) else chance.choice((0, 0, 1))
        waits = chance.choice(NEEDS.get(name, (None,))) if phase is Phase.WAITING else None
        desired = 0 if phase is Phase.STOPPED else 2
        return ServiceStatus(name, phase, str(phase), "", desired, ready, ready, (), NOW, waits_for=waits)

    told = tuple(Condition(kind, "True", kind, "", NOW) for kind in chance.choice(CONDITIONS))
    return StackStatus("shop", StackPhase.DEGRADED, 1, told, tuple(map(service, SERVICES)), NOW)


def well() -> StackStatus:
    services = tuple(ServiceStatus(name, Phase.READY, "Ready", "", 2, 2, 2, (), NOW) for name in SERVICES)
    return StackStatus("shop", StackPhase.CONVERGED, 1, (), services, NOW)


def live(story: dict[int, StackStatus], *, always: bool) -> tuple[list[tuple[object, ...]], Book]:
    """What was fired and resolved, and the book at the end; looking each second, or at changes and when told to."""
    book, watch = Book(), Watch()
    told: list[tuple[object, ...]] = []
    wake_at: float | None = None
    status = story[0]
    for at in range(END + CALM):
        now = NOW + at
        status = story.get(at, status)
        if not (always or at in story or (wake_at is not None and now >= wake_at)):
            continue
        verdict = judge(book, watch, Scene(status, NEEDS, POLICY), now)
        assert verdict.wake_at is None or verdict.wake_at > now
        book, watch, wake_at = verdict.book, verdict.watch, verdict.wake_at
        told += [(at, "fired", alert.service, alert.rule, alert.severity) for alert in verdict.fired]
        told += [(at, "resolved", alert.service, alert.id) for alert in verdict.resolved]
        ids = [alert.id for alert in book.open.values()]
        assert len(ids) == len(set(ids))
    return told, book


@pytest.mark.parametrize("seed", range(12))
def test_who_looks_when_told_to_misses_nothing_and_in_the_end_all_is_resolved(seed: int) -> None:
    chance = random.Random(seed)
    changes = sorted(chance.sample(range(1, END), 40))
    story = {0: draw(chance), **{at: draw(chance) for at in changes}, END: well()}
    always, book = live(story, always=True)
    seldom, _ = live(story, always=False)
    assert seldom == always
    assert book.open == {}
    assert any(entry[1] == "fired" for entry in always)
