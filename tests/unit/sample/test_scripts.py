"""What the set-up scripts decide without a machine to change: versions, variables, verdicts, locks, arguments."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]
SCRIPTS = (
    "scripts/quickstart",
    "scripts/test",
    "scripts/test-engines",
    "scripts/start-full-stack",
    "scripts/validate",
    "scripts/lock",
    "scripts/audit",
    ".ci/run",
)


def run(*command: str, stdin: str = "", cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=stdin, cwd=cwd, capture_output=True, text=True, timeout=30, check=False)


def shell(script: str, repo: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Runs the script after the libraries, on a checkout of its own."""
    names = ("say", "apt", "engine", "images", "newer", "engines")
    libraries = "".join(f". {ROOT}/scripts/lib/{name}.sh\n" for name in names)
    return run("bash", "-c", f"set -euo pipefail\nrepo={repo}\n{libraries}{script}")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "compose").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("found", "enough"),
    [
        ("2.24.0", True),
        ("2.24", True),
        ("2.100.1", True),
        ("2.26.1-4", True),
        ("5.0.1", True),
        ("2.9.3", False),
        ("", False),
    ],
)
def test_versions_are_compared_as_numbers(found: str, enough: bool) -> None:
    assert (shell(f"at_least '{found}' 2.24").returncode == 0) is enough


def test_variables_of_stand_ins_are_written_once(checkout: Path) -> None:
    shell("write_variables", checkout)
    written = (checkout / "compose/.env").read_text()
    assert "REDIS_IMAGE=local/redis:7.0\n" in written
    assert shell("write_variables", checkout).returncode == 0
    assert (checkout / "compose/.env").read_text() == written


def test_what_a_person_wrote_stays_and_wins(checkout: Path) -> None:
    mine = "# mine\nREDIS_IMAGE=my/redis:1\nPOSTGRES_PASSWORD=x\n"
    env = checkout / "compose/.env"
    env.write_text(mine)
    shell("write_variables", checkout)
    assert env.read_text().startswith(mine)
    assert "local/redis" not in env.read_text()
    assert "QDRANT_IMAGE=local/qdrant:edge" in env.read_text()


def test_an_unchanged_file_is_not_written_again(checkout: Path) -> None:
    shell("write_variables", checkout)
    before = (checkout / "compose/.env").stat()
    shell("write_variables", checkout)
    after = (checkout / "compose/.env").stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


def test_contents_decide_whether_an_image_is_built_anew(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    first = shell(f"contents_hash {tmp_path} base").stdout
    assert re.fullmatch(r"[0-9a-f]{16}\n", first)
    assert shell(f"contents_hash {tmp_path} base").stdout == first
    assert shell(f"contents_hash {tmp_path} other").stdout != first
    (tmp_path / "Dockerfile").write_text("FROM scratch\n#\n")
    assert shell(f"contents_hash {tmp_path} base").stdout != first


@pytest.mark.parametrize(
    ("phase", "word", "code"),
    [("Ready", "PASS", 0), ("Completed", "PASS", 0), ("Stopped", "PASS", 0), ("Degraded", "FAIL", 1)],
)
def test_a_phase_becomes_a_verdict(phase: str, word: str, code: int) -> None:
    service = {"name": "web", "phase": phase, "ready": 1, "desired": 2}
    state = json.dumps({"stacks": [{"name": "shop", "services": [service]}]})
    found = run(sys.executable, "scripts/lib/verdicts.py", stdin=state)
    assert (found.stdout, found.returncode) == (f"{word}  shop/web: {phase}, 1/2 ready\n", code)


def test_a_stack_that_nobody_knows_is_no_pass() -> None:
    found = run(sys.executable, "scripts/lib/verdicts.py", stdin='{"stacks": []}')
    assert (found.stdout, found.returncode) == ("FAIL  no service is known yet\n", 1)


@pytest.mark.parametrize("script", ["quickstart", "start-full-stack"])
@pytest.mark.parametrize("arguments", [["--nonsense"], ["--profile"]])
def test_a_wrong_argument_is_a_usage_error_before_anything_is_set_up(script: str, arguments: list[str]) -> None:
    found = run(f"scripts/{script}", *arguments)
    assert found.returncode == 2
    assert "==>" not in found.stderr
    assert f"usage: scripts/{script}" in found.stderr


def test_an_unknown_startup_profile_is_refused_with_the_known_ones() -> None:
    found = run("scripts/start-full-stack", "--profile=everything")
    assert found.returncode == 2
    assert "hint: minimal, development, full or testing" in found.stderr


@pytest.mark.parametrize("script", ["quickstart", "test", "test-engines", "start-full-stack", "validate", "audit"])
def test_help_is_printed_on_stdout(script: str) -> None:
    found = run(f"scripts/{script}", "--help")
    assert found.returncode == 0
    assert found.stdout.startswith(f"usage: scripts/{script}")


def junit(path: Path, **counts: object) -> Path:
    attributes = " ".join(f'{name}="{value}"' for name, value in counts.items())
    path.write_text(f"<testsuites><testsuite {attributes}/></testsuites>")
    return path


def test_each_engine_gets_a_line_in_the_table(tmp_path: Path) -> None:
    first = junit(tmp_path / "first.xml", tests=12, failures=0, errors=0, skipped=2, time=61.9)
    newer = junit(tmp_path / "newer.xml", tests=9, failures=0, errors=0, skipped=0, time=5)
    rows = ("20.10.24", "1.41", "2.26.1", str(first), "26.1.5", "1.45", "2.40.3", str(newer))
    found = run(sys.executable, "scripts/lib/engines.py", *rows)
    assert (found.stdout.splitlines(), found.returncode) == (
        [
            "engine   | api  | compose | passed | failed | skipped | time",
            "20.10.24 | 1.41 | 2.26.1  | 10     | 0      | 2       | 1m01s",
            "26.1.5   | 1.45 | 2.40.3  | 9      | 0      | 0       | 0m05s",
        ],
        0,
    )


def test_an_engine_where_a_test_failed_or_broke_fails_the_table(tmp_path: Path) -> None:
    broken = junit(tmp_path / "broken.xml", tests=3, failures=1, errors=1, skipped=0, time=1)
    found = run(sys.executable, "scripts/lib/engines.py", "26.1.5", "1.45", "2.40.3", str(broken))
    assert found.stdout.splitlines()[-1] == "26.1.5 | 1.45 | 2.40.3  | 1      | 2      | 0       | 0m01s"
    assert found.returncode == 1


@pytest.mark.parametrize("text", [None, "", '<testsuites><testsuite tests="3"'])
def test_tests_that_did_not_come_to_an_end_are_no_pass(tmp_path: Path, text: str | None) -> None:
    cut = tmp_path / "cut.xml"
    if text is not None:
        cut.write_text(text)
    found = run(sys.executable, "scripts/lib/engines.py", "26.1.5", "1.45", "2.40.3", str(cut))
    assert "did not end" in found.stdout and found.returncode == 1


@pytest.mark.parametrize(
    ("machine", "why"),
    [
        ("is_root() { false; }", "only root can start a second engine"),
        ("have() { [[ $1 != nsenter ]]; }", "there is no `nsenter` here"),
        ("have() { true; }; fetch_debian() { false; }", "its package cannot be had from http://deb.debian.org/debian"),
    ],
)
def test_where_a_second_engine_cannot_be_had_one_line_says_why(tmp_path: Path, machine: str, why: str) -> None:
    """And the script goes on."""
    cache = f"newer_parts={tmp_path}/none\nlog_dir={tmp_path}/logs"
    found = shell(f"is_root() {{ true; }}; {machine}\n{cache}\nopen_engines\necho on")
    assert (found.stdout, found.returncode) == ("on\n", 0)
    assert found.stderr.splitlines()[-1] == f"!!! THE ENGINE TESTS DO NOT RUN ON A SECOND, NEWER ENGINE: {why}"


def test_a_newer_compose_that_is_not_the_one_meant_is_not_used(tmp_path: Path) -> None:
    """The one that is here takes its place."""
    install = f"mkdir -p {tmp_path}/bin; install -m 755 /dev/null {tmp_path}/bin/dockerd"
    refuse = "is_root() { true; }; have() { true; }; logged() { false; }"
    found = shell(f'newer_parts={tmp_path}\nvenv=/none\n{install}\n{refuse}\nensure_newer\necho "<$no_newer>"')
    assert (found.stdout, found.returncode) == ("<>\n", 0)
    assert "the newer engine is tested with the one that is here" in found.stderr
    assert list(tmp_path.rglob("docker-compose")) == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_locks_hold_every_declared_dependency_with_hashes(lock: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = [*project["project"]["dependencies"]]
    if lock == "requirements-dev.lock":
        declared += project["dependency-groups"]["dev"]
    text = (ROOT / lock).read_text()
    locked = set(re.findall(r"^([a-z0-9-]+)==\S+.* \\$", text, flags=re.MULTILINE))
    names = {re.split(r"[^A-Za-z0-9_.-]", line, maxsplit=1)[0].lower().replace("_", "-") for line in declared}
    assert names - locked == set(), "run scripts/lock"


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_sound_bash(script: str) -> None:
    assert (ROOT / script).stat().st_mode & 0o111
    assert run("bash", "-n", script).stderr == ""
    if shutil.which("shellcheck"):
        assert run("shellcheck", "-x", "-S", "style", script).stdout == ""


@pytest.mark.parametrize(
    ("written", "image"),
    [("", "haproxy:3.0"), ("HAPROXY_IMAGE=my/proxy:1\n", "my/proxy:1"), ("export HAPROXY_IMAGE=x:2\n", "x:2")],
)
def test_the_image_of_the_ingress_is_the_persons_choice(checkout: Path, written: str, image: str) -> None:
    (checkout / "compose/.env").write_text(written)
    assert shell("unset HAPROXY_IMAGE; ingress_image", checkout).stdout == f"{image}\n"
