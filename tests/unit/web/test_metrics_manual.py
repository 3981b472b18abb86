"""docs/metrics.md names every metric that is exposed, with its kind and labels, and no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.intake.metrics import check_metrics, read_metrics
from controller.model.manifest import Stack
from controller.model.phases import Phase, StackPhase
from controller.web.discovery import Door, find_doors
from controller.web.families import FAMILIES
from tests.builders import service

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]
MANUAL = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
ROWS = re.findall(
    r"^\| `(controller_\w+)` \| (\w+) \| (.*?) \| (.*) \|$", MANUAL.replace("| | ", "|  | "), re.MULTILINE
)


def test_every_metric_of_the_manual_is_exposed_and_the_other_way_round() -> None:
    told = [(name, kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels, _ in ROWS]
    assert sorted(told) == sorted((one.name, one.kind, one.labels) for one in FAMILIES)


def test_every_phase_is_named() -> None:
    meanings = {name: meaning for name, _, _, meaning in ROWS}
    for name, phases in (("controller_stack_phase", StackPhase), ("controller_service_phase", Phase)):
        assert re.findall(r"`(\w+)`", meanings[name]) == [phase.value for phase in phases]


def blocks(kind: str) -> list[Any]:
    return [yaml.safe_load(text) for text in re.findall(rf"```{kind}\n(.*?)```", MANUAL, re.DOTALL)]


def test_manifests_of_the_manual_are_valid() -> None:
    for document in blocks("yaml"):
        manifest = Stack.model_validate(document)
        assert list(check_metrics(manifest, {"worker"})) == []
    policy = read_metrics(manifest, ROOT)
    assert find_doors(service("worker"), policy) == (Door(9100, "/metrics"),)


def test_labels_of_discovery_that_the_examples_use_are_told() -> None:
    used = set(re.findall(r"__meta_controller_\w+", str(blocks("yml"))))
    table = {
        name for row in re.findall(r"^\| (`__.*?) \|", MANUAL, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    assert used and used <= table
