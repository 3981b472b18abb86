"""Which files and variables a project is made of, and when its rendering has to be made again."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from controller.intake import inputs
from controller.intake.environment import scrubbed, values_digest
from controller.intake.inputs import read_inputs, rendering_key
from controller.intake.source import read_env
from controller.model.project import ComposeProject

pytestmark = pytest.mark.unit

PROJECT = {
    "compose.yaml": """\
name: demo
include:
  - inc/compose.yaml
  - {path: [other/a.yaml, other/b.yaml], env_file: other.env, project_directory: other}
  - https://example.org/remote.git
services:
  web:
    image: "web:${TAG:-${FALLBACK}}"
    env_file: [web.env, {path: "${STAGE:-dev}.env", required: false}]
    label_file: labels
    environment: {TOKEN: , PLAIN: "$$NOT $YES"}
    extends: {file: base/base.yaml, service: base}
    security_opt: ["seccomp:profile.json", "seccomp=unconfined"]
    build: {context: ., args: [ARG, GIVEN=1]}
    profiles: [a, b]
configs: {c: {file: ./c.conf}}
secrets: {s: {environment: SECRET}, f: {file: "${UNSET:?no}/f"}}
""",
    "inc/compose.yaml": "services: {inner: {image: i, env_file: inner.env, profiles: [c]}}\n",
    "other/a.yaml": "services: {other: {image: o, env_file: o.env}}\n",
    "other/b.yaml": "services: {other: {environment: [PASSED, SET=1]}}\n",
    "base/base.yaml": "services: {base: {image: b, env_file: base.env}}\n",
    ".env": "STAGE=prod\nFROM_ENV=${NESTED}\n",
    "web.env": "A=1\nONLY_NAME\n",
}


@pytest.fixture
def project(tmp_path: Path) -> ComposeProject:
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return ComposeProject(None, (tmp_path / "compose.yaml",), tmp_path, environment={"HOME": "/h"})


def test_every_file(project: ComposeProject) -> None:
    found = read_inputs(project)
    assert {os.path.relpath(path, project.directory) for path in found.files} == {
        *(".env", "compose.yaml", "inc/compose.yaml", "inc/.env", "inc/inner.env", "other/a.yaml", "other/b.yaml"),
        *("other.env", "other/o.env", "base/base.yaml", "base/base.env", "web.env", "prod.env", "labels"),
        *("profile.json", "c.conf"),
    }
    assert found.unknown == ("https://example.org/remote.git", "${UNSET:?no}/f")
    assert found.findings == ()


def test_every_variable(project: ComposeProject) -> None:
    assert read_inputs(project).variables == {
        *("TAG", "FALLBACK", "STAGE", "TOKEN", "YES", "ARG", "SECRET", "UNSET", "PASSED", "NESTED", "ONLY_NAME"),
    }


def test_variables_that_are_set_or_would_be_blank(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(
        "services: {web: {image: '$A ${B} ${C:-c} ${D}', labels: ['$$E', '${F?no}', '${G-}']}}"
    )
    (tmp_path / ".env").write_text("B=1\n")
    project = ComposeProject(None, (tmp_path / "compose.yaml",), tmp_path, environment={"A": "1", "X": "1"})
    found = read_inputs(project)
    assert (found.given, found.blank) == ({"A", "B"}, {"D"})


def test_services_and_their_profiles(project: ComposeProject) -> None:
    found = read_inputs(project)
    assert found.services == {"web": {"a", "b"}, "inner": {"c"}, "other": frozenset()}
    assert found.known_profiles == {"a", "b", "c"}
    assert found.name == "demo"


CHANGES: dict[str, tuple[Callable[[Path], object], bool]] = {
    "nothing": (lambda root: None, False),
    "a file of none of its inputs": (lambda root: (root / "README").write_text("x"), False),
    "the same text again": (lambda root: (root / "web.env").write_text(PROJECT["web.env"]), False),
    "the Compose file": (lambda root: (root / "compose.yaml").write_text(PROJECT["compose.yaml"] + "# x\n"), True),
    "an included file": (lambda root: (root / "inc/compose.yaml").write_text("services: {}\n"), True),
    "an extended file": (lambda root: (root / "base/base.yaml").write_text("services: {}\n"), True),
    "an env file": (lambda root: (root / "web.env").write_text("A=2\n"), True),
    ".env": (lambda root: (root / ".env").write_text("STAGE=dev\n"), True),
    "an optional file appears": (lambda root: (root / "prod.env").write_text("B=1\n"), True),
    "a file vanishes": (lambda root: (root / "web.env").unlink(), True),
    "a config": (lambda root: (root / "c.conf").write_text("x"), True),
}


@pytest.mark.parametrize("case", CHANGES)
def test_when_to_render_again(case: str, project: ComposeProject) -> None:
    change, again = CHANGES[case]
    before = rendering_key(project, read_inputs(project), "2.26.1")
    change(project.directory)
    assert (rendering_key(project, read_inputs(project), "2.26.1") != before) is again


ENVIRONMENTS: dict[str, tuple[Mapping[str, str], bool]] = {
    "the same": ({"HOME": "/h"}, False),
    "a variable that nobody uses": ({"HOME": "/h", "PS1": "$"}, False),
    "a variable that is used": ({"HOME": "/h", "TAG": "2"}, True),
    "one that is set, but empty": ({"HOME": "/h", "TAG": ""}, True),
    "one of a default": ({"HOME": "/h", "FALLBACK": "x"}, True),
    "one passed on": ({"HOME": "/h", "TOKEN": "x"}, True),
    "a secret's": ({"HOME": "/h", "SECRET": "x"}, True),
}


@pytest.mark.parametrize("case", ENVIRONMENTS)
def test_variables_key_the_rendering(case: str, project: ComposeProject) -> None:
    environment, again = ENVIRONMENTS[case]
    other = ComposeProject(None, project.files, project.directory, environment=environment)
    before, after = (rendering_key(one, read_inputs(one), "2.26.1") for one in (project, other))
    assert (before != after) is again


def test_profiles_and_the_version_of_compose_key_the_rendering(project: ComposeProject) -> None:
    inputs = read_inputs(project)
    other = ComposeProject(None, project.files, project.directory, profiles=("a",), environment=project.environment)
    keys = {
        rendering_key(project, inputs, "2.26.1"),
        rendering_key(project, inputs, "2.40.3"),
        rendering_key(other, inputs, "2.26.1"),
    }
    assert len(keys) == 3


def test_files_that_include_each_other_come_to_an_end(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("include: [b.yaml]\n")
    (tmp_path / "b.yaml").write_text("include: [a.yaml]\n")
    found = read_inputs(ComposeProject(None, (tmp_path / "a.yaml",), tmp_path))
    assert len(found.documents) == 2


def test_odd_shapes_are_left_to_compose(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "include: 5\nservices: {a: 3, b: {env_file: {x: 1}, extends: c, profiles: 7}, c: [1]}\nconfigs: [x]\n"
    )
    assert read_inputs(ComposeProject(None, (tmp_path / "a.yaml",), tmp_path)).findings == ()


@pytest.mark.fault("F4")
def test_an_env_file_is_read_once_however_often_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    monkeypatch.setattr(inputs, "read_env", lambda path: read.append(path) or read_env(path))
    (tmp_path / "a.env").write_text("A=1\n")
    (tmp_path / "compose.yaml").write_text(f"services: {{a: {{env_file: [&a a.env{', *a' * 500}]}}}}\n")
    read_inputs(ComposeProject(None, (tmp_path / "compose.yaml",), tmp_path))
    assert len(read) == 2


@pytest.mark.fault("F4")
def test_more_files_than_are_looked_at_are_refused(tmp_path: Path) -> None:
    secrets = ", ".join(f"s{number}: {{file: f{number}}}" for number in range(2 * inputs.MAX_FILES))
    (tmp_path / "compose.yaml").write_text(f"include: [b.yaml]\nsecrets: {{{secrets}}}\n")
    found = read_inputs(ComposeProject(None, (tmp_path / "compose.yaml",), tmp_path))
    (finding,) = found.findings
    assert finding.file == str(tmp_path / "compose.yaml") and "too many" in finding.message
    assert len(found.files) == inputs.MAX_FILES


def test_environment() -> None:
    environment = {
        "A": "1",
        "CONTROLLER_X": "1",
        "COMPOSE_FILE": "1",
        "ENCRYPTION_KEY_FILE": "1",
        "JWT_SECRET_KEY": "1",
    }
    assert scrubbed(environment) == {"A": "1"}
    assert values_digest(("A", "B"), {"A": "1"}) != values_digest(("A", "B"), {"A": "1", "B": ""})
    assert values_digest(("A", "B"), {"A": "1", "C": "2"}) == values_digest(("B", "A"), {"A": "1"})
