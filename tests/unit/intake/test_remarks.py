"""What is accepted and told with its place and a mend, and what `security.strict` refuses before Compose is called."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from controller.intake.inputs import read_inputs
from controller.intake.targets import Request, find_targets
from controller.model.errors import Finding
from tests.unit.intake.folders import SHELL, project_of

pytestmark = pytest.mark.unit

TOLD: Mapping[str, tuple[str, int, str, str]] = {
    "set nowhere": ('services: {a: {image: "x:${NOWHERE}"}}', 23, "services.a.image", "NOWHERE is set nowhere"),
    "set by the shell only": ('services: {a: {image: "x:$FROM_SHELL"}}', 23, "services.a.image", "from the shell"),
    "passed on from the shell": (
        "services: {a: {image: x, environment: [A=1, FROM_SHELL]}}",
        45,
        "services.a.environment",
        "FROM_SHELL is taken from the shell",
    ),
    "passed on in a mapping": (
        "services: {a: {image: x, environment: {A: 1, FROM_SHELL: }}}",
        46,
        "services.a.environment",
        "FROM_SHELL is taken from the shell",
    ),
    "passed on to a build": (
        "services: {a: {build: {context: ., args: [FROM_SHELL, B=1]}}}",
        43,
        "services.a.build.args",
        "FROM_SHELL is taken from the shell",
    ),
    "a secret of the shell's": (
        "secrets: {s: {environment: FROM_SHELL}}",
        28,
        "secrets.s.environment",
        "FROM_SHELL is taken from the shell",
    ),
    "a config of no variable": (
        "configs: {c: {environment: NOWHERE}}",
        28,
        "configs.c.environment",
        "NOWHERE is set nowhere",
    ),
    "the controller's key": (
        'services: {a: {image: "${ENCRYPTION_KEY:-none}"}}',
        23,
        "services.a.image",
        "ENCRYPTION_KEY is the controller's own",
    ),
    "an include from elsewhere": ('include: ["https://e.org/x.git"]\nservices: {}', 11, "include[0]", "fetched"),
    "an extends from elsewhere": (
        "services: {a: {extends: {file: 'git@e.org:x', service: b}}}",
        32,
        "services.a.extends.file",
        "fetched",
    ),
    "a build from elsewhere": ("services: {a: {build: github.com/e/x}}", 23, "services.a.build", "fetched"),
    "a context from elsewhere": (
        "services: {a: {build: {context: 'https://e.org/x.git'}}}",
        33,
        "services.a.build.context",
        "fetched",
    ),
    "a further context from elsewhere": (
        "services: {a: {build: {context: ., additional_contexts: {b: 'https://e.org/x.git'}}}}",
        61,
        "services.a.build.additional_contexts.b",
        "fetched",
    ),
    "one in a list": (
        "services: {a: {build: {context: ., additional_contexts: ['b=git@e.org:x']}}}",
        58,
        "services.a.build.additional_contexts[0]",
        "fetched",
    ),
    "a service of that name": (
        "services: {build: {image: x, env_file: /etc/passwd}}",
        40,
        "services.build.env_file",
        "outside of the project folder",
    ),
    "an env file outside": (
        "services: {a: {image: x, env_file: [/etc/passwd]}}",
        37,
        "services.a.env_file[0]",
        "outside of the project folder",
    ),
    "an env file behind a link": (
        "services: {a: {image: x, env_file: {path: link.env, required: false}}}",
        43,
        "services.a.env_file.path",
        "outside of the project folder",
    ),
    "a secret outside": ("secrets: {s: {file: /etc/passwd}}", 21, "secrets.s.file", "outside of the project folder"),
    "an include outside": ("include: ['../b.yaml']\nservices: {}", 11, "include[0]", "outside of the project folder"),
    "a secret that is not there": ("secrets: {s: {file: ./no}}", 21, "secrets.s.file", "'./no' does not exist"),
    "a config that is not there": ("configs: {s: {file: ./no}}", 21, "configs.s.file", "'./no' does not exist"),
}
SILENT = {
    "a default": 'services: {a: {image: "${NOWHERE:-x}"}}',
    "set by the .env": 'services: {a: {image: "$FILED"}}',
    "set by both": 'services: {a: {image: "$BOTH"}}',
    "what is set everywhere": 'services: {a: {image: x, volumes: ["${HOME}/x:/x"], labels: ["$COMPOSE_PROJECT_NAME"]}}',
    "an escaped dollar": 'services: {a: {image: x, command: "echo $$NOWHERE"}}',
    "files inside": "services: {a: {image: x, env_file: [a.env]}}\nsecrets: {s: {file: ./a.env}}",
    "a context beside": "services: {a: {build: ../app}}",
    "other contexts": (
        "services: {a: {build: {context: ., additional_contexts: "
        "{b: ../b, c: 'docker-image://x', d: 'service:e'}, args: {B: 1, FILED: }}}}"
    ),
    "secrets of the .env": "secrets: {s: {environment: FILED}}",
    "mounts of the host": "services: {a: {image: x, volumes: ['/etc/localtime:/etc/localtime:ro']}}",
    "an external secret": "secrets: {s: {external: true}}",
    "odd shapes": "include: {}\nservices: {a: [1], b: {env_file: {}, build: [], extends: x, environment: 7}}",
}


def remarks(folder: Path, text: str) -> tuple[Finding, ...]:
    found = read_inputs(project_of(folder, text))
    assert found.findings == ()
    return found.remarks


@pytest.mark.fault("F8")
@pytest.mark.parametrize("case", TOLD)
def test_told_with_its_place_and_a_mend(case: str, tmp_path: Path) -> None:
    text, column, path, words = TOLD[case]
    (finding,) = remarks(tmp_path, text)
    assert (finding.file, finding.line, finding.column) == (str(tmp_path / "p" / "compose.yaml"), 1, column)
    assert finding.path == path
    assert words in finding.message
    assert finding.hint


@pytest.mark.parametrize("case", SILENT)
def test_nothing_is_said_of(case: str, tmp_path: Path) -> None:
    assert remarks(tmp_path, SILENT[case]) == ()


def test_a_variable_is_told_once_and_remarks_stand_in_the_order_of_lines(tmp_path: Path) -> None:
    text = "services:\n  b: {image: '$B$A'}\n  a: {image: '$A', env_file: /etc/passwd}\n"
    found = remarks(tmp_path, text)
    assert [(finding.line, finding.message.split()[0]) for finding in found] == [
        (2, "A"),
        (2, "B"),
        (3, "'/etc/passwd'"),
    ]


def test_an_included_project_may_have_an_env_file_of_its_own(tmp_path: Path) -> None:
    text = "include: [sub.yaml]\nservices: {}"
    project = project_of(tmp_path, text)
    (tmp_path / "p" / "sub.yaml").write_text("services: {a: {image: '$OTHER', labels: ['$JWT_SECRET_KEY']}}")
    (finding,) = read_inputs(project).remarks
    assert "JWT_SECRET_KEY" in finding.message and finding.file == str(tmp_path / "p" / "sub.yaml")


BASE = "services: {b: {image: '$NOWHERE'}}\n"


@pytest.mark.fault("F8")
def test_an_extended_file_is_read_with_the_variables_of_who_extends_it(tmp_path: Path) -> None:
    extends = "services: {a: {extends: {file: base.yaml, service: b}}}"
    project = project_of(tmp_path, extends)
    (tmp_path / "p" / "base.yaml").write_text(BASE)
    (finding,) = read_inputs(project).remarks
    assert "NOWHERE is set nowhere" in finding.message and finding.file == str(tmp_path / "p" / "base.yaml")
    (tmp_path / "p" / "compose.yaml").write_text("include: [sub.yaml]\n")
    (tmp_path / "p" / "sub.yaml").write_text(extends)
    assert read_inputs(project).remarks == ()


MANIFEST = """\
apiVersion: controller/v1
kind: Stack
metadata: {name: p}
spec:
  security: {strict: STRICT}
"""


def targets_of(folder: Path, text: str, strict: bool) -> object:
    project_of(folder, text)
    (folder / "p" / "stack.yaml").write_text(MANIFEST.replace("STRICT", str(strict).lower()))
    return find_targets(Request(folder / "p", SHELL, ("stack.yaml",)))


@pytest.mark.fault("F8")
@pytest.mark.parametrize("case", TOLD)
def test_strict_refuses_each_before_compose_is_called(case: str, tmp_path: Path) -> None:
    found = targets_of(tmp_path, TOLD[case][0], strict=True)
    (finding,) = found.findings  # type: ignore[attr-defined]
    assert (finding.line, finding.column) == (1, TOLD[case][1])
    assert finding.message.endswith("(refused: security.strict)")


def test_without_strict_the_stack_is_used(tmp_path: Path) -> None:
    found = targets_of(tmp_path, TOLD["an env file outside"][0], strict=False)
    assert found.findings == ()  # type: ignore[attr-defined]
