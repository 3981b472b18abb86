"""What probes make of a replica: begun, ready, alive; each asked in its time and for its own consequence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.decide.service import decide
from controller.engines.base import Execution
from controller.health.prober import Clocks, Prober
from controller.loop.verdicts import Verdicts
from controller.model.desired import DesiredService, Probe, ProbeKind
from controller.model.observed import Health, Replica
from controller.model.steps import Restart
from tests.builders import service
from tests.component.probing import WALL, replica
from tests.unit.decide.cases import case

pytestmark = pytest.mark.unit


def probe(word: str) -> Probe:
    return Probe(ProbeKind.EXEC, (word,), interval=10.0, timeout=2.0, retries=2)


READY, LIVE, START = probe("ready"), probe("live"), probe("start")


class Scene:
    """One service, a clock that is moved by hand, and answers by the probe's word."""

    def __init__(self, started: float = WALL, **probes: Probe) -> None:
        self.at = 0.0
        self.codes = {"ready": 0, "live": 0, "start": 0}
        self.asked: list[str] = []
        clocks = Clocks(now=lambda: WALL + self.at, steady=lambda: self.at)
        self.prober = Prober(self, lambda *_: None, clocks, workers=0)  # type: ignore[arg-type]
        self.verdicts = Verdicts(self.prober, WALL)
        self.want: DesiredService = service("web", **probes)
        self.web = replica(health=Health.NONE, started_at=started)

    def execute(self, _: str, command: tuple[str, ...], *, timeout: float) -> Execution:
        self.asked.append(command[0])
        return Execution(self.codes[command[0]], f"said by {command[0]}")

    def look(self, seconds: float = 0.0) -> Replica:
        """Let time pass, with a look each second, as the loop has it."""
        ends_at = self.at + seconds
        while True:
            (seen,) = self.verdicts.add((self.web,), self.want, "s")
            while (due := self.prober.next_due()) is not None and due <= min(self.at, ends_at):
                assert self.prober.run_due()
            (seen,) = self.verdicts.add((self.web,), self.want, "s")
            if self.at >= ends_at:
                return seen
            self.at += 1.0


def test_until_it_has_begun_nothing_else_is_asked() -> None:
    scene = Scene(readiness=READY, liveness=LIVE, startup=START)
    scene.codes["start"] = 1
    seen = scene.look(5)
    assert (seen.health, seen.alive, set(scene.asked)) == (Health.STARTING, Health.NONE, {"start"})
    scene.codes["start"] = 0
    seen = scene.look(2)
    assert (seen.health, seen.alive) == (Health.HEALTHY, Health.HEALTHY)
    scene.asked.clear()
    scene.look(60)
    assert set(scene.asked) == {"ready", "live"}, "it has begun once and for all"


def test_what_never_begins_is_unhealthy_with_its_words() -> None:
    scene = Scene(startup=START)
    scene.codes["start"] = 1
    seen = scene.look(60)
    assert (seen.health, seen.last_output) == (Health.UNHEALTHY, "said by start")


def test_what_ran_before_we_watched_is_not_made_to_begin_again() -> None:
    scene = Scene(started=WALL - 100, readiness=READY, startup=START)
    assert scene.look(1).health is Health.HEALTHY
    assert set(scene.asked) == {"ready"}


def test_another_life_begins_anew() -> None:
    scene = Scene(readiness=READY, startup=START)
    assert scene.look(1).health is Health.HEALTHY
    scene.web = replace(scene.web, started_at=WALL + scene.at)
    scene.codes["start"] = 1
    assert scene.look(1).health is Health.STARTING


def test_readiness_takes_the_traffic_and_liveness_the_life() -> None:
    scene = Scene(readiness=READY, liveness=LIVE)
    scene.look(2)
    scene.codes["ready"] = 1
    seen = scene.look(60)
    assert (seen.health, seen.alive) == (Health.UNHEALTHY, Health.HEALTHY)
    assert steps(scene, seen) == []
    scene.codes["live"] = 1
    seen = scene.look(60)
    assert (seen.alive, seen.last_output) == (Health.UNHEALTHY, "said by live")
    assert steps(scene, seen) == ["p-web-1 is not alive, by its liveness probe"]


def test_without_a_liveness_probe_readiness_is_both() -> None:
    scene = Scene(readiness=READY)
    scene.look(2)
    scene.codes["ready"] = 1
    assert steps(scene, scene.look(60)) == ["p-web-1 is unhealthy"]


def test_one_that_serves_and_is_not_alive_restarts() -> None:
    scene = Scene(liveness=LIVE)
    scene.look(2)
    scene.codes["live"] = 1
    seen = scene.look(60)
    assert seen.health is Health.NONE
    assert steps(scene, seen) == ["p-web-1 is not alive, by its liveness probe"]


def test_a_probe_that_is_wanted_no_more_is_asked_no_more() -> None:
    scene = Scene(readiness=READY, liveness=LIVE)
    scene.look(2)
    scene.want = service("web", readiness=READY)
    scene.look(1)
    scene.asked.clear()
    assert scene.look(60).alive is Health.NONE
    assert set(scene.asked) == {"ready"}


def steps(scene: Scene, seen: Replica) -> list[str]:
    """Why it is restarted, where it is."""
    seen = replace(seen, revision=scene.want.revision)
    decision = decide(case(scene.want, seen, now=WALL + scene.at, seen={"since": WALL}))
    assert all(isinstance(step, Restart) for step in decision.steps), decision.steps
    return [decision.message for _ in decision.steps]
