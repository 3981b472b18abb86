"""Every rule finds its change in its line, and nothing else; on what only looks bad nothing is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.engines.compose_engine import ComposeEngine
from controller.security.scan import all_rules
from tests.security.controls import CONTROLS, Control
from tests.security.hostile import CASES, Case
from tests.security.leaks import LEAKS, LOOKALIKES
from tests.security.stand import Marked, compose, placed, scan_folder, service, write

pytestmark = pytest.mark.unit


def test_hardened_service(tmp_path: Path, compose_alone: ComposeEngine) -> None:
    write(tmp_path, {"compose.yaml": compose(service())})
    assert placed(scan_folder(tmp_path, compose_alone), tmp_path) == []


EVERY = (*CASES, *LEAKS)


@pytest.mark.parametrize("case", EVERY, ids=[f"{case.rule}-{number}" for number, case in enumerate(EVERY)])
def test_hostile(case: Case, tmp_path: Path, compose_alone: ComposeEngine) -> None:
    folder = tmp_path / "shop"
    write(folder, case.files)
    assert placed(scan_folder(folder, compose_alone), folder) == Marked(case.files).expected(), case.what


VALUES = {"I06", "W15", "X01", "X02", "X03", *(rule for rule in all_rules() if rule.startswith("D"))}
"""Of what an engine tells, and of files that are over one day: in the tests of what it says."""


def test_every_rule() -> None:
    assert {case.rule for case in CASES} == set(all_rules()) - VALUES


@pytest.mark.parametrize("control", (*CONTROLS, *LOOKALIKES), ids=lambda control: control.what)
def test_benign(control: Control, tmp_path: Path, compose_alone: ComposeEngine) -> None:
    folder = tmp_path / "shop"
    write(folder, control.files)
    assert placed(scan_folder(folder, compose_alone), folder) == []
