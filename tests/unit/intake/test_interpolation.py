"""Variables in texts and env files: read as Compose reads them, in little time whatever they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.intake.inputs import read_inputs
from controller.intake.interpolation import expand, parse_env, variable_names
from controller.model.project import ComposeProject

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("$A-${A}", "1-1"),
        ("$$A", "$A"),
        ("${X:-d}${X-d}${E:-d}${E-d}", "ddd"),
        ("${A:+y}${E:+y}${E+y}${X+y}", "yy"),
        ("${X:-${A}x}", "1x"),
        ("${A:?e}", "1"),
        ("${E:?e}", None),
        ("${X?e}", None),
        ("${E?e}", ""),
        ("$X", ""),
        ("${", None),
        ("${1}", None),
        ("$ ", None),
    ],
)
def test_interpolation(text: str, value: str | None) -> None:
    assert expand(text, {"A": "1", "E": ""}) == value


def nested(depth: int) -> str:
    return "${X:-" * depth + "x" + "}" * depth


@pytest.mark.fault("F4")
@pytest.mark.parametrize(
    "text",
    [nested(1000), "${X:-" * 1000, "$A" * 20_000],
    ids=["defaults in defaults", "half of them", "more than a variable can hold"],
)
def test_interpolation_comes_to_an_end(text: str) -> None:
    assert expand(text, {"A": "0123456789"}) is None


@pytest.mark.fault("F4")
@pytest.mark.parametrize("text", [nested(1000), "a/" * 100_000], ids=["defaults in defaults", "longer than any path"])
def test_paths_that_cannot_be_are_left_to_compose(text: str, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(f"services: {{a: {{image: x, env_file: '{text}'}}}}\n")
    (tmp_path / ".env").write_text(f"A={nested(1000)}\n")
    found = read_inputs(ComposeProject(None, (tmp_path / "compose.yaml",), tmp_path))
    assert found.findings == () and found.unknown == (text,)


@pytest.mark.fault("F4")
def test_variables_that_double_each_other_are_refused_at_their_line(tmp_path: Path) -> None:
    lines = ["A0=0123456789", *(f"A{number}=$A{number - 1}$A{number - 1}" for number in range(1, 40))]
    (tmp_path / ".env").write_text("\n".join(lines))
    (tmp_path / "compose.yaml").write_text("services: {a: {image: x}}\n")
    project = ComposeProject(None, (tmp_path / "compose.yaml",), tmp_path)
    assert read_inputs(project).findings == ()  # What is longer than a variable can be is not looked at.
    (tmp_path / ".env").write_text("\n".join([*lines[:14], *(f"B{number}=$A13" for number in range(20))]))
    (finding,) = read_inputs(project).findings
    assert (finding.file, finding.line) == (str(tmp_path / ".env"), 25)


def test_names_of_variables() -> None:
    assert variable_names("$A ${B:-${C}} $$D ${E?x}") == {"A", "B", "C", "E"}


def test_env_files() -> None:
    text = "# c\nA=1\nexport B='x y' # z\nC=\"q\"\nD=plain # c\nE\nF=\n=bad\n"
    assert parse_env(text) == {"A": "1", "B": "x y", "C": "q", "D": "plain", "E": None, "F": ""}
    assert parse_env("A =  x   y  \t # c\nB=a#b\nC=' $A '\n") == {"A": "x   y", "B": "a#b", "C": " $A "}
