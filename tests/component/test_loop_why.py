"""`why`, for each kind of root cause, of a stack under the loop: the chain, what shows it, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from controller.render.why import Cause, find_cause, why_data, with_change
from tests.component.releases import shop
from tests.component.stage import SHOP, Stage, converged, load, service

pytestmark = pytest.mark.unit


def ask(stage: Stage, name: str = "web") -> Cause:
    cause = find_cause(stage.statuses[-1], name, stage.clock.now(), stage.events)
    return with_change(cause, stage.store.stack.generations())


def scripted(**marks: Any) -> dict[str, Any]:
    labels = {f"controller.simulated.{key.replace('_', '-')}": str(value) for key, value in marks.items()}
    return {"db": service(labels=labels), "web": service("db"), "edge": service("web")}


def test_a_dependency_and_its_exit_code(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(scripted(crash_after=0.5, exit_code=127)))
    stage.settle(30)
    cause = ask(stage, "edge")
    assert [item.name for item in cause.chain] == ["edge", "web", "db"]
    assert why_data(cause)["exitCode"] == 127 and any("exited (127)" in line for line in cause.evidence)
    assert cause.advice[0].startswith("exit code 127") and "controller logs db" in cause.advice


def test_a_probe_that_never_passes(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(scripted(becomes_ready="false")))
    stage.settle(100)
    first = ask(stage)
    assert [item.name for item in first.chain] == ["web", "db"]
    stage.settle(300)
    later = ask(stage)
    assert (first.root.phase, later.root.phase) == ("Starting", "CrashLoopBackOff")
    assert any("not ready 120 s after its start" in line for line in later.evidence)
    for cause in (first, later):
        assert cause.advice[0].startswith("see in its last output why its check does not pass")
        assert "controller logs db" in cause.advice


def test_a_check_that_begins_to_fail(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(SHOP, reconcile={"selfHeal": False}))
    stage.settle(30)
    (db,) = stage.replicas("db")
    stage.meddle(lambda hands, now: hands.sicken(db.id, now))
    stage.settle(10)
    cause = ask(stage, "db")
    assert "shop-db-1 fails its health check" in cause.evidence
    assert cause.advice[0].startswith("see in its last output why its check does not pass")


@pytest.mark.parametrize("ended", [1, 2], ids=["and runs again", "and waits for its next try"])
def test_out_of_memory(tmp_path: Path, ended: int) -> None:
    stage = Stage(tmp_path, load({"db": service()}))
    stage.settle(5)
    for _ in range(ended):
        (db,) = stage.replicas("db")
        stage.meddle(lambda hands, now, id_=db.id: hands.crash(id_, now, 137, oom=True))
        stage.settle(0.5)
    cause = ask(stage, "db")
    assert why_data(cause)["oomKilled"] is True and why_data(cause)["exitCode"] == 137
    assert cause.advice[0].startswith("raise its memory limit")
    assert any("out of memory" in line for line in cause.evidence)


def test_the_change_before_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(shop(1)))
    stage.settle()
    stage.change(shop(2, labels={"controller.simulated.crash-after": "0.2", "controller.simulated.exit-code": "127"}))
    stage.settle(30)
    cause = ask(stage)
    assert cause.root.reason == "RolledBack" and cause.change is not None and cause.change.number == 2
    assert cause.evidence[-1].startswith("web was changed ") and "in revision 2" in cause.evidence[-1]
    assert cause.advice[0].startswith("exit code 127"), "also of what is gone"
    assert cause.advice[-1] == "controller rollout history web --revision 2 --diff, for what was changed"


def test_what_to_do_where_nothing_heals_by_itself_does_help(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(SHOP, reconcile={"selfHeal": False}))
    stage.settle(30)
    (db,) = stage.replicas("db")
    stage.meddle(lambda hands, now: hands.kill(db.id, now))
    stage.settle(10)
    assert any("controller rollout restart db" in line for line in ask(stage, "db").advice)
    stage.follow(stage.wish("rollout-restart", "db"), 120)
    stage.settle(30)
    assert converged(stage) and stage.running("db") == 1


def test_the_failure_of_another_takes_it_back(tmp_path: Path) -> None:
    whole = {"services": {name: {"update": {"scope": "stack"}} for name in ("db", "web")}}
    stage = Stage(tmp_path, load(shop(1), **whole))
    stage.settle()
    newer = shop(2, labels={"controller.simulated.crash-after": "0.2", "controller.simulated.exit-code": "127"})
    again = load({**newer, "db": service(image="db:2")}, stage.reconciler.loaded, **whole)
    stage.reconciler.adopt_generation(stage.commit(again), stage.clock.now())
    stage.settle(120)
    assert stage.phases == {"db": "Degraded", "web": "Degraded"}
    cause = ask(stage, "db")
    assert [item.name for item in cause.chain] == ["db", "web"] and cause.advice[0].startswith("exit code 127")
    assert "controller retry web, to try the same again" in cause.advice


def test_what_docker_restarts_over_and_over_is_no_ordinary_start(tmp_path: Path) -> None:
    marks = {"controller.simulated.ready": "5"}
    stage = Stage(tmp_path, load({"db": service(restart="always", labels=marks)}))
    stage.settle(30)
    for _ in range(3):
        (db,) = stage.replicas("db")
        stage.meddle(lambda hands, now, id_=db.id: hands.crash(id_, now))
        stage.settle(3)
    assert stage.phases == {"db": "CrashLoopBackOff"} and stage.replicas("db")[0].restarts == 3
    assert ask(stage, "db").advice[0] == "it falls over: controller logs db, for what it said before each end"


def test_of_what_a_person_stopped_and_starts_again_nothing_is_said_to_have_ended_by_itself(tmp_path: Path) -> None:
    services = {"db": service(), "web": service()}
    stage = Stage(tmp_path, load(services, startup={"maxParallel": 1}))
    stage.settle(30)
    for verb in ("stop", "start"):
        stage.wish(verb, "db", "web")
        stage.settle(30 if verb == "stop" else 0.5)
    waiting = next(name for name, decision in stage.reconciler.world.decisions.items() if decision.denied)
    assert ask(stage, waiting).advice == ("nothing: it starts once others have",)
