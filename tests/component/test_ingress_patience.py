"""A proxy that cannot be had is tried for with pauses, however often the loop asks; something new is tried at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from controller.ingress.config import Tls
from controller.ingress.proxy import Wanted
from controller.loop import keeper as module
from controller.loop.behind import Plan
from controller.loop.keeper import Keeper
from controller.model.errors import Transient
from controller.model.routes import Frontend, RouteState, TlsPorts
from tests.component.waiting import eventually

pytestmark = pytest.mark.unit

FRONT = Frontend("web", 80, 8080)


def wanted(image: str) -> Wanted:
    return Wanted((FRONT,), ("shop_default",), image=image)


class Nobody:
    """An engine that has no such image."""

    def __getattr__(self, name: str) -> Any:
        raise Transient("no such image")


Tries = tuple[Keeper, list[str], threading.Semaphore]


class World:
    views: dict[str, Any] = {}  # noqa: RUF012 - nothing is seen


@pytest.fixture
def tries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tries]:
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
    monkeypatch.setattr(module, "plan_ingress", lambda behind, before, template: Plan(template))
    yield made, tried, wakes
    made.close()


def test_the_look_after_a_try_is_no_reason_for_the_next_one(tries: Tries) -> None:
    keeper, tried, wakes = tries
    keeper.tend(World(), wanted("gone:1"))  # type: ignore[arg-type]
    assert wakes.acquire(timeout=15), "each try is told"
    for _ in range(200):
        keeper.tend(World(), wanted("gone:1"))  # type: ignore[arg-type]
    keeper.tend(World(), wanted("there:1"))  # type: ignore[arg-type]
    assert wakes.acquire(timeout=15)
    assert tried == ["gone:1", "there:1"]


@pytest.mark.parametrize(
    ("asked", "answer"), [("find_targets", {"replica": {80: 32768}}), ("first_routes", {"replica": RouteState.OUT})]
)
def test_who_is_new_there_is_a_reason(tries: Tries, monkeypatch: pytest.MonkeyPatch, asked: str, answer: Any) -> None:
    """A network comes with the first container on it, for instance."""
    keeper, tried, wakes = tries
    keeper.tend(World(), wanted("web:1"))  # type: ignore[arg-type]
    assert wakes.acquire(timeout=15)
    monkeypatch.setattr(module, asked, lambda behind: answer)
    keeper.tend(World(), wanted("web:1"))  # type: ignore[arg-type]
    eventually(lambda: tried == ["web:1", "web:1"])


def test_who_is_ready_and_then_is_not_is_no_reason(tries: Tries, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper, tried, wakes = tries
    for state in (RouteState.IN, RouteState.OUT) * 100:
        monkeypatch.setattr(module, "first_routes", lambda behind, state=state: {"replica": state})
        keeper.tend(World(), wanted("gone:1"))  # type: ignore[arg-type]
        if state is RouteState.IN and not tried:
            assert wakes.acquire(timeout=15)
    keeper.tend(World(), wanted("there:1"))  # type: ignore[arg-type]
    assert wakes.acquire(timeout=15)
    eventually(lambda: tried[-1] == "there:1")
    assert tried == ["gone:1", "there:1"]


def test_what_comes_as_a_try_begins_is_tried_next(tries: Tries, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper, tried, _ = tries
    take = keeper._next

    def take_as_another_comes() -> Any:
        taken = take()
        keeper.tend(World(), wanted("there:1"))  # type: ignore[arg-type]
        return taken

    monkeypatch.setattr(keeper, "_next", take_as_another_comes)
    keeper.tend(World(), wanted("gone:1"))  # type: ignore[arg-type]
    eventually(lambda: tried == ["gone:1", "there:1"])


def test_what_fails_again_and_again_is_told_though_something_is_new_each_time(tries: Tries) -> None:
    keeper, _, wakes = tries
    for image, told in (("a:1", None), ("b:1", "no such image"), ("c:1", "no such image")):
        keeper.tend(World(), wanted(image))  # type: ignore[arg-type]
        assert wakes.acquire(timeout=15)
        assert keeper.trouble == told, "the first try may have met one that was just ending"


def test_a_hold_changes_the_certificate_and_nothing_else(tries: Tries) -> None:
    keeper, tried, wakes = tries
    at = TlsPorts(frozenset({80}))
    keeper.serve(Tls(at, "first"))
    assert tried == [], "nothing is wanted yet"
    keeper.tend(World(), replace(wanted("web:1"), tls=Tls(at, "first")))  # type: ignore[arg-type]
    assert wakes.acquire(timeout=15)
    keeper.serve(Tls(at, "first"))
    keeper.serve(Tls(TlsPorts(http=True), "second"))
    assert keeper._plan is not None and keeper._plan.wanted.tls == Tls(at, "first")
    keeper.serve(Tls(at, "second"))
    assert wakes.acquire(timeout=15)
    assert tried == ["web:1", "web:1"]
    assert keeper._plan.wanted == replace(wanted("web:1"), tls=Tls(at, "second"))
