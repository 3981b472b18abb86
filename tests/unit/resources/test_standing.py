"""What is asked now and then: of the engine, and where the disk is that counts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from controller.engines.base import EngineInfo
from controller.model.errors import Transient
from controller.model.usage import EngineView
from controller.resources import standing
from controller.resources.standing import Standing

pytestmark = pytest.mark.unit


@dataclass
class Told:
    """An engine that says this of itself; None: it does not answer."""

    info_now: EngineInfo | None
    asked: int = 0
    before: Callable[[], object] = lambda: None

    def info(self, *, deadline: float) -> EngineInfo:
        self.asked += 1
        self.before()
        if self.info_now is None:
            raise Transient("away")
        return self.info_now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(standing.time, "monotonic", lambda: now[0])
    return now


def info(memory: int, data_root: str = "") -> EngineInfo:
    return EngineInfo("x", "x", "1", "1", "x", data_root=data_root, cores=2, memory_total=memory, shares_host=True)


def test_an_engine_is_asked_seldom_and_one_that_was_away_soon_again(clock: list[float]) -> None:
    engine = Told(None)
    made = Standing(engine, "/state")  # type: ignore[arg-type]
    made.renew()
    assert (made.said.view, made.said.disk_path) == (EngineView(), "/state")
    engine.info_now = info(100, "/data")
    clock[0] += 29
    made.renew()
    assert (made.said.view, engine.asked) == (EngineView(), 1)
    clock[0] += 1
    made.renew()
    assert (made.said.view, made.said.disk_path, engine.asked) == (EngineView(2, 100, True), "/data", 2)
    clock[0] += 599
    made.renew()
    assert engine.asked == 2


def test_what_it_said_last_holds_while_it_is_away(clock: list[float]) -> None:
    engine = Told(info(100, "/data"))
    made = Standing(engine, "/state")  # type: ignore[arg-type]
    made.renew()
    engine.info_now, clock[0] = None, clock[0] + 600
    made.renew()
    assert (made.said.view, made.said.disk_path) == (EngineView(2, 100, True), "/data")
    engine.info_now, clock[0] = info(200), clock[0] + 30
    made.renew()
    assert (made.said.view.memory_total, made.said.disk_path) == (200, "/state")


def test_who_must_not_wait_waits_for_the_first_answer_only(clock: list[float]) -> None:
    engine = Told(info(100))
    made = Standing(engine, "/state")  # type: ignore[arg-type]
    assert made.look().view.memory_total == 100
    held, engine.info_now, clock[0] = threading.Event(), info(200), clock[0] + 600
    engine.before = lambda: held.wait(10.0)
    assert made.look().view.memory_total == 100, "it is asked beside that"
    held.set()
    (asker,) = (one for one in threading.enumerate() if one.name == "standing")
    asker.join(10.0)
    assert (made.look().view.memory_total, engine.asked) == (200, 2)
