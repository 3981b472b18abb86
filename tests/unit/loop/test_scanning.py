"""What a scan asks of the files, and how often."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from controller.intake.inputs import read_inputs
from controller.intake.places import Places
from controller.intake.rough import read_roughly
from controller.loop import scanning
from controller.loop.scanning import Known, Written, scan
from controller.model.project import ComposeProject

pytestmark = pytest.mark.unit


def test_places_are_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Places] = []

    def make(*given: Any) -> Places:
        made.append(Places(*given))
        return made[-1]

    monkeypatch.setattr(scanning, "Places", make)
    (tmp_path / "compose.yaml").write_text("services:\n  web: {image: x, ports: ['1-3:1-3']}\n", encoding="utf-8")
    project = ComposeProject(None, (tmp_path / "compose.yaml",), tmp_path)
    inputs = read_inputs(project)
    found = scan(Written(read_roughly(project, inputs, "shop"), inputs, tmp_path), Known(), date(2026, 5, 1))
    assert {one.line for one in found if one.rule.id == "W01"} == {2} and len(made) == 1
