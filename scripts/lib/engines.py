"""Prints what the tests came to on each engine, out of pytest's JUnit files; exits with 1 unless all passed everywhere.

usage: engines.py [ENGINE API COMPOSE JUNIT_FILE]…
"""

import sys
from collections.abc import Sequence
from xml.etree import ElementTree

HEAD = ("engine", "api", "compose", "passed", "failed", "skipped", "time")


def count(file: str) -> tuple[int, int, int, float]:
    """Passed, failed, skipped and seconds. Raises OSError or ParseError where the tests did not come to an end."""
    suites = ElementTree.parse(file).getroot().findall("testsuite")  # noqa: S314 # our own pytest wrote it
    total, failures, errors, skipped = (
        sum(int(suite.get(name, 0)) for suite in suites) for name in ("tests", "failures", "errors", "skipped")
    )
    failed = failures + errors
    return total - failed - skipped, failed, skipped, sum(float(suite.get("time", 0)) for suite in suites)


def row(engine: str, api: str, compose: str, file: str) -> tuple[tuple[str, ...], bool]:
    try:
        passed, failed, skipped, seconds = count(file)
    except (OSError, ElementTree.ParseError):
        return (engine, api, compose, "-", "did not end", "-", "-"), False
    time = f"{int(seconds) // 60}m{int(seconds) % 60:02}s"
    return (engine, api, compose, str(passed), str(failed), str(skipped), time), failed == 0


def align(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() for cells in rows
    )


def main(words: Sequence[str]) -> int:
    found = [row(*words[at : at + 4]) for at in range(0, len(words), 4)]
    print(align([HEAD, *(cells for cells, _ in found)]))
    return 0 if all(good for _, good in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
