"""All figures, side by side in one run.

    python -m tests.bench [--quick] [--only ROW…] [--write] [-o text|json]

Progress goes to standard error, the table to standard output. It needs a Docker engine, and removes what it makes.
"""

from __future__ import annotations

import argparse
import compileall
import signal
import sys
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping
from types import ModuleType

from tests.bench import (
    broken,
    cold_scan,
    cold_start,
    commands,
    dashboard,
    drift,
    edits,
    healing,
    hour,
    idle,
    others,
    passage,
    quick_start,
    scale,
    sick,
    updates,
    wide,
)
from tests.bench.document import ROOT, as_json, as_text, write_documents
from tests.bench.figure import Effort, Figure
from tests.bench.machine import Load, describe_machine

PARTS: tuple[ModuleType, ...] = (
    cold_start,
    idle,
    healing,
    edits,
    scale,
    commands,
    wide,
    updates,
    broken,
    others,
    passage,
    sick,
    drift,
    dashboard,
    hour,
    quick_start,
    cold_scan,
)
"""Each measures the rows that its HOW explains."""

_ENDS = (signal.SIGINT, signal.SIGTERM)


def main() -> int:
    given = _parse()
    for number in _ENDS:
        signal.signal(number, _end)
    compileall.compile_dir(str(ROOT / "controller"), quiet=1)  # as scripts/quickstart does, and pip
    wanted = frozenset(given.only or (row for part in PARTS for row in part.HOW))
    parts = [part for part in PARTS if wanted & part.HOW.keys()]
    load = Load()
    figures, failed = [], []
    for part in parts:
        try:
            figures += [figure for figure in _measure(part, given.quick) if figure.row in wanted]
        except Exception:  # the others can be measured all the same
            traceback.print_exc()
            failed += sorted(wanted & part.HOW.keys())
    figures.sort(key=lambda figure: figure.row)
    machine = {**describe_machine(), **load.tell(), **({"run": "--quick"} if given.quick else {})}
    print(as_json(figures, machine) if given.output == "json" else as_text(figures))
    if given.write and not failed:
        write_documents(figures, _explain(parts, wanted), machine)
    for row in failed:
        print(f"row {row} could not be measured", file=sys.stderr)
    return 1 if failed else 0


def _end(number: int, frame: object) -> None:
    """Clear up and end; whoever presses Ctrl-C again does not disturb that."""
    for each in _ENDS:
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def _measure(part: ModuleType, quick: bool) -> Iterator[Figure]:
    name, began = part.__name__.rpartition(".")[2], time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {name}: {line}", file=sys.stderr, flush=True)

    yield from part.measure(Effort(quick, say))


def _explain(parts: Iterable[ModuleType], wanted: frozenset[int]) -> Mapping[int, str]:
    return {row: text for part in parts for row, text in part.HOW.items() if row in wanted}


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="All figures, side by side in one run.")
    parser.add_argument("--quick", action="store_true", help="two rounds, less of everything")
    parser.add_argument("--only", nargs="+", type=_rows, metavar="ROW", help="these rows: 4, or 1-3")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md and the table of the README")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    given = parser.parse_args()
    if given.only and given.write:
        parser.error("the documents are written from all rows")
    given.only = [row for rows in given.only or () for row in rows]
    return given


def _rows(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


if __name__ == "__main__":
    sys.exit(main())
