"""Checks that fail now and then, flap, hang, or fail for good, under the loop with its prober: who is restarted, how
often, who is left alone, and what is said of it."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from controller.alerts.judge import Scene, Verdict, Watch, judge
from controller.model.alert import AlertPolicy, Book
from controller.model.names import ReplicaId
from tests.component.probed import Probed, hasten
from tests.component.stage import load, service

pytestmark = pytest.mark.unit

HOUR = 3600.0
RETRIES = 3
CHECK = {"test": ["CMD", "check"], "interval": "10s", "timeout": "2s", "retries": RETRIES}


def checked(*needs: str, **keys: object) -> dict[str, object]:
    """Of its health the engine knows nothing: all is the prober's to find out."""
    return service(*needs, healthcheck=CHECK, labels={"controller.simulated.becomes-ready": "false"}, **keys)


def restarts(stage: Probed) -> Counter[str]:
    return Counter(name for kind, name in stage.actions() if kind == "Restart")


def lives(stage: Probed, *names: str) -> set[object]:
    return {replica.life for name in names for replica in stage.replicas(name)}


def well(_: str, __: ReplicaId) -> bool:
    return True


class Chance:
    """Fails at random with that share. `bound`: never more than so many times in a row."""

    def __init__(self, share: float, seed: int, bound: int | None = None) -> None:
        self._random, self._share, self._bound = random.Random(seed), share, bound
        self._row: Counter[ReplicaId] = Counter()
        self.failed = 0

    def __call__(self, _: str, replica: ReplicaId) -> bool:
        fails = self._random.random() < self._share
        if self._bound is not None and self._row[replica] >= self._bound:
            fails = False
        self._row[replica] = self._row[replica] + 1 if fails else 0
        self.failed += fails
        return not fails


# --- below the threshold


@pytest.mark.fault("W4")
@pytest.mark.parametrize("seed", range(3))
def test_an_hour_of_checks_that_fail_at_random_below_their_threshold_restarts_nobody(seed: int, tmp_path: Path) -> None:
    """A tenth of them; as many in a row as may be without being unhealthy."""
    stage = Probed(tmp_path, load({"db": checked(), "web": checked("db", scale=2)}), well)
    stage.settle(20)
    before, done = lives(stage, "db", "web"), len(stage.actions())
    stage.statuses.clear()
    chance = stage.answer = Chance(0.1, seed, bound=RETRIES - 1)
    stage.settle(HOUR, step=1.0)
    assert chance.failed > 50, "nothing was asked of it"
    assert restarts(stage) == {} and len(stage.actions()) == done
    assert lives(stage, "db", "web") == before
    assert {status.phase for status in stage.statuses} <= {"Converged"}


# --- above it


class Alarm:
    """What would have been told of a stage: judged every few seconds."""

    def __init__(self, stage: Probed) -> None:
        self.stage, self.verdict = stage, Verdict(Book(), Watch())
        self.fired: list[str] = []

    def settle(self, seconds: float) -> None:
        for _ in range(int(seconds / 5)):
            self.stage.settle(5.0, step=1.0)
            scene = Scene(self.stage.statuses[-1], {}, AlertPolicy())
            self.verdict = judge(self.verdict.book, self.verdict.watch, scene, self.stage.clock.now())
            self.fired += [f"{alert.service}:{alert.rule}" for alert in self.verdict.fired]


@pytest.mark.fault("W4")
def test_a_check_that_flaps_costs_few_restarts_and_one_alert(tmp_path: Path) -> None:
    """So many bad answers that three in a row come soon, and that it never is well for the ten minutes that forgive."""
    stage = Probed(tmp_path, load({"db": checked(), "web": checked()}), well)
    alarm = Alarm(stage)
    alarm.settle(20)
    before, chance = lives(stage, "db"), Chance(0.6, seed=1)
    stage.answer = lambda name, replica: name == "db" or chance(name, replica)
    alarm.settle(HOUR)
    assert 5 <= restarts(stage)["web"] <= 20
    started: list[float] = []
    while len(started) < 10:
        alarm.settle(5.0)
        (web,) = stage.replicas("web")
        if web.started_at is not None and web.started_at not in started:
            started.append(web.started_at)
    pauses = [after - earlier for earlier, after in pairwise(started[1:])]
    assert all(299 <= pause <= 900 for pause in pauses), pauses
    assert restarts(stage).keys() == {"web"} and lives(stage, "db") == before
    book = alarm.verdict.book
    assert {alert.service for alert in book.open.values()} == {"web"}
    assert len(book.open) + len(book.closed) == 1 and len(alarm.fired) <= 4, alarm.fired


@pytest.mark.fault("W4")
def test_one_that_is_unhealthy_and_left_to_live_is_well_only_after_two_good_answers(tmp_path: Path) -> None:
    """Without healing: every other answer is good, which makes it neither well nor worse."""
    stage = Probed(tmp_path, load({"web": checked()}, reconcile={"selfHeal": False}), well)
    stage.settle(20)
    answers = iter([False] * RETRIES + [True, False] * 20 + [True] * 1000)
    stage.answer = lambda *_: next(answers)
    stage.settle(32, step=1.0)
    assert stage.phases == {"web": "Degraded"}
    stage.statuses.clear()
    stage.settle(60, step=1.0)
    assert {status.phase for status in stage.statuses} <= {"Degraded"} and stage.phases == {"web": "Degraded"}
    stage.settle(400, step=1.0)
    assert stage.phases == {"web": "Ready"} and restarts(stage) == {}


# --- hanging, and never well


@pytest.mark.fault("W5")
@pytest.mark.parametrize("begins", [True, False], ids=["after it was well", "from its start"])
def test_a_check_that_hangs_counts_as_failed_and_its_replica_is_restarted(
    begins: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at once: after as many failures as are allowed, and at its pauses."""
    stage = Probed(tmp_path, load({"db": checked(), "web": checked()}), hangs if not begins else well)
    hasten(stage, monkeypatch)
    stage.settle(20)
    before = lives(stage, "db")
    stage.answer = hangs
    stage.settle(RETRIES * 10 - 15, step=1.0)
    assert restarts(stage) == {}
    stage.settle(900, step=1.0)
    assert 5 <= restarts(stage)["web"] <= 12 and restarts(stage).keys() == {"web"}
    assert lives(stage, "db") == before and stage.phases["db"] == "Ready"
    assert stage.phases["web"] == "CrashLoopBackOff"
    (web,) = stage.reconciler.world.views["web"].replicas
    assert "no end after 2 s" in web.last_output


def hangs(name: str, _: ReplicaId) -> bool | None:
    return True if name == "db" else None


@pytest.mark.fault("W6")
def test_a_dependency_that_is_unhealthy_starts_no_dependent_and_touches_none_that_runs(tmp_path: Path) -> None:
    def shop(version: str) -> dict[str, object]:
        return {
            "db": checked(),
            "web": checked("db", environment={"V": version}),
            "late": checked("db"),
        }

    stage = Probed(tmp_path, load(shop("1")), well)
    stage.settle(30)
    assert set(stage.phases.values()) == {"Ready"}
    before = lives(stage, "web")
    stage.answer = lambda name, _: name != "db"
    stage.settle(45, step=1.0)
    (late,) = stage.replicas("late")
    stage.meddle(lambda hands, now: hands.remove(late.id, now))
    stage.change(shop("2"))
    done = len(stage.actions())
    stage.settle(600, step=1.0)
    acted = set(stage.actions()[done:])
    assert restarts(stage).keys() == {"db"} and restarts(stage)["db"] >= 3
    assert lives(stage, "web") == before and not acted & {("Stop", "web"), ("Restart", "web")}
    assert ("Start", "late") not in acted and stage.phases["late"] == "Waiting"
    stage.answer = well
    stage.settle(700, step=1.0)
    assert set(stage.phases.values()) == {"Ready"} and stage.running() == 3
    assert not lives(stage, "web") & before, "what was asked for meanwhile"


@pytest.mark.fault("W6")
def test_who_is_sick_because_of_what_it_needs_is_not_restarted_in_vain(tmp_path: Path) -> None:
    """From the top down: what everybody needs first, and who is well again by that needs nothing."""
    stage = Probed(tmp_path, load({"db": checked(), "web": checked("db"), "top": checked("web")}), well)
    stage.settle(30)
    before = lives(stage, "web", "top")
    stage.answer = lambda *_: False
    stage.settle(900, step=1.0)
    assert restarts(stage).keys() == {"db"} and lives(stage, "web", "top") == before
    assert stage.phases["web"] == "Degraded" and stage.reconciler.world.decisions["top"].waits_for == "web"
    stage.answer = lambda name, _: name == "db"
    stage.settle(400, step=1.0)
    assert restarts(stage)["web"] >= 1 and restarts(stage)["top"] == 0, "its own fault, as it turns out"
    stage.answer = well
    stage.settle(700, step=1.0)
    assert set(stage.phases.values()) == {"Ready"} and lives(stage, "top") <= before
