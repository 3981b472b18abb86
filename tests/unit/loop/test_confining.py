"""When networks that nobody needs any more are removed, and tried again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pytest

from controller.engines.base import Emptied
from controller.loop.confining import SWEPT_AGAIN_AFTER, Confining
from controller.model.errors import Transient
from tests.component.stage import load, service

pytestmark = pytest.mark.unit


@dataclass
class Networks:
    """An engine that has one network too many; `on`: somebody is on it."""

    on: bool = False
    away: bool = False
    asked: int = 0

    def remove_networks(self, stack: str, *, ours_but: Collection[str], deadline: float) -> Emptied:
        self.asked += 1
        if self.away:
            raise Transient("no engine answers")
        return Emptied((), ("shop.a--b",)) if self.on else Emptied(("shop.a--b",))


LOADED = load({"web": service()})


def sweep(confining: Confining, engine: Networks, now: float) -> int:
    """How often it was asked by then."""
    confining.sweep(engine, LOADED, LOADED.desired, now)  # type: ignore[arg-type]
    return engine.asked


def test_once_is_enough_where_all_went() -> None:
    confining, engine = Confining(), Networks()
    assert [sweep(confining, engine, now) for now in (0.0, 1.0, 1e6)] == [1, 1, 1]
    other = load({"web": service()})
    confining.sweep(engine, other, other.desired, 1e6)  # type: ignore[arg-type]
    assert engine.asked == 2


def test_one_that_somebody_who_was_stopped_is_on_is_tried_again() -> None:
    confining, engine = Confining(), Networks(on=True)
    assert [sweep(confining, engine, now) for now in (0.0, SWEPT_AGAIN_AFTER - 1)] == [1, 1]
    engine.on = False
    assert [sweep(confining, engine, now) for now in (SWEPT_AGAIN_AFTER, 1e6)] == [2, 2]


def test_where_no_engine_answers_the_next_time_will_do() -> None:
    confining, engine = Confining(), Networks(away=True)
    assert sweep(confining, engine, 0.0) == 1
    engine.away = False
    assert [sweep(confining, engine, now) for now in (1.0, 2.0)] == [2, 2]
