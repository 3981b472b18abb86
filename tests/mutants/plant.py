"""Plant one bug in a copy of the project and run tests against it in a process of their own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]
PATIENCE = 300.0
"""Seconds after which tests that do not end count as failed: a bug may be a loop without end."""

_BANNER = "+ Timeout +"
"""What pytest-timeout says where it cannot end a test but by ending the whole process."""


@contextmanager
def copied() -> Iterator[Path]:
    """A copy of all that tests without Docker need."""
    with tempfile.TemporaryDirectory(prefix="mutant") as folder:
        for name in ("controller", "tests"):
            shutil.copytree(ROOT / name, Path(folder, name), ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        yield Path(folder)


def plant(folder: Path, mutant: Mutant) -> None:
    """Raises ValueError where the text to be changed does not stand exactly once in its file."""
    file = folder / "controller" / mutant.file
    text = file.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        raise ValueError(f"{mutant.file} holds the text of '{mutant.bug}' {text.count(mutant.old)} times")
    file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")


def failing(folder: Path, tests: Sequence[str], *, first_only: bool = True) -> tuple[str, ...]:
    """The tests that fail there. Raises RuntimeError where they could not be run at all."""
    words = ("-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not slow", "--timeout", "60")
    command = (sys.executable, "-m", "pytest", *words, *(("-x",) if first_only else ()), *tests)
    try:
        child = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL, check=False
        )
    except subprocess.TimeoutExpired:
        return ("no end",)
    failed = [line for line in child.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    if child.returncode == 0:
        return ()
    if child.returncode == 1 and failed:
        return tuple(line.split(" - ")[0].split(" ", 1)[1] for line in failed)
    if child.returncode == 1 and _BANNER in child.stdout + child.stderr:
        return ("no end",)
    raise RuntimeError(child.stdout[-2000:] + child.stderr[-2000:])


def survivors(mutant: Mutant) -> tuple[str, ...]:
    """Of the tests that are to catch it, those that do not."""
    with copied() as folder:
        plant(folder, mutant)
        return tuple(test for test in mutant.caught_by if not failing(folder, (test,)))
