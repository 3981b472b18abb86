"""Limits that follow use, under the loop: written down before anything is done, brought about in place, given back."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from controller.engines.simulated_hands import Hands
from controller.loop import acts
from controller.loop.adjusting import Adjuster
from controller.loop.limits import Limits
from controller.loop.store import Store
from controller.loop.usagebook import UsageBook
from controller.model.adjustment import Adjustment, limit_of
from controller.model.decision import Hold
from controller.model.errors import ControllerError
from controller.model.observed import Replica
from controller.model.resources import Limit as Most
from controller.model.room import Facts, Source
from controller.model.steps import Create, Limit, Outcome, Result, Start, Step
from controller.model.usage import EngineView, Figures, HostUsage, ServiceUsage, Usage
from controller.model.wish import Wish
from tests.component.stage import NOW, Stage, converged, load, service

pytestmark = pytest.mark.unit

MIB = 2**20


def limited(limit: str = "64m", **keys: Any) -> dict[str, Any]:
    return service(mem_limit=limit, cpus=1.0, **keys)


def spec(mode: str = "apply", **more: Any) -> dict[str, Any]:
    limits = {"minMemory": "16m", "maxMemory": "256m"}
    return {
        "resources": {"autoAdjust": {"mode": mode, "cooldown": "60s"}},
        "services": {"web": {"limits": limits}},
        **more,
    }


def stage_of(folder: Path, services: dict[str, Any] | None = None, /, **said: Any) -> Stage:
    made = Stage(folder, load(services or {"web": limited()}, **(said or spec())))
    made.settle(10, until=lambda: converged(made))
    assert converged(made)
    return made


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return stage_of(tmp_path)


def one(stage: Stage) -> Replica:
    (found,) = stage.replicas("web")
    return found


def memory(stage: Stage, service: str = "web") -> list[float]:
    return [(replica.limit.memory or 0) / MIB for replica in stage.replicas(service)]


def kill(stage: Stage, *replicas: Replica) -> None:
    """The kernel does, for want of memory."""

    def act(hands: Hands, now: float) -> None:
        for replica in replicas:
            hands.crash(replica.id, now, 137, oom=True)

    stage.meddle(act)


def messages(stage: Stage, reason: str) -> list[str]:
    return [event.message for event in stage.events if event.reason == reason]


HERE = EngineView(4, 8 * 2**30, True)


class Loop:
    """What an adjuster knows of a controller: its stacks, and that calls are done by the loop."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.adjuster = Adjuster(self)  # type: ignore[arg-type]

    @property
    def stacks(self) -> dict[str, Any]:
        return {"shop": self.stage.reconciler}

    def call(self, function: Any) -> None:
        function(self.stage.clock.now())

    def measure(
        self, seconds: float, mebibytes: float, cores: float = 0.5, every: float = 5.0, engine: EngineView = HERE
    ) -> None:
        """For so long each replica uses that much."""
        for _ in range(int(seconds / every)):
            self.stage.settle(every, step=every / 4)
            figures = Figures(cpu=cores, memory=int(mebibytes * MIB))
            replicas = {replica.name: figures for replica in self.stage.replicas("web")}
            used = {"shop": {"web": ServiceUsage(replicas=replicas)}}
            usage = Usage(self.stage.clock.now(), HostUsage(4), used, engine)
            with closing(UsageBook(self.stage.store.folder, 7 * 86400.0)) as book:
                book.add(usage, {"web": figures}, every)
            self.adjuster.take(usage)
        self.stage.settle(2)


# --- killed for want of memory


def test_one_that_was_killed_has_more_before_it_is_started_again(stage: Stage) -> None:
    before = one(stage)
    kill(stage, before)
    stage.turn()
    (batch,) = stage.bench.waiting
    assert [type(step) for step in batch.steps] == [Limit, Start]
    assert messages(stage, "LimitAdjusted") == ["memory 64Mi → 164Mi: the kernel killed shop-web-1 for want of memory"]
    stage.settle(5)
    assert (one(stage).id, memory(stage), stage.running("web")) == (before.id, [164.0], 1)
    stage.settle(120)
    assert stage.said("LimitAdjusted") == 1 and stage.actions().count(("Limit", "web")) == 1


def test_what_was_written_down_is_done_by_who_comes_after_us(stage: Stage) -> None:
    kill(stage, one(stage))
    stage.turn()
    stage.die()
    stage.begin(load({"web": limited()}, **spec()))
    stage.settle(10)
    assert (memory(stage), stage.running("web")) == ([164.0], 1)
    assert messages(stage, "LimitAdjusted") == ["memory 64Mi → 164Mi: the kernel killed shop-web-1 for want of memory"]
    stage.die()
    stage.begin(load({"web": limited()}, **spec()))
    stage.settle(10)
    assert memory(stage) == [164.0] and stage.said("LimitAdjusted") == 1


def test_of_what_could_not_be_written_down_nothing_is_done(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    kill(stage, one(stage))

    def refuse(*_: object) -> None:
        raise ControllerError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(type(stage.store.adjustments), "record", refuse)
        with pytest.raises(ControllerError):
            stage.turn()
        assert stage.bench.waiting == [] and stage.reconciler.limits.kept == {}
    stage.turn()
    stage.settle(5)
    assert memory(stage) == [164.0] and stage.said("LimitAdjusted") == 1


def test_those_that_are_killed_together_are_given_more_once(tmp_path: Path) -> None:
    stage = stage_of(tmp_path, {"web": limited(scale=3)})
    kill(stage, *stage.replicas("web"))
    stage.settle(10)
    assert memory(stage) == [164.0] * 3 and stage.running("web") == 3
    assert stage.said("LimitAdjusted") == 1


def test_one_that_is_killed_again_has_all_that_its_bounds_allow_and_then_that_is_told(stage: Stage) -> None:
    for _ in range(3):
        kill(stage, one(stage))
        stage.settle(20)
    assert memory(stage) == [256.0]
    assert (stage.said("LimitAdjusted"), stage.said("LimitAtBound")) == (2, 1)
    assert stage.reconciler.limits.said["web"] == "it has all that limits.maxMemory allows: 256Mi"


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(spec("recommend"), id="only recommended"),
        pytest.param({**spec(), "services": {}}, id="without bounds"),
    ],
)
def test_where_limits_are_not_to_follow_more_is_recommended_and_kept_in_mind(tmp_path: Path, said: Any) -> None:
    stage = stage_of(tmp_path, **said)
    kill(stage, one(stage))
    stage.settle(10)
    assert memory(stage) == [64.0] and stage.running("web") == 1 and stage.said("LimitAdjusted") == 0
    assert stage.reconciler.limits.said["web"].startswith("raise its memory limit: 164Mi rather than 64Mi")
    need = stage.store.adjustments.load()["web"].need
    assert need is not None and need.memory == 164 * MIB


@pytest.mark.parametrize("mode", ["apply", "off"])
def test_a_plain_crash_and_one_that_was_killed_by_hand_need_no_more_memory(tmp_path: Path, mode: str) -> None:
    stage = stage_of(tmp_path, **spec(mode))
    web = one(stage).id
    stage.meddle(lambda hands, now: hands.crash(web, now, 1))
    stage.settle(10)
    stage.meddle(lambda hands, now: hands.kill(web, now))
    stage.settle(10)
    assert memory(stage) == [64.0] and stage.store.adjustments.load() == {}


def say_killed(stage: Stage) -> None:
    """The engine says of its present life that the kernel killed something for want of memory."""
    web = one(stage).id

    def mark(hands: Hands, now: float) -> None:
        record = hands._simulation.find(web)
        assert record is not None
        hands._simulation.processes.mark(record, record.phase)
        record.oom_killed = True

    stage.meddle(mark)


def test_a_process_of_it_that_was_killed_while_it_lives_on_counts_once(stage: Stage) -> None:
    before = one(stage)
    say_killed(stage)
    stage.settle(60)
    assert (one(stage).life, memory(stage), stage.said("LimitAdjusted")) == (before.life, [164.0], 1)


def test_one_that_dies_again_before_its_new_limit_is_in_force_needs_no_more_for_that(stage: Stage) -> None:
    """Docker starts it again on its own, or the engine says the same of what was not started yet when it was seen."""
    web = one(stage).id
    kill(stage, one(stage))
    stage.turn()
    (batch,) = stage.bench.waiting
    stage.bench.waiting[:] = [replace(batch, steps=batch.steps[:1])]

    def die_again(hands: Hands, now: float) -> None:
        record = hands._simulation.find(web)
        assert record is not None
        record.started_at = now
        hands._simulation.processes.mark(record, record.phase)

    stage.clock.sleep(0.1)
    stage.meddle(die_again)
    stage.settle(20)
    assert (memory(stage), stage.said("LimitAdjusted"), stage.running("web")) == ([164.0], 1, 1)
    kill(stage, one(stage))
    stage.settle(20)
    assert (memory(stage), stage.said("LimitAdjusted")) == ([256.0], 2), "it was seen under the new one"


def test_an_engine_that_says_so_of_each_later_life_says_nothing_new(stage: Stage) -> None:
    """As 20.10 does; there one that was killed counts, and one that ended by itself does not."""
    web = one(stage).id
    kill(stage, one(stage))
    stage.turn()
    stage.bench.perform()
    say_killed(stage)
    stage.settle(20)
    assert (memory(stage), stage.said("LimitAdjusted")) == ([164.0], 1)
    stage.meddle(lambda hands, now: hands.crash(web, now, 1, oom=True))
    stage.turn()
    stage.bench.perform()
    say_killed(stage)
    stage.settle(20)
    assert (memory(stage), stage.said("LimitAdjusted")) == ([164.0], 1)
    kill(stage, one(stage))
    stage.settle(20)
    assert (memory(stage), stage.said("LimitAdjusted")) == ([256.0], 2)


def test_of_one_that_a_person_paused_nothing_is_changed_until_he_resumes(stage: Stage) -> None:
    stage.follow(stage.wish("pause", "web"))
    kill(stage, one(stage))
    stage.settle(10)
    assert memory(stage) == [64.0] and stage.said("LimitAdjusted") == 0
    stage.follow(stage.wish("resume", "web"))
    stage.settle(10)
    assert (memory(stage), stage.running("web")) == ([164.0], 1)


# --- by what is used


def test_use_moves_the_limit_both_ways_in_place(stage: Stage) -> None:
    loop, before = Loop(stage), one(stage).life
    loop.measure(400, 20)
    assert memory(stage) == [24.0]
    loop.measure(70, 23)
    loop.measure(30, 60)
    assert memory(stage) == [117.0] and one(stage).life == before
    told = messages(stage, "LimitAdjusted")
    assert told[-1] == "memory 32Mi → 117Mi: uses 60Mi, at most 60Mi in 2m59s, 37Mi more than a cool-down ago"
    times = [event.at for event in stage.events if event.reason == "LimitAdjusted"]
    assert all(later - earlier >= 60.0 for earlier, later in pairwise(times))
    assert {type(step).__name__ for step in stage.bench.steps[2:]} == {"Limit"}


def test_what_was_needed_in_the_last_day_or_since_the_start_is_not_taken(stage: Stage) -> None:
    """A start needs more than what comes later: the next one would be killed."""
    loop = Loop(stage)
    loop.measure(20, 40)
    loop.measure(400, 20)
    assert memory(stage) == [48.0]
    for _ in range(4):
        stage.clock.sleep(30_000)
        loop.measure(10, 20)
    loop.measure(400, 20)
    assert memory(stage) == [48.0]
    stage.meddle(lambda hands, now: hands.crash(one(stage).id, now, 1))
    stage.settle(10)
    loop.measure(400, 20)
    assert memory(stage) == [24.0]


def test_of_whose_start_nobody_measured_nothing_is_taken(stage: Stage) -> None:
    loop = Loop(stage)
    stage.clock.sleep(3600)
    loop.measure(400, 20)
    assert memory(stage) == [64.0]
    stage.meddle(lambda hands, now: hands.crash(one(stage).id, now, 1))
    stage.settle(10)
    loop.measure(400, 20)
    assert memory(stage) == [24.0]


def lowered(stage: Stage) -> None:
    Loop(stage).measure(400, 20)
    assert memory(stage) == [24.0]


def test_who_is_killed_under_a_lowered_limit_has_its_own_again_and_that_is_no_fault_of_its_own(stage: Stage) -> None:
    lowered(stage)
    kill(stage, one(stage))
    stage.settle(5)
    assert (memory(stage), stage.running("web")) == ([124.0], 1)
    assert stage.reconciler.world.histories["web"].restarts == {}
    kill(stage, one(stage))
    stage.settle(10)
    assert stage.reconciler.world.histories["web"].restarts != {}, "that was not our limit"


def test_who_has_all_that_its_bounds_allow_is_started_with_growing_pauses_though_its_file_says_more(
    tmp_path: Path,
) -> None:
    stage = stage_of(tmp_path, {"web": limited("512m")})
    Loop(stage).measure(10, 100)
    assert memory(stage) == [256.0], "into its bounds"
    kill(stage, one(stage))
    stage.turn()
    assert stage.reconciler.world.histories["web"].restarts != {}
    assert (stage.store.adjustments.load()["web"].excused, stage.said("LimitAtBound")) == ((), 1)


def test_who_is_killed_again_since_the_engine_refuses_its_limit_waits_as_after_any_crash(stage: Stage) -> None:
    lowered(stage)
    refuse_limits(stage)
    web = one(stage).id
    for _ in range(3):
        kill(stage, one(stage))
        stage.settle(30, until=lambda: stage.running("web") == 1)
    assert memory(stage) == [24.0] and stage.reconciler.world.histories["web"].restarts[web].tries >= 2
    assert len(stage.store.adjustments.load()["web"].excused) == 1


def test_who_is_killed_under_a_lowered_limit_has_its_own_again_though_nothing_follows_use_any_more(
    stage: Stage,
) -> None:
    lowered(stage)
    stage.change({"web": limited()}, **spec("recommend"))
    stage.settle(5)
    assert memory(stage) == [24.0]
    kill(stage, one(stage))
    stage.settle(5)
    assert (memory(stage), stage.running("web")) == ([64.0], 1)


def test_a_release_that_is_killed_under_a_lowered_limit_has_not_failed(stage: Stage) -> None:
    lowered(stage)
    before, said = one(stage).id, spec()
    said["services"]["web"]["update"] = {"monitor": "10s", "failureAction": "rollback"}
    stage.change({"web": limited(environment={"V": "2"})}, **said)

    def there() -> list[Replica]:
        return [found for found in stage.replicas("web") if found.id != before and found.running]

    stage.settle(30, until=lambda: bool(there()))
    kill(stage, *there())
    stage.settle(60)
    assert converged(stage) and memory(stage) == [124.0] and one(stage).id != before
    assert stage.reconciler.world.histories["web"].failed == {}


def test_changes_in_quick_succession_are_no_contest_with_anybody(stage: Stage) -> None:
    loop = Loop(stage)
    for number in range(8):
        loop.measure(65, 58 + 8 * number)
    assert len(messages(stage, "LimitAdjusted")) >= 5 and stage.reconciler.senses.troubles.get("web") is None


@pytest.mark.parametrize("reconcile", [{"drift": "report"}, {"drift": "ignore"}, {"selfHeal": False}])
def test_whatever_becomes_of_drift_and_of_what_fell_over(tmp_path: Path, reconcile: dict[str, Any]) -> None:
    stage = stage_of(tmp_path, **spec(reconcile=reconcile))
    Loop(stage).measure(30, 60)
    assert memory(stage) == [72.0]
    assert not any(condition.type == "Drifted" for condition in stage.statuses[-1].services[0].conditions)


def test_no_limit_is_raised_that_the_machine_has_no_room_for(tmp_path: Path) -> None:
    said = spec()
    said["resources"]["admission"] = "enforce"
    machine = Facts(NOW, Source.HOST, cores=4, memory_total=1024 * MIB, memory_available=67 * MIB)
    stage = Stage(tmp_path, load({"web": limited()}, **said), machine=machine)
    stage.settle(10)
    loop = Loop(stage)
    loop.measure(30, 60)
    short = "needs 8Mi more of memory, 3Mi is free: short 5Mi"
    assert memory(stage) == [64.0] and messages(stage, "LimitHeld") == [f"memory 64Mi → 72Mi waits: {short}"]
    kill(stage, one(stage))
    stage.settle(10)
    assert memory(stage) == [64.0] and "memory 64Mi → 164Mi waits: needs 100Mi" in stage.reconciler.limits.said["web"]
    stage.machine = replace(machine, memory_available=800 * MIB)
    loop.measure(30, 60)
    assert memory(stage) == [164.0], "what it was found to need it has as soon as there is room"


def test_none_is_raised_by_hand_either_that_the_machine_has_no_room_for(tmp_path: Path) -> None:
    said = spec("recommend")
    said["resources"]["admission"] = "enforce"
    machine = Facts(NOW, Source.HOST, cores=4, memory_total=1024 * MIB, memory_available=67 * MIB)
    stage = Stage(tmp_path, load({"web": limited()}, **said), machine=machine)
    stage.settle(10)
    Loop(stage).measure(30, 60)
    with pytest.raises(ControllerError, match="web: no room for memory 64Mi → 72Mi: needs 8Mi more of memory, 3Mi is"):
        stage.wish("resources-apply", "web")
    assert stage.reconciler.world.raised == 0 and memory(stage) == [64.0]


def test_there_are_as_many_cores_as_the_engine_has_wherever_it_is(tmp_path: Path) -> None:
    said = spec()
    said["services"]["web"]["limits"] = {"minCpu": "0.1", "maxCpu": 8}
    stage = stage_of(tmp_path, **said)
    elsewhere = EngineView(2, 8 * 2**30, False)
    Loop(stage).measure(1200, 20, cores=7.9, engine=elsewhere)
    assert 1.9 <= (one(stage).limit.cpu or 0.0) <= 2.0


def set_by_hand(stage: Stage, mebibytes: int) -> None:
    """`docker update`."""
    web = one(stage).id

    def update(hands: Hands, now: float) -> None:
        hands.limit(web, now)
        record = hands._simulation.find(web)
        assert record is not None
        record.base = replace(record.base, limit=record.base.limit._replace(memory=mebibytes * MIB))
        hands._simulation.processes.mark(record, record.phase)

    stage.meddle(update)
    stage.settle(5)


@pytest.mark.parametrize("mebibytes", [96, 64])
def test_what_a_hand_sets_is_drift_and_is_not_taken_for_a_change_of_ours(tmp_path: Path, mebibytes: int) -> None:
    """Also where that is what the Compose file says, or was ours once."""
    stage = stage_of(tmp_path, **spec(reconcile={"drift": "report"}))
    loop = Loop(stage)
    loop.measure(30, 60)
    set_by_hand(stage, mebibytes)
    assert memory(stage) == [float(mebibytes)]
    assert any(condition.type == "Drifted" for condition in stage.statuses[-1].services[0].conditions)
    loop.measure(300, 90)
    assert memory(stage) == [float(mebibytes)] and stage.said("LimitAdjusted") == 1, "nothing is told that is not done"
    kill(stage, one(stage))
    stage.settle(10)
    assert memory(stage) == [float(mebibytes)] and stage.said("LimitAdjusted") == 1


@pytest.mark.parametrize("mode", ["off", "recommend"])
def test_nothing_is_changed_that_is_only_to_be_recommended(tmp_path: Path, mode: str) -> None:
    stage = stage_of(tmp_path, **spec(mode))
    Loop(stage).measure(400, 60)
    assert memory(stage) == [64.0] and stage.store.adjustments.load() == {}


def test_while_another_release_comes_nothing_is_changed_and_it_has_the_same_limit(stage: Stage) -> None:
    loop = Loop(stage)
    loop.measure(30, 60)
    stage.change({"web": limited(environment={"V": "2"})}, **spec())
    stage.turn()
    assert not loop.stage.said("LimitAdjusted") > 1
    stage.settle(30)
    made = [step for step in stage.bench.steps if isinstance(step, Create)]
    assert limit_of(made[-1].template.body) == Most(72 * MIB, 1.0) and memory(stage) == [72.0]
    assert stage.actions().count(("Limit", "web")) == 1


def test_another_limit_in_the_compose_file_holds_as_it_stands(stage: Stage) -> None:
    loop = Loop(stage)
    loop.measure(30, 60)
    stage.change({"web": limited("128m")}, **spec())
    stage.settle(30, until=lambda: memory(stage) == [128.0])
    stage.settle(10)
    assert memory(stage) == [128.0]
    loop.measure(5, 60)
    assert stage.store.adjustments.load()["web"].limit == Most()
    stage.change({"web": limited("64m")}, **spec())
    stage.settle(30)
    assert memory(stage) == [72.0], "what held for that limit is remembered"


def test_a_way_back_over_another_limit_leads_to_what_held_before(stage: Stage) -> None:
    """What the older release was given, as it needed it: with the file's own it would be killed again."""
    loop = Loop(stage)
    loop.measure(30, 60)
    stage.change({"web": limited("96m", environment={"V": "2"})}, **spec())
    stage.settle(30)
    loop.measure(70, 90)
    assert memory(stage) == [144.0]
    stage.follow(stage.wish("rollout-undo"))
    stage.settle(30)
    assert memory(stage) == [72.0]
    assert {pair[0].memory for pair in stage.store.adjustments.load()["web"].former} == {64 * MIB}
    stage.change({"web": limited("96m", environment={"V": "3"})}, **spec())
    stage.settle(30)
    assert memory(stage) == [144.0]
    stage.follow(stage.wish("resources-undo", "web", confirm=True))
    assert stage.store.adjustments.load()["web"].former == ()


def test_without_bounds_it_is_given_back_once_it_uses_less(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    loop, used = Loop(stage), {"web": 70 * MIB}
    monkeypatch.setattr(Limits, "used", lambda self, stack, now: used)
    loop.measure(30, 60)
    stage.change({"web": limited()}, **{**spec(), "services": {}})
    stage.settle(10)
    assert memory(stage) == [72.0], "it uses more than its own"
    used["web"] = 20 * MIB
    loop.measure(5, 20)
    assert memory(stage) == [64.0]
    assert messages(stage, "LimitAdjusted")[-1].startswith("memory 72Mi → 64Mi, as the Compose file says: no bounds")


def test_without_bounds_what_nobody_measures_keeps_what_it_has(stage: Stage) -> None:
    loop = Loop(stage)
    loop.measure(30, 60)
    stage.settle(60)
    stage.change({"web": limited()}, **{**spec(), "services": {}})
    stage.settle(60)
    assert memory(stage) == [72.0] and stage.store.adjustments.load()["web"].limit.memory == 72 * MIB
    loop.measure(5, 20)
    assert memory(stage) == [64.0]


def gone_back(folder: Path) -> Stage:
    """An earlier release runs, lowered; the files have another limit for the present one."""
    stage = stage_of(folder)
    lowered(stage)
    stage.change({"web": limited("128m", environment={"V": "2"})}, **spec())
    stage.settle(30)
    Loop(stage).measure(5, 20)
    stage.follow(stage.wish("rollout-undo"))
    stage.settle(30)
    assert memory(stage) == [24.0]
    return stage


def off() -> dict[str, Any]:
    return {**spec("off"), "services": {}}


def test_what_holds_for_an_earlier_release_that_runs_is_given_back_too(tmp_path: Path) -> None:
    stage = gone_back(tmp_path)
    stage.change({"web": limited("128m", environment={"V": "2"})}, **off())
    stage.settle(10)
    assert memory(stage) == [64.0]
    assert messages(stage, "LimitAdjusted")[-1].startswith("memory 24Mi → 64Mi, as the Compose file says: no bounds")


def test_who_is_killed_under_a_lowered_limit_has_its_own_again_with_mode_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = gone_back(tmp_path)
    monkeypatch.setattr(Limits, "_settle_one", lambda *_: None)
    stage.change({"web": limited("128m", environment={"V": "2"})}, **off())
    stage.settle(5)
    assert memory(stage) == [24.0]
    kill(stage, one(stage))
    stage.settle(5)
    assert (memory(stage), stage.running("web")) == ([64.0], 1)
    told = stage.reconciler.limits.said["web"]
    kill(stage, one(stage))
    stage.settle(20)
    assert memory(stage) == [64.0] and "resources apply" not in stage.reconciler.limits.said["web"] != told


# --- what a person says


def test_undone_it_stays_so_until_a_person_or_the_manifest_says_otherwise(stage: Stage) -> None:
    loop, before = Loop(stage), one(stage).life
    loop.measure(30, 60)
    result = stage.follow(stage.wish("resources-undo", "web"))
    assert result is not None and result.ok and memory(stage) == [64.0] and one(stage).life == before
    assert "memory 72Mi → 64Mi" in result.message and "controller resources resume web" in result.message
    loop.measure(120, 60)
    assert memory(stage) == [64.0]
    stage.follow(stage.wish("resources-resume", "web"))
    loop.measure(10, 60)
    assert memory(stage) == [72.0]
    stage.follow(stage.wish("resources-undo", "web"))
    changed = spec()
    changed["services"]["web"]["limits"]["maxMemory"] = "300m"
    stage.change({"web": limited()}, **changed)
    loop.measure(120, 60)
    assert memory(stage) == [72.0]


def test_undone_the_kernel_may_kill_it_without_another_change(stage: Stage) -> None:
    stage.follow(stage.wish("resources-undo", "web"))
    kill(stage, one(stage))
    stage.settle(10)
    assert (memory(stage), stage.running("web")) == ([64.0], 1)


def test_it_is_not_undone_below_what_it_uses_unless_that_is_confirmed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    Loop(stage).measure(30, 60)
    monkeypatch.setattr(Limits, "used", lambda self, stack, now: {"web": 66 * MIB})
    with pytest.raises(ControllerError, match="uses 66Mi now, and its own memory limit is 64Mi"):
        stage.wish("resources-undo", "web")
    result = stage.follow(stage.wish("resources-undo", "web", confirm=True))
    assert result is not None and result.ok and memory(stage) == [64.0]


def refuse_limits(stage: Stage) -> None:
    perform = stage.engine.perform

    def refuse(project: Any, steps: Sequence[Step], *, deadline: float) -> Sequence[Outcome]:
        if any(isinstance(step, Limit) for step in steps):
            return tuple(Outcome(step, Result.REJECTED, "device or resource busy") for step in steps)
        return perform(project, steps, deadline=deadline)

    stage.engine.perform = refuse  # type: ignore[method-assign]


@pytest.mark.parametrize("verb", ["resources-undo", "release"])
def test_what_nobody_measures_is_not_undone_unless_that_is_confirmed(stage: Stage, verb: str) -> None:
    Loop(stage).measure(30, 60)
    stage.settle(60)
    with pytest.raises(ControllerError, match="what web uses now is not known, and its own memory limit is 64Mi"):
        stage.wish(verb)
    assert memory(stage) == [72.0] and stage.reconciler.limits.kept["web"].held_over is None
    result = stage.follow(stage.wish(verb, confirm=True))
    assert result is not None and result.ok and memory(stage) == [64.0]


def test_what_is_stopped_is_undone_whatever_is_known_of_it(stage: Stage) -> None:
    Loop(stage).measure(30, 60)
    stage.follow(stage.wish("stop", "web"))
    stage.settle(60)
    stage.wish("resources-undo", "web")
    stage.follow(stage.wish("start", "web"))
    assert (memory(stage), stage.running("web")) == ([64.0], 1)


def test_what_the_engine_refuses_is_the_end_of_the_wish_and_of_nothing_else(stage: Stage) -> None:
    Loop(stage).measure(30, 60)
    refuse_limits(stage)
    result = stage.follow(stage.wish("resources-undo", "web"))
    assert result is not None and not result.ok and result.message == "web: device or resource busy"
    kill(stage, one(stage))
    stage.settle(10)
    assert stage.running("web") == 1


def test_a_wish_that_comes_to_nothing_leaves_nothing_behind(stage: Stage) -> None:
    Loop(stage).measure(30, 60)
    before = stage.store.adjustments.load()["web"]
    perform = stage.engine.perform
    refuse_limits(stage)
    follower = stage.wish("resources-undo", "web")
    result = stage.follow(follower)
    assert result is not None and not result.ok
    acts.end(stage.reconciler, follower.wish, ok=result.ok)
    stage.engine.perform = perform  # type: ignore[method-assign]
    stage.settle(400)
    after = stage.store.adjustments.load()["web"]
    assert (after.limit, after.held_over) == (before.limit, None) and memory(stage) == [72.0]


def hold(stage: Stage, services: dict[str, Any], /, **said: Any) -> None:
    loaded = stage.commit(load(services, stage.reconciler.loaded, **said))
    held = replace(loaded, hold=Hold("MassRemovalHeld", "that may be a mistake"))
    stage.reconciler.adopt_generation(held, stage.clock.now())
    stage.settle(10)


def test_while_the_stack_is_held_a_wish_is_refused_and_leaves_nothing_behind(stage: Stage) -> None:
    Loop(stage).measure(30, 60)
    before = stage.store.adjustments.load()["web"]
    hold(stage, {"web": limited()}, **spec())
    follower = stage.wish("resources-undo", "web", confirm=True)
    result = stage.follow(follower, 10)
    assert result is not None and result.outcome == "held"
    acts.end(stage.reconciler, follower.wish, ok=result.ok)
    assert stage.store.adjustments.load()["web"].limit == before.limit


def test_two_wishes_that_come_to_nothing_leave_nothing_behind_either(stage: Stage) -> None:
    Loop(stage).measure(30, 60)
    before = stage.store.adjustments.load()["web"]
    hold(stage, {"web": limited()}, **spec())
    both = [stage.wish("resources-undo", "web", confirm=True) for _ in range(2)]
    results = [stage.follow(follower, 10) for follower in both]
    assert [result is not None and result.outcome for result in results] == ["held", "held"]
    for follower in both:
        acts.end(stage.reconciler, follower.wish, ok=False)
    after = stage.store.adjustments.load()["web"]
    assert (after.limit, after.held_over) == (before.limit, None)


def test_a_wish_that_could_not_be_written_down_is_none_to_lead_back_over(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ControllerError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(type(stage.store.adjustments), "record", refuse)
        with pytest.raises(ControllerError, match="the disk is full"):
            stage.wish("resources-undo", "web")
    Loop(stage).measure(30, 60)
    before = stage.store.adjustments.load()["web"]
    hold(stage, {"web": limited()}, **spec())
    follower = stage.wish("resources-undo", "web", confirm=True)
    result = stage.follow(follower, 10)
    assert result is not None and not result.ok
    acts.end(stage.reconciler, follower.wish, ok=result.ok)
    assert stage.store.adjustments.load()["web"].limit == before.limit


def test_while_the_stack_is_held_nothing_is_forgotten_or_given_back(tmp_path: Path) -> None:
    """What it is held for may be a mistake: its limits are wanted again as soon as that is mended."""
    stage = stage_of(tmp_path, {"web": limited(), "db": service()})
    loop = Loop(stage)
    loop.measure(30, 60)
    hold(stage, {"web": limited()}, **{**spec(), "services": {}})
    loop.measure(10, 20)
    assert stage.store.adjustments.load()["web"].limit.memory == 72 * MIB and memory(stage) == [72.0]
    hold(stage, {"db": service()}, **{**spec(), "services": {}})
    assert stage.store.adjustments.load().keys() == {"web"}
    stage.change({"web": limited(), "db": service()}, **spec())
    stage.settle(30)
    assert memory(stage) == [72.0]


def test_nothing_can_be_taken_of_what_nobody_measured(stage: Stage) -> None:
    with pytest.raises(ControllerError, match="nothing is known of what web uses"):
        stage.wish("resources-apply", "web")


def test_alone_a_wish_about_limits_does_nothing_else(stage: Stage) -> None:
    """Files that were edited meanwhile are another matter."""
    Loop(stage).measure(30, 60)
    stage.die()
    stage.open(load({"web": limited(environment={"V": "2"})}, stage.reconciler.loaded, **spec()))
    wish = Wish("resources-undo", ("web",))
    follower = stage.wish("resources-undo", "web")
    acts.narrow(stage.reconciler, wish)
    before = one(stage).life
    result = stage.follow(follower)
    assert result is not None and result.ok
    assert (one(stage).life, memory(stage)) == (before, [64.0])
    assert {type(step).__name__ for step in stage.bench.steps} == {"Limit"}
    assert stage.store.histories.load()["web"].attempt is None, "nothing was begun of which nothing was done"


def test_what_is_given_back_has_its_own_limits_and_nothing_is_remembered(stage: Stage) -> None:
    Loop(stage).measure(30, 60)
    before = one(stage).life
    follower = stage.wish("release")
    result = stage.follow(follower)
    assert result is not None and result.ok
    acts.end(stage.reconciler, follower.wish)
    assert (one(stage).life, memory(stage), stage.store.adjustments.load()) == (before, [64.0], {})
    stage.settle(10)
    assert memory(stage) == [64.0]


def test_what_is_down_is_given_back_too_and_holds_nothing_up(tmp_path: Path) -> None:
    own = Most(64 * MIB, 1.0)
    Store(tmp_path, lambda: NOW).adjustments.record({"job": Adjustment(own, own._replace(memory=80 * MIB))})
    job = limited(labels={"controller.simulated.job": "true", "controller.simulated.run": "1"}, restart="no")
    needs = {"job": {"condition": "service_completed_successfully", "required": True}}
    said = spec()
    said["services"]["job"] = said["services"]["web"]
    stage = stage_of(tmp_path, {"web": limited(depends_on=needs), "job": job}, **said)
    Loop(stage).measure(30, 60)
    assert stage.phases["job"] == "Completed" and memory(stage, "job") == [80.0]
    stage.follow(stage.wish("stop", "web"))
    follower = stage.wish("release")
    result = stage.follow(follower, 30)
    assert result is not None and result.ok, result
    acts.end(stage.reconciler, follower.wish)
    assert (memory(stage), memory(stage, "job"), stage.running()) == ([64.0], [64.0], 0)
    assert stage.store.adjustments.load() == {}


def test_what_was_gone_back_to_is_given_back_by_what_it_was_made_from(stage: Stage) -> None:
    stage.change({"web": limited("96m", environment={"V": "2"})}, **spec())
    stage.settle(30)
    Loop(stage).measure(30, 92)
    stage.follow(stage.wish("rollout-undo"))
    stage.settle(30)
    assert memory(stage) == [64.0]
    Loop(stage).measure(70, 60)
    assert memory(stage) == [111.0]
    follower = stage.wish("release")
    result = stage.follow(follower, 30)
    assert result is not None and result.ok, result
    acts.end(stage.reconciler, follower.wish)
    assert memory(stage) == [64.0]


def test_what_held_for_an_earlier_release_is_given_back_too(stage: Stage) -> None:
    Loop(stage).measure(30, 60)
    stage.change({"web": limited("128m", environment={"V": "2"})}, **spec())
    stage.settle(30)
    Loop(stage).measure(5, 60)
    stage.follow(stage.wish("rollout-undo"))
    stage.settle(30)
    assert memory(stage) == [72.0]
    follower = stage.wish("release", confirm=True)
    result = stage.follow(follower, 30)
    assert result is not None and result.ok, result
    acts.end(stage.reconciler, follower.wish)
    assert (memory(stage), stage.store.adjustments.load()) == ([64.0], {})


def test_what_was_gone_back_to_is_not_given_back_below_what_it_uses(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest files have more for it than what it was made from."""
    Loop(stage).measure(30, 60)
    stage.change({"web": limited("256m", environment={"V": "2"})}, **spec())
    stage.settle(30)
    stage.follow(stage.wish("rollout-undo"))
    stage.settle(30)
    assert memory(stage) == [72.0]
    monkeypatch.setattr(Limits, "used", lambda self, stack, now: {"web": 70 * MIB})
    with pytest.raises(ControllerError, match="web uses 70Mi now, and its own memory limit is 64Mi"):
        stage.wish("release")
    stage.reconciler.world.known = {}
    with pytest.raises(ControllerError, match="what shop-web-1 was made from is not known any more"):
        stage.wish("release")
    assert memory(stage) == [72.0]


def test_what_the_engine_did_not_give_back_is_not_forgotten(stage: Stage) -> None:
    Loop(stage).measure(30, 60)
    refuse_limits(stage)
    follower = stage.wish("release", timeout=5.0)
    result = stage.follow(follower)
    assert result is not None and not result.ok
    acts.end(stage.reconciler, follower.wish)
    assert memory(stage) == [72.0] and stage.store.adjustments.load()["web"].limit.memory == 72 * MIB


def test_a_service_that_is_gone_is_forgotten(stage: Stage) -> None:
    Loop(stage).measure(30, 60)
    stage.reconciler.adopt_generation(stage.commit(load({"db": service()})), stage.clock.now())
    stage.settle(10)
    assert stage.store.adjustments.load() == {}
