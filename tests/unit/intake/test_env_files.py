"""Env files: what their variables are told for, and which are refused before Compose opens them."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import pytest

from controller.intake.inputs import read_inputs
from tests.unit.intake.folders import project_of

pytestmark = pytest.mark.unit

ENV_LINES = {
    "set by the shell only": ("A=${FROM_SHELL}", "FROM_SHELL is taken from the shell"),
    "set nowhere": ('A="x${NOWHERE}"', "NOWHERE is set nowhere"),
    "passed on": ("FROM_SHELL", "FROM_SHELL is taken from the shell"),
    "of its own name": ("FROM_SHELL=$FROM_SHELL", "FROM_SHELL is taken from the shell"),
}


@pytest.mark.fault("F8")
@pytest.mark.parametrize("case", ENV_LINES)
@pytest.mark.parametrize("role", [".env", "a.env"])
def test_variables_in_env_files_are_told_at_their_line(case: str, role: str, tmp_path: Path) -> None:
    line, words = ENV_LINES[case]
    project = project_of(tmp_path, "services: {a: {image: x, env_file: a.env}}")
    (tmp_path / "p" / role).write_text(f"# $NO\nB='$NO'\n{line}\n")
    (finding,) = read_inputs(project).remarks
    assert words in finding.message and finding.hint
    assert (finding.file, finding.line) == (str(tmp_path / "p" / role), 3)


def test_nothing_is_said_of_what_an_env_file_sets_or_quotes(tmp_path: Path) -> None:
    project = project_of(tmp_path, "services: {a: {image: x, env_file: a.env}}")
    text = "A=1\nB=$A$FILED${NOWHERE:-x}$HOME\nC='$NOWHERE'\nD=\"\\$NOWHERE\"\nE=$$NOWHERE\nFILED\n"
    (tmp_path / "p" / "a.env").write_text(text)
    assert read_inputs(project).remarks == ()


def test_an_env_file_that_is_no_utf8_is_read_and_told(tmp_path: Path) -> None:
    project = project_of(tmp_path, "services: {a: {image: '$FILED', env_file: a.env}}")
    (tmp_path / "p" / "a.env").write_bytes(b"A=1\nB=\xe4\n")
    (finding,) = read_inputs(project).remarks
    assert (finding.file, finding.line, finding.column) == (str(tmp_path / "p" / "a.env"), 2, 3)
    assert finding.message == "is not UTF-8 text"


ENV_FILES = {
    "a pipe": (os.mkfifo, "not a regular file"),
    "a NUL byte": (lambda path: path.write_bytes(b"A=1\nB=\0"), ":2:3: is binary"),
    "2 MiB": (lambda path: path.write_bytes(b"a" * (2 << 20)), "more than 1048576 bytes"),
    "a device without end": (lambda path: path.symlink_to("/dev/zero"), "not a regular file"),
}


@pytest.mark.fault("F4")
@pytest.mark.parametrize("case", ENV_FILES)
@pytest.mark.parametrize("role", [".env", "x.env"])
def test_an_env_file_is_refused_before_compose_opens_it(case: str, role: str, tmp_path: Path) -> None:
    write, words = ENV_FILES[case]
    project = project_of(tmp_path, textwrap.dedent("services: {a: {image: x, env_file: x.env}}"))
    (tmp_path / "p" / ".env").unlink()
    write(tmp_path / "p" / role)
    (finding,) = read_inputs(project).findings
    assert words in str(finding) and str(finding).startswith(str(tmp_path / "p" / role))


def test_the_null_device_and_a_folder_hold_no_variables(tmp_path: Path) -> None:
    project = project_of(tmp_path, "services: {a: {image: x, env_file: null.env}}")
    (tmp_path / "p" / ".env").unlink()
    (tmp_path / "p" / ".env").mkdir()
    (tmp_path / "p" / "null.env").symlink_to("/dev/null")
    assert read_inputs(project).findings == ()
