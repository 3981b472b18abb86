"""What we make of a text is what Compose makes of it; what Compose refuses is one finding with its place."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.engines.compose_engine import ComposeEngine
from controller.engines.runner import Command, run
from controller.intake.source import parse_documents
from controller.intake.targets import Request, find_targets
from controller.loop.generation import render_target, resolve_target
from controller.model.errors import InvalidInput
from tests.faults.test_files import SAMPLES, changed

pytestmark = pytest.mark.engine

AMBIGUOUS = """\
services: {a: {image: x}}
x-values:
  words: [no, yes, on, off, n, y, NO, True, FALSE, true, ~, null, Null, '', "1"]
  times: [22:22, 1:30, 12:30:45.5]
  numbers: [1, -1, +1, 0x1F, 0o17, 1.5, -.5, 1e3, 1E-2, 1_000, 12345678901234567890, 0.1, 012, 0b11, 09, -0x1F, 1_0.5]
  odd: ['@', "<", =, 1.2.3, v1, 0x, 1e, e1, -, "a: b"]
  quoted: ["no", 'yes', "22:22", '0x10', "\\u00e9\\n"]
  blocks: [!!str 5, !!str no]
  folded: >
    one
    two
  literal: |
    one
      two
  base: &base {k: 1, l: [a]}
  merged: {<<: *base, k: 2}
  first: {<<: [{k: 1}, {k: 2, m: 3}]}
  alias: *base
"""


def compose_reads(folder: Path) -> object:
    words = ["docker", "compose", "--project-directory", folder, "config", "--format", "json"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["x-values"]


@pytest.mark.fault("F4")
@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_ambiguous_scalars_are_read_as_compose_reads_them(ending: str, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_bytes(AMBIGUOUS.replace("\n", ending).encode())
    (document,) = parse_documents(AMBIGUOUS.replace("\n", ending), "compose.yaml")
    ours, theirs = document.data()["x-values"], compose_reads(tmp_path)
    assert isinstance(theirs, dict)
    assert ours == theirs


REFUSED = {
    "a cycle": "services: {a: {image: x, depends_on: [b]}, b: {image: x, depends_on: [a]}}",
    "a missing service": "services: {a: {image: x, depends_on: [b]}}",
    "an unknown key": "services: {a: {image: x, enviroment: {A: 1}}}",
    "a dangling network": "services: {a: {image: x, networks: [n]}}",
    "a dangling volume": "services: {a: {image: x, volumes: ['data:/x']}}",
    "a dangling secret": "services: {a: {image: x, secrets: [s]}}",
    "a dangling config": "services: {a: {image: x, configs: [s]}}",
    "a port that cannot be": "services: {a: {image: x, ports: ['99999:80']}}",
    "replicas with one name": "services: {a: {image: x, container_name: n, scale: 2}}",
    "two services with one name": "services: {a: {image: x, container_name: n}, b: {image: x, container_name: n}}",
    "fewer than no replicas": "services: {a: {image: x, scale: -1}}",
    "too many replicas": "services: {a: {image: x, deploy: {replicas: 1000000000}}}",
    "an env file that is not there": "services: {a: {image: x, env_file: [none.env]}}",
    "a required variable": "services: {a: {image: '${NOWHERE:?say which}'}}",
    "an include of itself": "include: [compose.yaml]\nservices: {a: {image: x}}",
    "an extends of itself": "services: {a: {extends: {file: compose.yaml, service: a}}}",
    "a list of services": "services: [a]",
    "a service of text": "services: {a: x}",
    "a word": "hello",
    "no image": "services: {a: {command: x}}",
}


def read(engine: ComposeEngine, folder: Path) -> InvalidInput | None:
    """As `validate` reads it; what is wrong."""
    targets = find_targets(Request(folder, {"HOME": "/h", "PATH": "/usr/local/bin:/usr/bin:/bin"}, ("compose.yaml",)))
    if targets.findings:
        return InvalidInput(targets.findings)
    (target,) = targets.stacks
    try:
        resolution = resolve_target(engine, target, render_target(engine, target))
    except InvalidInput as error:
        return error
    return InvalidInput(resolution.errors) if resolution.errors else None


@pytest.fixture(scope="module")
def engine() -> ComposeEngine:
    return ComposeEngine()


@pytest.mark.fault("F5")
@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_one_finding_with_its_place(case: str, engine: ComposeEngine, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(REFUSED[case])
    error = read(engine, tmp_path)
    assert error is not None and len(error.findings) == 1
    (finding,) = error.findings
    assert finding.file == str(tmp_path / "compose.yaml")
    assert finding.line == (1 if "include" not in case else finding.line) and finding.line is not None
    assert "\n" not in str(finding)


@pytest.mark.slow
@pytest.mark.fault("F5")
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_a_compose_file_with_anything_wrong_is_used_or_refused(
    data: st.DataObject, engine: ComposeEngine, tmp_path: Path
) -> None:
    text = yaml.safe_dump(changed(data, yaml.safe_load(SAMPLES["Compose file"].read_text())), allow_unicode=True)
    (tmp_path / "compose.yaml").write_text(text)
    error = read(engine, tmp_path)
    for finding in error.findings if error else ():
        assert finding.file and "\n" not in str(finding), text


@pytest.mark.slow
@pytest.mark.fault("F4")
def test_a_child_cannot_take_all_memory() -> None:
    """Were something to get past the guards, Compose ends and the machine does not."""
    script = "x = [bytearray(64 << 20) for _ in range(100)]"
    result = run(Command("a child", (sys.executable, "-S", "-c", script), {}, Path("/")), deadline=60.0)
    assert result.code != 0 and "MemoryError" in result.stderr
