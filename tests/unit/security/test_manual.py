"""docs/security.md has every rule, as it is; and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.security.reference import reference
from controller.security.rules.namespaces import SIDECAR
from controller.security.scan import all_rules

pytestmark = pytest.mark.unit

MANUAL = (Path(__file__).parents[3] / "docs" / "security.md").read_text(encoding="utf-8")


def test_tables_of_rules() -> None:
    assert reference() in MANUAL, "python -m controller.security.reference prints the tables anew"
    assert all(f"| {id_} | " in MANUAL for id_ in all_rules())


def test_label_of_sidecars() -> None:
    assert f'{SIDECAR}: "true"' in MANUAL
