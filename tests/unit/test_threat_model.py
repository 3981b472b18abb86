"""docs/threat-model.md names tests that there are, and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
MODEL = (ROOT / "docs" / "threat-model.md").read_text()


def test_the_tests_that_it_names_are_there() -> None:
    named = set(re.findall(r"`((?:unit|component|contract_cli|crash|engine|faults|property)/[\w/.]+)`", MODEL))
    assert len(named) > 20
    assert [one for one in sorted(named) if not (ROOT / "tests" / one).exists()] == []


def test_every_threat_has_a_test() -> None:
    rows = [line for line in MODEL.splitlines() if line.startswith("| ") and not line.startswith(("| threat", "| ---"))]
    assert len(rows) > 20
    assert [row for row in rows if "`" not in row.rpartition(" | ")[2]] == []


@pytest.mark.parametrize("name", ["docs/threat-model.md", "docs/socket-proxy.md", "docs/security.md", "SECURITY.md"])
def test_links_lead_somewhere(name: str) -> None:
    file = ROOT / name
    places = re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", file.read_text())
    assert [place for place in places if not (file.parent / place).exists()] == []
