"""The fault table of docs/reliability.md: whole, and tied to the tests that show each row."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

REPOSITORY = Path(__file__).parents[2]
ROWS = [
    *(f"C{number}" for number in range(1, 9)),
    *(f"D{number}" for number in range(1, 11)),
    *(f"W{number}" for number in range(1, 15)),
    *(f"I{number}" for number in range(1, 10)),
    *(f"F{number}" for number in range(1, 9)),
    *(f"S{number}" for number in range(1, 6)),
    "Z5",
]
MARK = re.compile(r"mark\.fault\(\"(\w+)\"\)")


def read_table() -> dict[str, tuple[str, ...]]:
    """The cells of each row, by its number."""
    text = (REPOSITORY / "docs/reliability.md").read_text(encoding="utf-8")
    cells = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in text.splitlines()]
    found = [row for row in cells if re.fullmatch(r"[A-Z]\d+", row[0])]
    assert len({row[0] for row in found}) == len(found), "a row stands twice"
    return {row[0]: row[1:] for row in found}


def read_marks() -> dict[str, set[str]]:
    """The files of the tests that are marked with a row, by its number."""
    files: dict[str, set[str]] = defaultdict(set)
    for path in sorted((REPOSITORY / "tests").rglob("test_*.py")):
        for row in MARK.findall(path.read_text(encoding="utf-8")):
            files[row].add(str(path.relative_to(REPOSITORY / "tests")))
    return files


def test_every_row_is_there_and_has_no_empty_cell() -> None:
    table = read_table()
    assert sorted(table) == sorted(ROWS)
    for row, cells in table.items():
        assert len(cells) == 3 and all(cells), row


@pytest.mark.parametrize("row", ROWS)
def test_a_row_names_the_tests_that_are_marked_with_it(row: str) -> None:
    named = set(re.findall(r"`([\w/]+\.py)`", read_table()[row][-1]))
    assert named == read_marks()[row] and named


def test_no_test_is_marked_with_a_row_that_is_not_there() -> None:
    assert read_marks().keys() <= set(ROWS)
