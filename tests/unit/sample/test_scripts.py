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
    "scripts/start-full-stack",
    "scripts/validate",
    "scripts/lock",
    ".ci/run",
)


def run(*command: str, stdin: str = "", cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=stdin, cwd=cwd, capture_output=True, text=True, timeout=30, check=False)


def shell(script: str, repo: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Runs the script after the libraries, on a checkout of its own."""
    libraries = "".join(f". {ROOT}/scripts/lib/{name}.sh\n" for name in ("say", "apt", "engine", "images"))
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


@pytest.mark.parametrize("script", ["quickstart", "test", "start-full-stack", "validate"])
def test_help_is_printed_on_stdout(script: str) -> None:
    found = run(f"scripts/{script}", "--help")
    assert found.returncode == 0
    assert found.stdout.startswith(f"usage: scripts/{script}")


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
