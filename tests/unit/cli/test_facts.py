"""What doctor asks: everything at once, so that it takes as long as the slowest answer."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from controller.cli.checks import facts

pytestmark = pytest.mark.unit


def test_no_question_waits_for_the_answer_to_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    together = threading.Barrier(6)

    def ask(command: tuple[str, ...], _deadline: float) -> facts.Said:
        together.wait(10.0)  # raises where the others are not asked meanwhile
        asked.append(command[1])
        return facts.Said(0)

    monkeypatch.setattr(facts, "_ask", ask)
    facts.sense(tmp_path)
    assert sorted(asked) == ["--version", "compose", "context", "info", "ps", "version"]
