"""The figures as text, as data, as docs/benchmarks.md and as the table of the README."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.bench.figure import Figure

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/benchmarks.md"
README = ROOT / "README.md"
_BRIEF = re.compile(r"(<!-- figures: .*? -->\n).*?(<!-- end of figures -->)", re.DOTALL)


def as_text(figures: Sequence[Figure]) -> str:
    rows = [(str(f.row), f.what.replace("`", ""), f.measured, f.wanted, f.verdict) for f in figures]
    rows.insert(0, ("ROW", "WHAT", "MEDIAN [LEAST–MOST]", "REACH", ""))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines)


def as_json(figures: Sequence[Figure], machine: Mapping[str, str]) -> str:
    listed = [{**asdict(figure), "verdict": figure.verdict} for figure in figures]
    return json.dumps({"machine": dict(machine), "figures": listed}, indent=2)


def write_documents(figures: Sequence[Figure], how: Mapping[int, str], machine: Mapping[str, str]) -> None:
    """docs/benchmarks.md anew, and the table in the README."""
    DOCUMENT.write_text(_document(figures, how, machine), encoding="utf-8")
    brief = [figure for figure in figures if figure.brief]
    table = _BRIEF.sub(lambda found: f"{found[1]}\n{_table(brief, machine)}\n\n{found[2]}", README.read_text("utf-8"))
    README.write_text(table, encoding="utf-8")


def _document(figures: Sequence[Figure], how: Mapping[int, str], machine: Mapping[str, str]) -> str:
    rows = [f"| {f.row} | {f.what} | {f.measured} | {f.wanted} | {f.verdict} |" for f in figures]
    return "\n".join(
        (
            "# Benchmarks",
            "",
            "`python -m tests.bench --write` measures everything here in one run and writes this page. What others do",
            "stands beside ours, measured in turn with it. A figure is a median, with the least and the most in",
            "brackets; *reach* is what it is to be at most. Nothing here is a test: a missed figure is printed, and no",
            "more.",
            "",
            *(f"* {name}: {value}" for name, value in machine.items()),
            "",
            "| row | what | median [least–most] | reach | |",
            "|---|---|---|---|---|",
            *rows,
            "",
            "## How each is measured",
            "",
            *(f"* **{row}** {text}" for row, text in sorted(how.items())),
            "",
            "## Again, on your machine",
            "",
            "```console",
            "$ scripts/quickstart --once                  # once, for what is missing: engine, Python, images",
            "$ .venv/bin/python -m tests.bench            # the table; --write writes this page and the README's table",
            "$ .venv/bin/python -m tests.bench --quick    # two rounds, less of everything",
            "$ .venv/bin/python -m tests.bench --only 1-3 6 -o json",
            "```",
            "",
            "Containers, networks and state folders have names of their own and are removed at the end, after Ctrl-C",
            "too. With nothing else running it takes about 45 minutes, half of it waiting. The load of rows 12 to 16",
            "is `wrk` (`apt-get install wrk`); where it is missing the rows say so, and clients of the bench's own ask",
            "instead.",
            "",
        )
    )


def _table(brief: Sequence[Figure], machine: Mapping[str, str]) -> str:
    head = f"{machine['processor']}; {machine['engine']}; Compose {machine['Compose']}; {machine['date']}:"
    rows = [f"| {f.what} | {f.measured} | {f.wanted}{': missed' if f.verdict == 'missed' else ''} |" for f in brief]
    return "\n".join((head, "", "| what | median [least–most] | to reach |", "|---|---|---|", *rows))
