"""The last check of who reaches whom: kept whole, for our eyes only, and read by whoever shows it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from controller import failpoints
from controller.loop.reachbook import FILE, MOST_PAIRS, keep_reach, load_reach
from controller.model.reach import By, Pair, Reach, Verdict, Via

pytestmark = pytest.mark.unit

PAIR = Pair("web", "db", 80, True, True, True, Verdict.OK, By.NAME, Via.NETWORK, "db:80", 0.001)
REACH = Reach("shop", True, 1000.0, (PAIR, replace(PAIR, port=None, reachable=None)), ("job",), ("a note",))


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "engine" / "shop"
    assert load_reach(folder) is None
    keep_reach(folder, REACH)
    assert load_reach(folder) == REACH
    keep_reach(folder, replace(REACH, pairs=()))
    assert load_reach(folder) == replace(REACH, pairs=())
    assert [path.name for path in folder.iterdir()] == [FILE]


def test_of_very_many_what_is_amiss_is_kept_and_how_many_there_were(tmp_path: Path) -> None:
    amiss = replace(PAIR, verdict=Verdict.BLOCKED, counts=True)
    keep_reach(tmp_path, replace(REACH, pairs=(PAIR,) * MOST_PAIRS + (amiss,)))
    kept = load_reach(tmp_path)
    assert kept is not None and kept.pairs == (amiss,)
    assert kept.notes == ("a note", f"of {MOST_PAIRS + 1} pairs only those that are amiss are kept")
    keep_reach(tmp_path, replace(REACH, pairs=(amiss,) * (MOST_PAIRS + 2)))
    kept = load_reach(tmp_path)
    assert kept is not None and len(kept.pairs) == MOST_PAIRS
    assert kept.notes[-1].endswith(f", the first {MOST_PAIRS} of {MOST_PAIRS + 2}")


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        keep_reach(tmp_path / "shop", REACH)
    finally:
        os.umask(before)
    assert (tmp_path / "shop" / FILE).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "shop").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("text", ["", "{", '{"stack": 1}', "[]", '{"stack":"shop"}'])
def test_what_another_version_or_a_full_disk_left_is_as_if_it_were_not_there(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert load_reach(tmp_path) is None


@pytest.mark.parametrize("point", [failpoints.BEFORE, failpoints.AFTER])
def test_who_is_killed_while_it_is_kept_leaves_the_old_one_or_the_new_one(tmp_path: Path, point: str) -> None:
    keep_reach(tmp_path, REACH)
    newer = replace(REACH, at=2000.0)
    child = os.fork()
    if child == 0:
        failpoints.arm({failpoints.CRASH_AT: f"disk.netcheck.{point}"})
        keep_reach(tmp_path, newer)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -9
    assert load_reach(tmp_path) == (REACH if point == failpoints.BEFORE else newer)
