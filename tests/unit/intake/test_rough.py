"""A project read without Compose, and where in its files something stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from controller.intake.inputs import read_inputs
from controller.intake.places import Places, named_files
from controller.intake.rough import read_roughly
from controller.model.project import ComposeProject
from tests.unit.intake.folders import write

pytestmark = pytest.mark.unit


def read(folder: Path, *files: str, **environment: str) -> dict[str, Any]:
    project = ComposeProject(None, tuple(folder / name for name in files), folder, environment=environment)
    services: dict[str, Any] = read_roughly(project, read_inputs(project), "shop").model["services"]
    return services


def test_files_one_over_the_other(tmp_path: Path) -> None:
    write(tmp_path, {
        "a.yaml": "services: {web: {image: a, ports: ['80'], environment: {A: '1', B: '1'}, cap_add: [X]}}\n",
        "b.yaml": "services: {web: {image: b, ports: ['80', '81'], environment: {B: '2'}}, db: {image: d}, no: 5}\n",
    })  # fmt: skip
    assert read(tmp_path, "a.yaml", "b.yaml") == {
        "web": {"image": "b", "ports": ["80", "81"], "environment": {"A": "1", "B": "2"}, "cap_add": ["X"]},
        "db": {"image": "d"},
    }


def test_extends(tmp_path: Path) -> None:
    write(tmp_path, {
        "a.yaml": "services:\n  web: {extends: {file: b.yaml, service: base}, image: a}\n"
        "  mine: {extends: web, user: u}\n  loop: {extends: loop}\n"
        "  round: {extends: about}\n  about: {extends: round}\n  lost: {extends: {service: no}}\n",
        "b.yaml": "services: {base: {extends: lowest, image: b, cap_add: [X]}, lowest: {privileged: true}}\n",
    })  # fmt: skip
    found = read(tmp_path, "a.yaml")
    assert {key: found["web"][key] for key in ("image", "cap_add", "privileged")} == {
        "image": "a", "cap_add": ["X"], "privileged": True
    }  # fmt: skip
    assert (found["mine"]["user"], found["mine"]["privileged"]) == ("u", True)
    assert {"loop", "round", "about", "lost"} <= found.keys()


def test_variables(tmp_path: Path) -> None:
    write(tmp_path, {
        ".env": "TAG=2\n",
        "a.yaml": "services: {web: {image: 'w:${TAG}', user: '${U:-root}', command: ['${NO:?so}', $$x]}}\n",
    })  # fmt: skip
    found = read(tmp_path, "a.yaml", U="me")["web"]
    assert (found["image"], found["user"]) == ("w:2", "me")
    assert found["command"][0] == "${NO:?so}"


FILE = """\
services:
  web:
    environment:
      - A=1
      - B=${C}
    volumes:
      - ./a:/x
      - type: bind
        source: /b
        target: /y
    extends: {service: base}
  base:
    labels: {l: v}
    env_file: [one.env, two.env]
"""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    write(tmp_path, {"compose.yaml": FILE, "one.env": "E=1\nF=1\n", "two.env": "\nF=2\n", ".env": "E=0\n"})
    project = ComposeProject(None, (tmp_path / "compose.yaml",), tmp_path)
    inputs = read_inputs(project)
    named = named_files(inputs, tmp_path)
    assert [one.keys for one in named] == [("services", "base", "env_file", 0), ("services", "base", "env_file", 1)]
    lines = dict(inputs.lines)
    return Places(inputs.documents, inputs.bases, {"base": [(one.path, lines[one.path]) for one in named]})


@pytest.mark.parametrize(
    ("path", "needle", "file", "line"),
    [
        (("services", "web"), "", "compose.yaml", 2),
        (("services", "web", "privileged"), "", "compose.yaml", 2),
        (("services", "web", "environment", "A"), "A", "compose.yaml", 4),
        (("services", "web", "environment", "B"), "B", "compose.yaml", 5),
        (("services", "web", "environment", "E"), "E", "one.env", 1),
        (("services", "web", "environment", "F"), "F", "two.env", 2),
        (("services", "web", "environment", "G"), "G", "compose.yaml", 3),
        (("services", "web", "volumes", 0), "/b\n/y", "compose.yaml", 9),
        (("services", "web", "volumes", 1), "/srv/a\n./a\n/x", "compose.yaml", 7),
        (("services", "web", "volumes", 7), "", "compose.yaml", 6),
        (("services", "web", "labels", "l"), "l", "compose.yaml", 13),
    ],
)
def test_places(places: Places, path: tuple[str | int, ...], needle: str, file: str, line: int) -> None:
    spot = places.find(path, needle)
    assert spot is not None
    assert (Path(spot.file).name, spot.place.line) == (file, line)


def test_what_is_nowhere(places: Places) -> None:
    assert places.find(("volumes", "data")) is None
    assert places.find(("services", "gone", "image")).depth == 1  # type: ignore[union-attr]


def test_what_is_written(places: Places) -> None:
    written = {name: places.written(("services", "web", "environment", name)) for name in "ABEG"}
    assert written == {"A": "1", "B": "${C}", "E": "1", "G": None}
    assert places.written(("services", "web", "labels", "l")) == "v"


def test_extends_in_rounds_through_many_files_is_followed_once(tmp_path: Path) -> None:
    files = [f"{number}.yaml" for number in range(8)]
    rounds = "services: {a: {extends: b}, b: {extends: a, tmpfs: ['/x:${O:-exec}']}}\n"
    write(tmp_path, dict.fromkeys(files, rounds))
    inputs = read_inputs(ComposeProject(None, tuple(tmp_path / name for name in files), tmp_path))
    found = Places(inputs.documents, inputs.documents)
    assert found.find(("services", "a", "tmpfs", 0), "/x") is not None
    assert found.find(("services", "a", "privileged")).depth == 2  # type: ignore[union-attr]
    assert found.has_variables(("services", "a", "tmpfs")) and not found.has_variables(("services", "a", "ports"))
    assert [one.value for one in found.items(("services", "a", "tmpfs"))] == ["/x:exec"] * 8 * 8
