"""What is accepted and told with its place and a mend, and what `security.strict` refuses before Compose is called."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from controller.intake.inputs import read_inputs
from controller.intake.targets import Request, find_targets
from controller.model.errors import Finding
from controller.model.project import ComposeProject, ImageDefaults
from tests.unit.intake.builders import needs, resolved

pytestmark = pytest.mark.unit

SHELL = {"FROM_SHELL": "1", "HOME": "/h", "BOTH": "2"}

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


def project_of(folder: Path, text: str) -> ComposeProject:
    (folder / "p").mkdir()
    (folder / "b.yaml").write_text("services: {}\n")
    (folder / "p" / "compose.yaml").write_text(text)
    (folder / "p" / ".env").write_text("FILED=1\nBOTH=1\n")
    (folder / "p" / "a.env").write_text("A=1\n")
    (folder / "p" / "link.env").symlink_to("/etc/passwd")
    return ComposeProject(None, (folder / "p" / "compose.yaml",), folder / "p", environment=SHELL)


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


HEALTHY = needs("db", condition="service_healthy")


def brings_check(brings: bool | None) -> ImageDefaults | None:
    return None if brings is None else ImageDefaults(brings)


WAITS = {"web": HEALTHY, "db": {}}


@pytest.mark.parametrize(
    ("brings", "strict", "refused", "words"),
    [
        (None, False, False, "unless its image has one: it counts as healthy once it has run for 1 s"),
        (None, True, False, "unless its image has one"),
        (False, False, False, "no health check: it counts"),
        (False, True, True, "refused: security.strict"),
    ],
)
def test_waiting_for_the_health_of_what_has_no_check(
    brings: bool | None, strict: bool, refused: bool, words: str
) -> None:
    spec = {"security": {"strict": strict}}
    found = resolved(WAITS, spec, image_defaults=lambda image: brings_check(brings))
    (finding,) = found.errors if refused else found.warnings
    assert finding.path == "services.web.depends_on.db"
    assert words in finding.message
    assert (found.stack is None) == refused


@pytest.mark.parametrize(
    ("db", "spec", "brings"),
    [
        ({"healthcheck": {"test": ["CMD", "true"]}}, None, False),
        ({}, {"services": {"db": {"readiness": {"tcp": {"port": 1}}}}}, False),
        ({}, None, True),
        ({"healthcheck": {"interval": "5s"}}, None, True),
        ({"healthcheck": {"test": [], "retries": 2}}, None, True),
    ],
    ids=["it has one", "the manifest has a probe", "its image has one", "its image's is adjusted", "so it is"],
)
def test_nothing_is_said_of_a_service_whose_health_can_be_seen(db: object, spec: object, brings: bool) -> None:
    found = resolved({"web": HEALTHY, "db": db}, spec, image_defaults=lambda image: brings_check(brings))  # type: ignore[dict-item,arg-type]
    assert found.warnings == found.errors == ()


@pytest.mark.parametrize("check", [{"disable": True}, {"test": ["NONE"], "interval": "5s"}], ids=["disable", "NONE"])
def test_a_check_that_is_switched_off_is_none_whatever_the_image_brings(check: Mapping[str, object]) -> None:
    found = resolved(
        {"web": HEALTHY, "db": {"healthcheck": check}}, image_defaults=lambda image: ImageDefaults(checks=True)
    )
    assert "has no health check: it counts" in found.warnings[0].message


REPLICAS = {"fewer than none": -1, "more than a network has ports": 1001}


@pytest.mark.fault("F5")
@pytest.mark.parametrize("case", REPLICAS)
def test_replicas_that_cannot_be(case: str) -> None:
    found = resolved({"web": {"scale": REPLICAS[case]}})
    assert found.stack is None
    assert found.errors[0].path == "spec.services.web.replicas"


def test_two_services_cannot_share_a_container_name_unless_one_has_no_replica() -> None:
    both = {"a": {"container_name": "n"}, "b": {"container_name": "n"}}
    assert [finding.path for finding in resolved(both).errors] == ["services.b.container_name"]
    assert resolved({**both, "b": {"container_name": "n", "scale": 0}}).errors == ()


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
