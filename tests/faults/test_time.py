"""The clock is set, and a lock is left behind: nobody is restarted for it, and nobody waits for a day."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from controller.loop.lock import Holder, Lock, read_holder, try_lock
from tests.component.stage import SHOP, Stage, load, service

pytestmark = pytest.mark.unit

DAY = 86_400.0
JUMPS = {"a day on": DAY, "a day back": -DAY, "summer time": 3600.0, "winter time": -3600.0, "a step of NTP": -0.5}


def jump(stage: Stage, seconds: float) -> None:
    """The clock of this machine, hence the engine's too, is set."""
    stage.clock._now += seconds


@pytest.mark.fault("S3")
@pytest.mark.parametrize("case", JUMPS)
def test_who_is_ready_is_left_alone_when_the_clock_is_set(case: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(SHOP))
    stage.settle()
    before, done = [replica.life for replica in stage.replicas()], len(stage.actions())
    jump(stage, JUMPS[case])
    stage.turn()
    stage.settle(300, step=1.0)
    assert stage.phases == {"db": "Ready", "web": "Ready"}
    assert len(stage.actions()) == done
    assert [replica.life for replica in stage.replicas()] == before


CRASHING = {"web": service(labels={"controller.simulated.crash-after": "0.5"})}


@pytest.mark.fault("S3")
@pytest.mark.parametrize("case", JUMPS)
def test_the_next_try_comes_in_its_time_when_the_clock_is_set(case: str, tmp_path: Path) -> None:
    """In the middle of a crash loop: not at once again and again, and not after a day."""
    stage = Stage(tmp_path, load(CRASHING))
    stage.settle(100, step=1.0)
    done = len(stage.actions())
    jump(stage, JUMPS[case])
    stage.turn()
    stage.settle(700, step=1.0)
    tries = len([action for action, _ in stage.actions()[done:] if action in ("Start", "Restart")])
    assert 1 <= tries <= 8, stage.actions()[done:]


NEVER_READY = {"web": service(labels={"controller.simulated.becomes-ready": "false"})}


@pytest.mark.fault("S3")
@pytest.mark.parametrize("case", JUMPS)
def test_who_never_gets_ready_is_restarted_in_its_time_when_the_clock_is_set(case: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(NEVER_READY))
    stage.settle(30, step=1.0)
    done = len(stage.actions())
    jump(stage, JUMPS[case])
    stage.turn()
    stage.settle(300, step=1.0)
    assert 1 <= len([action for action, _ in stage.actions()[done:] if action == "Restart"]) <= 3


@pytest.mark.fault("S3")
@pytest.mark.parametrize("case", JUMPS)
@pytest.mark.parametrize("replaced", [1, 2])
def test_an_update_goes_on_when_the_clock_is_set_in_its_middle(case: str, replaced: int, tmp_path: Path) -> None:
    """While a replaced one is watched. (A start under way is not simulated: its progress is the engine's to know.)"""
    wide = {"web": service(scale=3)}
    stage = Stage(tmp_path, load(wide))
    stage.settle()
    stage.change({"web": service(scale=3, environment={"V": "2"})})
    wanted = stage.reconciler.loaded.desired.services["web"].revision

    def watched() -> bool:
        replicas = stage.reconciler.world.views["web"].replicas
        fresh = [replica.health == "healthy" for replica in replicas if replica.revision == wanted]
        return fresh == [True] * replaced and len(replicas) == 3

    stage.settle(until=watched)
    assert watched()
    jump(stage, JUMPS[case])
    stage.turn()
    stage.settle(600, step=1.0, until=lambda: stage.statuses[-1].phase == "Converged")
    assert stage.statuses[-1].phase == "Converged"
    assert stage.running("web") == 3 and len(stage.replicas("web")) == 3
    views = stage.reconciler.world.views["web"].replicas
    assert {replica.revision for replica in views} == {wanted}


LEFT_BEHIND = {
    "of a process that is gone": 2**22 - 1,
    "of a number that another process has now": os.getppid(),
    "of this very process' number": os.getpid(),
}


@pytest.mark.fault("S4")
@pytest.mark.parametrize("case", LEFT_BEHIND)
def test_a_lock_file_that_was_left_behind_holds_nobody_up(case: str, tmp_path: Path) -> None:
    """After a power cut the file is there, the kernel's lock is not: what is written in it proves nothing."""
    path = tmp_path / "controller.lock"
    left = Holder("root", os.getuid(), LEFT_BEHIND[case], 1.0, "/state/of/another")
    path.write_text(json.dumps({name: getattr(left, name) for name in Holder.__slots__}))
    assert read_holder(path) is None
    taken = try_lock(path, tmp_path, lambda: 42.0)
    assert isinstance(taken, Lock)
    holder = read_holder(path)
    assert holder is not None and holder.pid == os.getpid() and holder.state == str(tmp_path)
    taken.release()
