"""The suite's teeth: each known bug of controllers, planted alone, makes the tests fail that are to catch it."""

import pytest

from tests.mutants.plant import ROOT, copied, failing, plant, survivors
from tests.mutants.table import MUTANTS, Mutant

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


@pytest.mark.unit
def test_the_documents_table_is_this_one() -> None:
    told = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    for mutant in MUTANTS:
        tests = ", ".join(f"`{test.removeprefix('tests/')}`" for test in mutant.caught_by)
        assert f"| {mutant.bug} | `{mutant.file}` | {tests} |" in told
