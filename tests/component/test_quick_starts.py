"""What each switch of `optimization` makes different, under the loop's own reconciler on the simulated engine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from controller.engines.base import EngineInfo
from controller.loop.controller import Controller, Ways
from controller.loop.ground import Ground
from controller.loop.tools import Tools
from controller.model.steps import Create, Pull, Start
from controller.model.timings import Sample, Span
from controller.resources.parallelism import Machine
from controller.resources.pressure import Pressure
from controller.resources.starts import Starts
from tests.component.house import House
from tests.component.stage import Stage, load, service

pytestmark = pytest.mark.unit

ON: dict[str, bool] = {}
SWITCHES = ("adaptiveParallelism", "longestPathFirst", "earlyPulls", "learnedTimeouts")


def off(switch: str) -> dict[str, Any]:
    return {"optimization": {switch: False}}


class Squeezed(Stage):
    """On a machine that is as the test says."""

    squeeze = Machine(2, memory_left=0.01)

    def _tools(self) -> Tools:
        return replace(super()._tools(), starts=Starts(lambda: self.squeeze, self.clock.now))


def starts(stage: Stage) -> list[str]:
    """Who is being started."""
    return [step.service for batch in stage.bench.waiting for step in batch.steps if isinstance(step, Start)]


def pulls(stage: Stage) -> list[str]:
    return [step.service for batch in stage.bench.waiting for step in batch.steps if isinstance(step, Pull)]


THREE = {name: service() for name in ("a", "b", "c")}


def brought_up(stage: Stage) -> Stage:
    """Until all that is created wants to start."""
    stage.bench.perform()
    stage.turn()
    return stage


def test_where_memory_is_short_one_service_starts_at_a_time_and_that_is_told_once(tmp_path: Path) -> None:
    stage = brought_up(Squeezed(tmp_path, load(THREE)))
    assert starts(stage) == ["a"]
    assert stage.phases == {"a": "Starting", "b": "Pending", "c": "Pending"}
    stage.settle(30)
    assert set(stage.phases.values()) == {"Ready"}
    (told,) = [event.message for event in stage.events if event.reason == "StartsSlowed"]
    assert told == "starts 1 at a time, of at most 1 services until they are ready: 1% of the memory is free"


def test_once_there_is_room_again_the_others_start_by_themselves(tmp_path: Path) -> None:
    slow = {name: service(labels={"controller.simulated.ready": "3600"}) for name in THREE}
    stage = Squeezed(tmp_path, load(slow))
    stage.settle(10)
    assert sum(isinstance(step, Start) for step in stage.bench.steps) == 1
    stage.squeeze = Machine(2, memory_left=0.9)
    stage.settle(5)
    assert sum(isinstance(step, Start) for step in stage.bench.steps) == 3


def test_a_busy_processor_or_disk_holds_up_no_service(tmp_path: Path) -> None:
    stage = Squeezed(tmp_path, load(THREE))
    stage.squeeze = Machine(2, Pressure(cpu=1.0, io=1.0))
    stage.clock.sleep(1.5)  # a reading holds for a second
    assert starts(brought_up(stage)) == ["a", "b", "c"]


def test_switched_off_the_machine_is_not_asked(tmp_path: Path) -> None:
    stage = brought_up(Squeezed(tmp_path, load(THREE, **off("adaptiveParallelism"))))
    assert starts(stage) == ["a", "b", "c"] and not any(batch.adapts for batch in stage.bench.waiting)
    assert stage.said("StartsSlowed") == 0


def test_starts_go_by_the_engines_machine_as_soon_as_it_has_said_what_that_is(house: House) -> None:
    told: list[EngineInfo] = []
    ways = Ways(house.engine, time.time, house.ear, told=lambda: told[-1] if told else None)
    controller = Controller(ways)
    told.append(EngineInfo("x", "x", "1", "1", "x", cores=500, shares_host=False))
    starts_ = controller.tools.starts
    assert starts_ is not None and (starts_.at_once(), starts_.slots(), starts_.tell()) == (501, None, "")
    controller.close()


def test_an_engine_elsewhere_is_not_judged_by_this_machine(tmp_path: Path) -> None:
    assert starts(brought_up(Stage(tmp_path, load(THREE)))) == ["a", "b", "c"]


CHAINS = {"a": service(), "b": service(), "leaf": service("b")}


@pytest.mark.parametrize(("spec", "first"), [(ON, "b"), (off("longestPathFirst"), "a")], ids=["on", "off"])
def test_what_most_wait_for_is_made_and_started_first(tmp_path: Path, spec: dict[str, Any], first: str) -> None:
    stage = Stage(tmp_path, load(CHAINS, **{"startup": {"maxParallel": 1}, **spec}))
    assert next(b.service for b in sorted(stage.bench.waiting, key=lambda b: -b.rank)) == first
    assert stage.bench.waiting[0].service == first
    assert starts(brought_up(stage)) == [first]


def test_learned_times_decide_what_takes_longest(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load({"quick": service(), "slow": service()}))
    for _ in range(2):
        for name, seconds in (("quick", 1.0), ("slow", 30.0)):
            stage.store.timings.add(name, Span.READY, Sample(seconds))
    stage.die()
    stage.begin(load({"quick": service(), "slow": service()}))
    assert [batch.service for batch in stage.bench.waiting] == ["slow", "quick"]


SHOP = {"db": service(image="db:1"), "web": service("db", image="web:1")}


def shop(tmp_path: Path, spec: dict[str, Any], missing: frozenset[str], services: dict[str, Any] = SHOP) -> Stage:
    stage = Stage(tmp_path, load(services, **spec))
    stage._simulated._missing = missing
    stage.bench.waiting.clear()
    stage.reconciler.world.busy.clear()
    stage.turn()
    return stage


@pytest.mark.parametrize(("spec", "first"), [(ON, ["db", "web"]), (off("earlyPulls"), ["db"])], ids=["on", "off"])
def test_images_of_who_still_waits_are_fetched_ahead_of_need(
    tmp_path: Path, spec: dict[str, Any], first: list[str]
) -> None:
    stage = shop(tmp_path, spec, frozenset({"db:1", "web:1"}))
    assert sorted(pulls(stage)) == first
    stage.settle(60)
    assert set(stage.phases.values()) == {"Ready"}
    done = [type(step) for step in stage.bench.steps if step.service == "web"]
    assert done == [Pull, Create, Start]


@pytest.mark.parametrize(("spec", "early"), [(ON, True), (off("earlyPulls"), False)], ids=["on", "off"])
def test_the_image_of_an_update_is_fetched_before_its_gate_opens(
    tmp_path: Path, spec: dict[str, Any], early: bool
) -> None:
    stage = Stage(tmp_path, load(SHOP, **spec))
    stage.settle(20)
    stage._simulated._missing = frozenset({"db:2", "web:2"})
    stage.change({"db": service(image="db:2"), "web": service("db", image="web:2")}, **spec)
    stage.turn()
    assert sorted(pulls(stage)) == (["db", "web"] if early else ["db"])
    stage.settle(60)
    assert {replica.image for replica in stage.replicas()} == {"db:2", "web:2"}


@pytest.mark.parametrize(("spec", "given"), [(ON, 60.0), (off("learnedTimeouts"), 30.0)], ids=["on", "off"])
def test_who_turns_out_to_need_longer_is_given_longer_from_then_on(
    tmp_path: Path, spec: dict[str, Any], given: float
) -> None:
    """Twice 25 s: p99 is taken to be 25 s × 3.07, and what the manifest says is at most doubled."""
    slow = {"web": service(labels={"controller.simulated.ready": "25"})}
    stage = Stage(tmp_path, load(slow, **{"startup": {"timeout": "30s"}, **spec}))
    stage.settle(40, step=0.125)
    stage.meddle(lambda hands, now: hands.kill(stage.replicas("web")[0].id, now))
    stage.settle(40, step=0.125)
    assert stage.reconciler.world.desired.services["web"].start_timeout == pytest.approx(given, abs=1.0)
    assert stage.said("TimeoutLearned") == (1 if given > 30.0 else 0)
    assert stage.reconciler.loaded.desired.digest == stage.reconciler.world.desired.digest


def own_times(stage: Stage, name: str) -> list[float]:
    samples = stage.reconciler.chronicle.timings.samples
    return [round(one.seconds) for one in samples.get((name, Span.OWN), ())]


def test_a_start_that_waited_for_a_sick_dependency_teaches_no_patience(tmp_path: Path) -> None:
    """`web` is ready only when `db` is: whatever that takes is not its own time."""
    web = service(labels={"controller.simulated.ready": "50"}, depends_on={"db": {"condition": "service_started"}})
    stage = Stage(tmp_path, load({"db": service(labels={"controller.simulated.ready": "45"}), "web": web}))
    stage.settle(60)
    timings = stage.reconciler.chronicle.timings
    assert set(stage.phases.values()) == {"Ready"} and len(timings.samples["web", Span.READY]) == 1
    assert (own_times(stage, "db"), own_times(stage, "web")) == ([45], [])
    stage.meddle(lambda hands, now: hands.kill(stage.replicas("web")[0].id, now))
    stage.settle(60)
    assert own_times(stage, "web") == [50]


@pytest.fixture
def slow_house(house: House) -> Iterator[House]:
    """Its `db` took 10 s to be ready at each of twenty starts."""
    text = (
        "name: NAME\nservices: {db: {image: busybox, healthcheck: {test: [CMD, 'true'], interval: 2s, retries: 3}}}\n"
    )
    house.write("shop", text, ", startup: {timeout: 5s}")
    ground = Ground(house.engine, house.asked("shop"))
    for _ in range(20):
        ground.store("shop").timings.add("db", Span.OWN, Sample(10.0))
    ground.close()
    yield house


def test_what_was_learned_before_is_heeded_and_told_when_the_files_are_read(slow_house: House) -> None:
    ground = Ground(slow_house.engine, slow_house.asked("shop"))
    ((_, loaded),), _ = ground.load_all(ground.targets())
    assert loaded.desired.services["db"].start_timeout == 10.0
    told = [(str(one.file).rpartition("/")[2], one.line, one.path, one.hint) for one in loaded.warnings]
    assert told == [
        ("shop.yaml", 4, "spec.startup.timeout", "set startTimeout: 13s for it"),
        ("compose.yaml", 2, "services.db.healthcheck", "give the health check start_period: 7s"),
    ]
    ground.close()


def test_switched_off_nothing_is_heeded_or_told_and_the_generation_is_the_same(slow_house: House) -> None:
    ground = Ground(slow_house.engine, slow_house.asked("shop"))
    ((_, on),), _ = ground.load_all(ground.targets())
    manifest = slow_house.folder / "shop.yaml"
    manifest.write_text(
        manifest.read_text().replace("{timeout: 5s}", "{timeout: 5s}, optimization: {learnedTimeouts: false}")
    )
    ((_, off_),), _ = ground.load_all(ground.targets())
    assert off_.desired.services["db"].start_timeout == 5.0 and off_.warnings == ()
    assert [one.revision for one in on.desired.services.values()] == [
        one.revision for one in off_.desired.services.values()
    ]
    ground.close()
