"""Words, codes and streams of the command line itself, as docs/cli.md has them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from controller.cli.catalogue import CATALOGUE
from tests.contract_cli.command import CONTROLLER, controller

WORDS = [entry.word for _, entries in CATALOGUE for entry in entries]


def test_every_word_is_there() -> None:
    promised = (
        "run plan apply start stop retry pause resume rollout adopt release confirm status get describe why events"
        " resources logs alerts graph validate render schema doctor init ide prune completion version"
    )
    assert set(promised.split()) <= set(WORDS)


@pytest.mark.parametrize("word", ["status", "history", "undo", "restart", "pause", "resume"])
def test_every_word_of_rollout_explains_itself(word: str) -> None:
    ran = controller("rollout", word, "--help")
    assert (ran.code, ran.err) == (0, "") and ran.out.startswith(f"Usage: controller rollout {word}")
    assert f"\n  {word} " in controller("rollout", "--help").out


@pytest.mark.parametrize("word", ["show", "undo", "apply", "resume"])
def test_every_word_of_resources_explains_itself(word: str) -> None:
    ran = controller("resources", word, "--help")
    assert (ran.code, ran.err) == (0, "") and ran.out.startswith(f"Usage: controller resources {word}")
    assert f"\n  {word} " in controller("resources", "--help").out


@pytest.mark.parametrize("word", ["init", "status"])
def test_every_word_of_ide_explains_itself(word: str) -> None:
    ran = controller("ide", word, "--help")
    assert (ran.code, ran.err) == (0, "") and ran.out.startswith(f"Usage: controller ide {word}")
    assert f"\n  {word} " in controller("ide", "--help").out


@pytest.mark.parametrize("word", WORDS)
def test_every_command_explains_itself(word: str) -> None:
    ran = controller(word, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: controller {word}")


def test_help_without_a_word() -> None:
    assert controller().out == controller("--help").out == controller("-h").out
    assert all(f"\n  {word} " in controller().out for word in WORDS)


def test_version_loads_nothing_heavy() -> None:
    probe = (
        "import sys; from controller.cli.main import run; run(['version']);"
        "heavy = {'pydantic', 'loguru', 'rich', 'python_on_whales', 'yaml', 'tenacity', 'watchfiles', 'psutil'};"
        "heavy |= {'fastapi', 'uvicorn', 'sqlite3', 'importlib.metadata', 'controller.engines', 'controller.loop'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1] == "[]"


def test_version_in_every_form() -> None:
    number = controller("version", "-o", "name").out.strip()
    assert number == version("compose-controller")
    assert controller("version").out == f"controller {number}\n"
    assert controller("--version").out == f"{number}\n"
    assert json.loads(controller("version", "-o", "json").out)["version"] == number
    assert yaml.safe_load(controller("-o", "yaml", "version").out)["version"] == number


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("aply",), "did you mean 'apply'?"),
        (("status", "--nonsense"), "--nonsense"),
        (("get",), "KIND"),
        (("get", "nonsense"), "stacks, services"),
        (("apply", "--timeout", "soon"), "not a duration"),
        (("status", "-o", "xml"), "xml"),
        (("completion", "tcsh"), "tcsh"),
        (("prune", "--all"), "name of a stack"),
        (("rollout", "nonsense"), "nonsense"),
        (("events", "-f", "compose.yaml"), "here -f means --follow"),
        (("alerts", "silence"), "give --for DURATION, or --end NUMBER"),
        (("alerts", "ack"), "ID|SERVICE"),
        (("rollout", "restart"), "SERVICE"),
        (("resources", "undo"), "SERVICE"),
        (("rollout", "undo", "--to", "soon"), "soon"),
    ],
)
def test_a_usage_error_is_one_line_a_hint_and_code_2(arguments: tuple[str, ...], word: str) -> None:
    ran = controller(*arguments)
    assert (ran.code, ran.out) == (2, "")
    lines = ran.err.splitlines()
    assert lines[0].startswith("error: ") and word in ran.err
    assert lines[-1].startswith("hint: controller") and lines[-1].endswith("--help")


def test_options_mean_the_same_before_and_after_the_word() -> None:
    assert controller("-o", "json", "version").out == controller("version", "-o", "json").out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_of_that_shell(shell: str) -> None:
    ran = controller("completion", shell)
    assert ran.code == 0 and "_CONTROLLER_COMPLETE" in ran.out
    if shutil.which(shell):
        checked = subprocess.run([shell, "-n"], input=ran.out, text=True, capture_output=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, "")


def test_completion_knows_commands_and_kinds() -> None:
    def complete(line: str) -> list[str]:
        env = {"_CONTROLLER_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
        return [answer.partition(",")[2] for answer in controller(env=env).out.splitlines()]

    assert complete("controller st") == ["start", "stop", "status"]
    assert complete("controller get se") == ["services", "security"]
    assert complete("controller get rev") == ["revisions"]
    assert complete("controller rollout un") == ["undo"]


def test_schema_accepts_the_sample_and_refuses_a_typo(tmp_path: Path) -> None:
    import jsonschema

    schema = json.loads(controller("schema").out)
    stack = {"apiVersion": "controller/v1", "kind": "Stack", "metadata": {"name": "shop"}, "spec": {"autoStart": False}}
    jsonschema.validate(stack, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**stack, "spec": {"autostart": False}}, schema)


def test_doctor_without_an_engine_says_how_to_mend_and_fails(tmp_path: Path) -> None:
    env = {"DOCKER_HOST": f"unix://{tmp_path}/none.sock", "CONTROLLER_STATE_DIR": str(tmp_path / "state")}
    ran = controller("doctor", "-o", "json", env=env)
    checks = {check["name"]: check for check in json.loads(ran.out)["checks"]}
    failed = checks["engine"] if "engine" in checks else checks["docker"]
    assert ran.code == 1 and failed["verdict"] == "fail" and failed["mend"]


@pytest.mark.engine
def test_doctor_with_an_engine_is_content(tmp_path: Path) -> None:
    ran = controller("doctor", env={"CONTROLLER_STATE_DIR": str(tmp_path / "state")})
    assert ran.code == 0, ran.out
    assert not (tmp_path / "state").exists()


def test_the_unit_of_systemd_goes_to_stdout_and_its_use_to_stderr(tmp_path: Path) -> None:
    ran = controller("init", "--systemd", "-f", "shop.yaml", cwd=tmp_path)
    assert ran.code == 0 and f"-f {tmp_path}/shop.yaml" in ran.out and f"WorkingDirectory={tmp_path}" in ran.out
    assert "hint: " in ran.err and "hint" not in ran.out
    assert controller("-q", "init", "--systemd", cwd=tmp_path).err == ""


def test_a_reader_that_leaves_early_is_no_error() -> None:
    pipe = f"{CONTROLLER} schema | head -1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {pipe}"], capture_output=True, text=True, check=False)
    assert (done.stderr, done.stdout) == ("", "{\n")
