"""Which variables are looked at in files of variables, and how often it is asked who names them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controller.intake.inputs import Inputs
from controller.intake.interpolation import EnvLine
from controller.intake.lookedat import looked_at

pytestmark = pytest.mark.unit

LINES = tuple(EnvLine(number, f"A{number}", f"${{B{number}}}", literal=False) for number in range(1, 100))


def of(*files: Path) -> Inputs:
    return Inputs((), (), {}, frozenset(), "", lines=tuple((file, LINES) for file in files))


class Asked(list[Any]):
    """Counts how often it is gone through."""

    times = 0

    def __iter__(self) -> Iterator[Any]:
        self.times += 1
        return super().__iter__()


def test_who_names_a_file_is_not_asked_for_each_of_its_lines() -> None:
    named = Asked([(("services", "web", "env_file", 0), Path("/a"))])
    found = list(looked_at(of(Path("/a"), Path("/b")), named))
    assert found[0] == (("services", "web", "environment", "A1"), "B1") and found[-1] == ((), "B99")
    assert len(found) == 2 * len(LINES) and named.times <= 4
