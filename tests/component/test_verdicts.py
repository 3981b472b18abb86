"""What probes make of a replica: begun, ready, alive; each asked in its time and for its own consequence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.decide.service import decide
from controller.engines.base import Execution
from controller.health.prober import Clocks, Prober
from controller.loop.verdicts import Verdicts
from controller.model.desired import DesiredService, Direct, Probe, ProbeKind
from controller.model.names import Revision
from controller.model.observed import Health, Replica, ReplicaPhase, ServiceView
from controller.model.steps import Restart
from tests.builders import service
from tests.component.probing import WALL, replica
from tests.unit.decide.cases import case

pytestmark = pytest.mark.unit


def probe(word: str) -> Probe:
    return Probe(ProbeKind.EXEC, (word,), interval=10.0, timeout=2.0, retries=2)


READY, LIVE = probe("ready"), probe("live")
START = replace(probe("start"), start_period=30.0)


class Scene:
    """One service, a clock that is moved by hand, and answers by the probe's word."""

    def __init__(self, started: float = WALL, **probes: Probe) -> None:
        self.at = 0.0
        self.codes = {"ready": 0, "live": 0, "start": 0}
        self.asked: list[str] = []
        self.known: dict[tuple[str, Revision], DesiredService] = {}
        self.want: DesiredService = service("web", **probes)
        self.web = replica(health=Health.NONE, started_at=started, revision=self.want.revision)
        self.begin()

    def begin(self) -> None:
        """As a controller that has just been started."""
        self.since = WALL + self.at
        clocks = Clocks(now=lambda: WALL + self.at, steady=lambda: self.at)
        self.prober = Prober(self, lambda *_: None, clocks, workers=0)  # type: ignore[arg-type]
        self.verdicts = Verdicts(self.prober, lambda: self.known)

    def execute(self, _: str, command: tuple[str, ...], *, timeout: float) -> Execution:
        self.asked.append(command[0])
        return Execution(self.codes[command[0]], f"said by {command[0]}")

    def look(self, seconds: float = 0.0) -> Replica:
        """Let time pass, with a look each second, as the loop has it."""
        ends_at = self.at + seconds
        while True:
            self.see()
            while (due := self.prober.next_due()) is not None and due <= min(self.at, ends_at):
                assert self.prober.run_due()
            seen = self.see()
            if self.at >= ends_at:
                return seen
            self.at += 1.0

    def see(self, *, complete: bool = True) -> Replica:
        view = ServiceView((self.web,), WALL + self.at, self.since, complete)
        (seen,) = self.verdicts.add(view, self.want, "s")
        return seen


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


def test_what_is_old_when_we_first_see_it_is_not_made_to_begin_again() -> None:
    scene = Scene(started=WALL - 100, readiness=READY, startup=START, start_timeout=60.0)
    seen = scene.look(1)
    assert (seen.health, set(scene.asked)) == (Health.HEALTHY, {"ready"})


def test_what_is_still_starting_when_we_first_see_it_has_to_begin() -> None:
    scene = Scene(started=WALL - 20, readiness=READY, startup=START, start_timeout=60.0)
    scene.codes |= {"start": 1, "ready": 1}
    seen = scene.look(5)
    assert (seen.health, seen.last_output) == (Health.STARTING, "said by start")


def test_one_of_an_earlier_release_has_the_time_to_begin_that_its_service_has_now() -> None:
    scene = Scene(started=WALL - 100, readiness=READY, startup=START, start_timeout=60.0)
    before, scene.want = scene.want, replace(scene.want, revision=Revision("new"), start_timeout=300.0)
    scene.known = {("web", before.revision): before}
    scene.look(5)
    assert "start" in scene.asked


def test_who_serves_already_is_not_doubted_when_a_startup_probe_comes() -> None:
    scene = Scene(readiness=READY)
    scene.look(5)
    scene.want = service("web", readiness=READY, startup=START)
    scene.codes["start"] = 1
    scene.asked.clear()
    assert (scene.look(30).health, set(scene.asked)) == (Health.HEALTHY, {"ready"})


def test_nor_where_nothing_else_is_asked() -> None:
    scene = Scene(started=WALL - 5)
    scene.look(5)
    scene.want = service("web", startup=START)
    scene.codes["start"] = 1
    seen = scene.look(60)
    assert (seen.health, seen.ready_since, scene.asked) == (Health.HEALTHY, WALL - 4, [])


def test_after_a_restart_of_ours_who_serves_has_begun_whatever_its_startup_probe_says_by_now() -> None:
    scene = Scene(readiness=READY, startup=START, start_timeout=300.0)
    scene.look(10)
    scene.begin()
    scene.codes["start"] = 1
    assert scene.look(2).health is Health.HEALTHY
    scene.asked.clear()
    scene.look(30)
    assert set(scene.asked) == {"ready"}


def test_it_is_ready_since_it_has_begun_at_the_earliest() -> None:
    scene = Scene(startup=START)
    scene.web = replace(scene.web, check=READY, health=Health.HEALTHY)
    scene.codes["start"] = 1
    scene.look(20)
    scene.codes["start"] = 0
    seen = scene.look(5)
    assert (seen.health, seen.ready_since) == (Health.HEALTHY, WALL + 21), "not since its start, as Docker has it"


def test_who_has_begun_is_ready_where_nothing_else_is_asked() -> None:
    scene = Scene(startup=START)
    scene.codes["start"] = 1
    scene.look(20)
    assert scene.see().ready_since is None
    scene.codes["start"] = 0
    seen = scene.look(5)
    assert (seen.health, seen.ready_since) == (Health.HEALTHY, WALL + 21)


def test_a_pause_takes_back_nothing_and_nobody_is_asked_in_it() -> None:
    scene = Scene(readiness=READY, liveness=LIVE, startup=START)
    scene.look(5)
    scene.web = replace(scene.web, phase=ReplicaPhase.PAUSED)
    scene.look(1)
    scene.asked.clear()
    scene.codes = dict.fromkeys(scene.codes, 1)
    seen = scene.look(120)
    assert (seen.health, scene.asked) == (Health.NONE, [])
    scene.codes = dict.fromkeys(scene.codes, 0)
    scene.web = replace(scene.web, phase=ReplicaPhase.RUNNING)
    seen = scene.see()
    assert (seen.health, seen.alive) == (Health.HEALTHY, Health.HEALTHY), "before anybody was asked anew"
    scene.look(1)
    assert set(scene.asked) == {"ready", "live"}


def test_half_a_look_takes_back_nothing() -> None:
    scene = Scene(readiness=READY, startup=START)
    scene.look(5)
    whole, scene.web = scene.web, replace(scene.web, started_at=None)
    scene.see(complete=False)
    scene.web = whole
    assert scene.see().health is Health.HEALTHY
    scene.asked.clear()
    scene.look(30)
    assert set(scene.asked) == {"ready"}


def test_each_is_asked_by_the_probes_of_its_own_release() -> None:
    """Or who serves would lose its traffic the moment that another port is asked for in the next release."""
    scene = Scene(readiness=READY)
    scene.look(5)
    scene.known = {("web", scene.want.revision): scene.want}
    scene.want = service("web", revision="next", readiness=probe("other"))
    scene.codes["other"] = 1
    scene.asked.clear()
    assert (scene.look(60).health, set(scene.asked)) == (Health.HEALTHY, {"ready"})
    scene.web = replace(scene.web, revision=scene.want.revision)
    assert (scene.look(60).health, set(scene.asked)) == (Health.UNHEALTHY, {"ready", "other"})


def test_one_that_keeps_its_own_ports_is_asked_as_its_release_behind_the_ingress() -> None:
    scene = Scene(readiness=READY)
    direct = Direct(scene.want.revision, scene.want.template, stays=True)
    first = replace(scene.want, revision=Revision("behind-1"), direct=direct)
    scene.want = first
    scene.look(5)
    assert set(scene.asked) == {"ready"}
    scene.known = {("web", first.revision): first}
    direct = replace(direct, revision=Revision("direct-2"))
    scene.want = replace(first, revision=Revision("behind-2"), direct=direct, readiness=probe("other"))
    scene.asked.clear()
    scene.look(30)
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
    scene.codes["ready"] = 0
    seen = scene.look(60)
    assert (seen.alive, seen.last_output) == (Health.UNHEALTHY, "said by live")
    assert (seen.health, seen.ready_since) == (Health.UNHEALTHY, None), "whatever its readiness says"
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
    assert seen.health is Health.UNHEALTHY
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
