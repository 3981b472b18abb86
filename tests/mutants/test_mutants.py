"""The suite's teeth: each known bug of controllers, planted alone, makes the tests fail that are to catch it."""

from pathlib import Path

import pytest

from tests.mutants.mutant import Mutant
from tests.mutants.plant import ROOT, copied, failing, plant, survivors
from tests.mutants.table import MUTANTS

FEW = ("half a list is decided on", "a job that we stopped counts as completed")
"""Planted also in the fast set."""

pytestmark = pytest.mark.timeout(600)


def named(*, fast: bool) -> list[object]:
    return [pytest.param(mutant, id=mutant.bug) for mutant in MUTANTS if (mutant.bug in FEW) is fast]


@pytest.mark.unit
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.bug)
def test_its_text_stands_exactly_once_and_what_is_to_catch_it_exists(mutant: Mutant) -> None:
    text = (ROOT / "controller" / mutant.file).read_text(encoding="utf-8")
    assert text.count(mutant.old) == 1
    assert mutant.new != mutant.old
    for test in mutant.caught_by:
        file, *names = test.split("::")
        assert not names or f"def {names[-1]}(" in (ROOT / file).read_text(encoding="utf-8")


@pytest.mark.unit
def test_there_are_enough_of_them_and_none_twice() -> None:
    assert len({mutant.bug for mutant in MUTANTS}) == len(MUTANTS) >= 20


@pytest.mark.unit
@pytest.mark.parametrize("mutant", named(fast=True))
def test_a_planted_bug_is_caught(mutant: Mutant) -> None:
    assert survivors(mutant) == ()


@pytest.mark.slow
@pytest.mark.parametrize("mutant", named(fast=False))
def test_every_planted_bug_is_caught(mutant: Mutant) -> None:
    assert survivors(mutant) == ()


@pytest.mark.slow
def test_without_a_bug_nothing_fails() -> None:
    """The control: the copy is whole, and what catches the bugs catches nothing else."""
    with copied() as folder:
        assert failing(folder, sorted({test for mutant in MUTANTS for test in mutant.caught_by})) == ()


@pytest.mark.unit
def test_a_text_that_is_not_there_is_said() -> None:
    with copied() as folder, pytest.raises(ValueError, match=r"decide/aim\.py holds the text of 'odd' 0 times"):
        plant(folder, Mutant("odd", "decide/aim.py", "no such line", "", ()))


ENDS = {
    "passes": ("pass", ()),
    "fails": ("assert False", ("test_odd.py::test_odd",)),
    "does not end": ("time.sleep(60)", ("no end",)),
    "speaks of a Timeout and passes": ("print('Timeout')", ()),
}
ODD = """import os, sys, time
import pytest

@pytest.mark.timeout(1, method="thread")
def test_odd():
    {}
"""


@pytest.mark.unit
@pytest.mark.parametrize("case", ENDS)
def test_what_counts_as_caught(case: str, tmp_path: Path) -> None:
    body, found = ENDS[case]
    (tmp_path / "test_odd.py").write_text(ODD.format(body))
    assert failing(tmp_path, ("test_odd.py",)) == found


@pytest.mark.unit
@pytest.mark.parametrize("code", [1, 3])
def test_a_run_that_broke_off_caught_nothing(code: int, tmp_path: Path) -> None:
    told = f"os.write(2, b'Timeout'); os._exit({code})"
    (tmp_path / "test_odd.py").write_text(ODD.format(told))
    with pytest.raises(RuntimeError):
        failing(tmp_path, ("test_odd.py",))


def _named(mutant: Mutant) -> list[str]:
    return [f"`{test.removeprefix('tests/')}`" for test in mutant.caught_by]


@pytest.mark.unit
def test_the_documents_table_is_this_one() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    section = text.partition("## Planted bugs\n")[2].partition("\n## ")[0]
    head, *rows = [line for line in section.splitlines() if line.startswith("| ")]
    assert head == "| bug | file | caught by |"
    assert rows == [f"| {mutant.bug} | `{mutant.file}` | {', '.join(_named(mutant))} |" for mutant in MUTANTS]
    assert section.strip().startswith(f"{len(MUTANTS)} known bugs of controllers")
