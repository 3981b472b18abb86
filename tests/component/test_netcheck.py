"""A check of who reaches whom, while the stack moves beneath it and where nothing can be kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from controller.loop import netcheck
from controller.loop.netcheck import Asked, Checked, check_all
from controller.loop.reachbook import load_reach
from controller.model.errors import ControllerError
from controller.model.reach import Answer, Knock, Knocked, Spot
from controller.security.reach import told_aside
from tests.unit.security.reaching import API, DB, SERVICES, WEB, networks_answer, question, spot

pytestmark = pytest.mark.unit


class Probe:
    """Shows these looks, one after another, and answers as closed networks do, but for `silent` hosts."""

    def __init__(self, *looks: Sequence[Spot], silent: Sequence[str] = (), once: bool = False) -> None:
        self.looks, self.silent, self.once = list(looks), set(silent), once
        self.asked: list[tuple[Knock, ...]] = []
        self.others: list[tuple[str, str]] = []

    def spots(self, stack: str, *, deadline: float) -> Sequence[Spot]:
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def strangers(self, stack: str, *, deadline: float) -> Sequence[tuple[str, str]]:
        return self.others

    def knock(
        self, knocks: Sequence[Knock], *, patience: float = 0.3, told: Callable[[int], None] = lambda _: None
    ) -> Mapping[Knock, Knocked]:
        self.asked.append(tuple(knocks))
        told(len(knocks))
        silent = () if self.once and len(self.asked) > 1 else self.silent
        known = networks_answer(question(WEB, API, DB))
        return {k: Knocked(Answer.SILENT) if k.host in silent else known.get(k, Knocked(Answer.SILENT)) for k in knocks}


def check(probe: Probe, folder: Path, *asked: Asked, told: Any = lambda *_: None) -> Checked:
    ground: Any = SimpleNamespace(
        engine=SimpleNamespace(netprobe=probe), now=lambda: 1000.0, folder=lambda stack: folder / stack
    )
    loaded: Any = SimpleNamespace(name="shop", desired=SimpleNamespace(services=SERVICES))
    (checked,) = check_all(ground, [(SimpleNamespace(manifest=None), loaded)], asked, told)
    return checked


def test_all_is_well_is_said_after_one_look_and_kept(tmp_path: Path) -> None:
    progress: list[tuple[str, int, int]] = []
    probe = Probe((WEB, API, DB))
    reach = check(probe, tmp_path, told=lambda *told: progress.append(told)).reach
    assert reach.differences == () and len(probe.asked) == 1 and load_reach(tmp_path / "shop") == reach
    assert progress == [("shop", len(probe.asked[0]), len(probe.asked[0]))]


def test_what_answers_when_it_is_asked_again_was_only_slow(tmp_path: Path) -> None:
    slow = Probe((WEB, API, DB), silent=("db", "10.0.1.4"), once=True)
    assert check(slow, tmp_path).reach.differences == ()
    assert {knock.host for knock in slow.asked[1]} == {"db", "10.0.1.4"}
    shut = Probe((WEB, API, DB), silent=("db", "10.0.1.4"))
    assert [(one.source, one.target) for one in check(shut, tmp_path).reach.differences] == [("api", "db")]


def test_of_one_that_ended_meanwhile_nothing_follows(tmp_path: Path) -> None:
    gone = Probe((WEB, API, DB), (WEB, API), silent=("db", "10.0.1.4"))
    reach = check(gone, tmp_path).reach
    assert (reach.differences, reach.idle) == ((), ("db",))
    moved = Probe((WEB, API, DB), (WEB, API, spot("db", 9, "back", ports=(5432,))), silent=("db", "10.0.1.4"))
    assert check(moved, tmp_path).reach.differences == ()


def test_a_check_of_some_pairs_leaves_what_is_kept_alone(tmp_path: Path) -> None:
    whole = check(Probe((WEB, API, DB)), tmp_path).reach
    part = check(Probe((WEB, API, DB)), tmp_path, Asked("web", "shop/db", 5432))
    assert [(one.source, one.target) for one in part.reach.pairs] == [("web", "db")] and part.published == ()
    assert load_reach(tmp_path / "shop") == whole


def test_who_else_is_on_its_networks_is_named(tmp_path: Path) -> None:
    probe = Probe((WEB, API, DB))
    probe.others = [("shop-web-run-1", "shop_back")]
    assert check(probe, tmp_path).reach.notes == (
        "shop-web-run-1 is on shop_back and no replica: it reaches who is there",
    )
    assert check(probe, tmp_path, Asked("api", "db")).reach.notes == ()
    probe.others *= 10
    assert check(probe, tmp_path).reach.notes[8:] == ("and 2 more",)


def test_what_a_command_in_a_container_tried_is_named(tmp_path: Path) -> None:
    answers = {Knock(WEB.replica, "api", 80): Knocked(Answer.OPEN, None, "", "its process has gone")}
    assert told_aside((WEB, API), answers) == ["from web-1 a command in it tried, for its process has gone"]


def test_more_than_can_be_tried_is_refused_before_anything_is(tmp_path: Path) -> None:
    """Of 10,000 services already the pairs would fill the memory."""
    probe = Probe([spot(f"s{number}", 9, "back") for number in range(10_000)])
    with pytest.raises(ControllerError, match="about 100,000,000 connections would have to be tried") as caught:
        check(probe, tmp_path)
    assert "controller netcheck FROM TO" in (caught.value.hint or "") and probe.asked == []
    some = Probe([spot(f"s{number}", 9, "back") for number in range(10_000)] + [API, DB])
    assert check(some, tmp_path, Asked("api", "db")).reach.differences == ()


def test_what_cannot_be_kept_is_one_more_thing_to_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(netcheck, "keep_reach", full)
    reach = check(Probe((WEB, API, DB)), tmp_path).reach
    assert reach.notes == ("not kept: No space left on device",) and reach.differences == ()


def test_a_service_that_two_stacks_have_is_not_guessed() -> None:
    stacks = {"shop": SERVICES, "blog": SERVICES}
    with pytest.raises(ControllerError, match="'web' is in several stacks"):
        netcheck._choose(stacks, [Asked("web", "db")])
    assert list(netcheck._choose(stacks, [Asked("blog/web", "db")])) == ["blog"]
