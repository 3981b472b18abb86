"""A proxy that cannot be had is tried for with pauses, however often the loop asks; something new is tried at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controller.ingress.proxy import Wanted
from controller.loop import keeper as module
from controller.loop.behind import Plan
from controller.loop.keeper import Keeper
from controller.model.errors import Transient
from controller.model.routes import Frontend
from tests.component.waiting import eventually

pytestmark = pytest.mark.unit

FRONT = Frontend("web", 80, 8080)


def plan(image: str) -> Plan:
    return Plan(Wanted((FRONT,), ("shop_default",), image=image))


class Nobody:
    """An engine that has no such image."""

    def __getattr__(self, name: str) -> Any:
        raise Transient("no such image")


class World:
    views: dict[str, Any] = {}  # noqa: RUF012 - nothing is seen


@pytest.fixture
def tries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Keeper, list[str], threading.Semaphore]]:
    """A keeper whose pauses do not end by themselves, what it tried for, and its wakes."""
    wakes, tried = threading.Semaphore(0), list[str]()
    made = Keeper(Nobody(), "shop", tmp_path / "ingress", wakes.release)  # type: ignore[arg-type]

    def try_(plan: Plan) -> tuple[bool, str | None]:
        tried.append(plan.wanted.image)
        return False, "no such image"

    monkeypatch.setattr(made, "_try", try_)
    monkeypatch.setattr(module, "_RETRY_FIRST", 3600.0)
    monkeypatch.setattr(module, "_RETRY_LAST", 3600.0)
    monkeypatch.setattr(module, "see_behind", lambda *_: {})
    monkeypatch.setattr(module, "plan_ingress", lambda behind, before, image: plan(image))
    yield made, tried, wakes
    made.close()


def test_the_look_after_a_try_is_no_reason_for_the_next_one(
    tries: tuple[Keeper, list[str], threading.Semaphore],
) -> None:
    keeper, tried, wakes = tries
    keeper.tend(World(), "gone:1")  # type: ignore[arg-type]
    assert wakes.acquire(timeout=15), "each try is told"
    for _ in range(200):
        keeper.tend(World(), "gone:1")  # type: ignore[arg-type]
    keeper.tend(World(), "there:1")  # type: ignore[arg-type]
    assert wakes.acquire(timeout=15)
    assert tried == ["gone:1", "there:1"]


def test_who_is_new_there_is_a_reason(
    tries: tuple[Keeper, list[str], threading.Semaphore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network comes with the first container on it, for instance."""
    keeper, tried, wakes = tries
    keeper.tend(World(), "web:1")  # type: ignore[arg-type]
    assert wakes.acquire(timeout=15)
    monkeypatch.setattr(module, "find_targets", lambda behind: {"replica": {80: 32768}})
    keeper.tend(World(), "web:1")  # type: ignore[arg-type]
    eventually(lambda: tried == ["web:1", "web:1"])
