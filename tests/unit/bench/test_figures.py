"""A figure says what was measured and whether it reaches what it has to; the documents are made of the same figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import document
from tests.bench.__main__ import PARTS
from tests.bench.figure import Figure, Spread, ratio, spread

pytestmark = pytest.mark.unit

MACHINE = {"processor": "two cores", "engine": "Docker 1", "Compose": "2", "date": "today"}


def test_the_median_is_held_against_the_reach_and_the_spread_is_told() -> None:
    figure = Figure(6, "healed", "s", spread([0.25, 0.2, 1.5]), 0.3)
    assert (figure.verdict, figure.measured, figure.wanted) == ("met", "0.250 s [0.200–1.50]", "≤ 0.3 s")
    assert Figure(6, "healed", "s", spread([0.4, 0.2, 1.5]), 0.3).verdict == "missed"
    assert Figure(6, "started", "s", spread([0.4])).verdict == "printed"


def test_what_was_counted_is_told_whole_and_none_at_all_can_be_reached() -> None:
    figure = Figure(12, "failed", "", spread([54_368]), 0)
    assert (figure.verdict, figure.measured, figure.wanted) == ("missed", "54,368", "≤ 0")
    none = Figure(12, "failed", "", spread([0, 0]), 0)
    assert (none.verdict, none.measured) == ("met", "0 [0–0]")


def test_a_ratio_is_that_of_the_medians_and_spreads_as_the_rounds_do() -> None:
    assert ratio([1.0, 2.0, 9.0], [2.0, 4.0, 6.0]) == Spread(0.5, 0.5, 1.5, 3)


def test_every_row_is_measured_by_one_part() -> None:
    assert sorted(row for part in PARTS for row in part.HOW) == list(range(1, 27))


def test_the_readme_gets_the_brief_ones_between_its_marks_and_keeps_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = document.README.read_text("utf-8")
    before, after = text.partition("<!-- figures")[0], text.rpartition("<!-- end of figures -->")[2]
    monkeypatch.setattr(document, "README", tmp_path / "README.md")
    monkeypatch.setattr(document, "DOCUMENT", tmp_path / "benchmarks.md")
    document.README.write_text(text, "utf-8")
    figures = [
        Figure(5, "at rest", "%", spread([0.4]), 1.0, brief=True),
        Figure(6, "late", "s", spread([5.01]), 5.0, brief=True),
        Figure(8, "pass", "ms", spread([0.05]), 0.1),
    ]
    for _ in range(2):
        document.write_documents(figures, {5: "So.", 6: "Too.", 8: "Thus."}, MACHINE)
    written = document.README.read_text("utf-8")
    assert written.startswith(before) and written.endswith(after) and written.count("at rest") == 1
    assert "| at rest | 0.400 % | ≤ 1 % |" in written and "| late | 5.01 s | ≤ 5 s: missed |" in written
    assert "pass | 0.050" not in written
    assert "| 8 | pass | 0.050 ms | ≤ 0.1 ms | met |" in document.DOCUMENT.read_text("utf-8")
