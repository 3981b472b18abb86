"""What Compose warns of and we have told already, with its place, is told once; all else is told in its words."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from controller.cli.options import Options
from controller.cli.reading import read_all
from controller.engines.base import Capabilities
from controller.model.project import RenderedProject

pytestmark = pytest.mark.unit

MAIN = """name: p
include: [{path: other/compose.yaml}]
services:
  a: {image: "img:${OURS}"}
  b: {extends: {file: base.yaml, service: b}}
"""


def unset(name: str) -> str:
    return f'The "{name}" variable is not set. Defaulting to a blank string.'


def test_each_variable_that_is_unset_is_told_once_wherever_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "compose.yaml").write_text(MAIN)
    (tmp_path / "other" / "compose.yaml").write_text('services: {c: {image: "img:${INCLUDED}${CONTROLLER_X}"}}')
    (tmp_path / "base.yaml").write_text('services: {b: {image: "img:${EXTENDED}"}}')
    monkeypatch.chdir(tmp_path)
    for name in (names := ("OURS", "INCLUDED", "EXTENDED", "CONTROLLER_X")):
        monkeypatch.delenv(name, raising=False)
    said = (*map(unset, names), "something else")
    engine = SimpleNamespace(
        render=lambda _: RenderedProject("p", {"services": {}}, said),
        image_defaults=lambda _: None,
        capabilities=Capabilities(),
    )
    (read,) = read_all(Options(files=(Path("compose.yaml"),)), engine).reads  # type: ignore[arg-type]
    told = {name: [one for one in read.warnings if name in one.message] for name in names}
    assert {name: len(found) for name, found in told.items()} == dict.fromkeys(names, 1)
    assert told["OURS"][0].line == 4
    assert "something else" in [one.message for one in read.warnings]
