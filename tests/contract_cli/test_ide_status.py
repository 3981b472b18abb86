"""`controller ide status`, as a prompt calls it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from controller.cli.main import run
from tests.contract_cli.command import CONTROLLER, controller
from tests.contract_cli.conftest import Project

HEAVY = (
    "click pydantic loguru rich python_on_whales yaml tenacity watchfiles psutil fastapi uvicorn asyncio dataclasses"
    " pathlib typing inspect subprocess contextlib threading controller.engines controller.intake controller.decide"
    " controller.model.status controller.loop.store controller.loop.database controller.loop.disk"
)
PROBE = """
import atexit, sys
from controller.cli.main import entry
atexit.register(lambda: print(sorted(set(sys.argv[1].split(",")) & set(sys.modules))))
entry(["ide", "status", *sys.argv[2:]])
"""


def test_the_line_loads_nothing_heavy(applied: Project) -> None:
    """By modules and not by a clock: what takes the time is what is loaded."""
    env = {**os.environ, "CONTROLLER_STATE_DIR": str(applied.state)}
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(sorted(sys.modules))"], capture_output=True, text=True, check=True
    )
    heavy = ",".join(name for name in HEAVY.split() if f"'{name}'" not in bare.stdout)
    done = subprocess.run(
        [sys.executable, "-c", PROBE, heavy, "--engine", "simulated", "-o", "wide"],
        capture_output=True,
        text=True,
        env=env,
        cwd=applied.folder,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    line, loaded = done.stdout.splitlines()
    assert line.startswith("shop ○ no controller (was Converged 2/2, told ") and loaded == "[]"


def test_it_says_that_no_controller_runs(applied: Project) -> None:
    ran = applied.run("ide", "status")
    assert (ran.code, ran.out, ran.err) == (0, "shop ○ no controller (was Converged 2/2)\n", "")
    assert applied.run("ide", "status", "--exit-code").code == 1
    (stack,) = json.loads(applied.run("ide", "status", "-o", "json").out)["stacks"]
    assert (stack["phase"], stack["ready"], stack["wanted"], stack["kept"]) == ("Converged", 2, 2, False)
    assert applied.run("ide", "status", "-o", "name").out == "shop\n"


def test_a_prompt_stays_empty_where_no_stack_is(applied: Project) -> None:
    env = {"CONTROLLER_STATE_DIR": str(applied.state)}
    elsewhere = controller("--engine", "simulated", "ide", "status", cwd=applied.folder.parent, env=env)
    assert (elsewhere.code, elsewhere.out, elsewhere.err) == (0, "", "")
    named = controller("--engine", "simulated", "ide", "status", "-s", "shop", cwd=applied.folder.parent, env=env)
    assert named.out.startswith("shop ○")


def test_a_stack_that_nobody_knows_is_an_error(applied: Project) -> None:
    ran = controller("ide", "status", "-s", "nonsense", env={"CONTROLLER_STATE_DIR": str(applied.state)})
    assert (ran.code, ran.out) == (1, "")
    assert f"error: stack 'nonsense' was never applied here: {applied.state} knows none\nhint: " in ran.err


def test_without_a_stack_nothing_is_amiss(applied: Project) -> None:
    """As `status --exit-code` has it."""
    env = {"CONTROLLER_STATE_DIR": str(applied.state)}
    elsewhere = controller("ide", "status", "--exit-code", cwd=applied.folder.parent, env=env)
    assert (elsewhere.code, elsewhere.out, elsewhere.err) == (0, "", "")


@pytest.mark.parametrize(
    ("script", "code", "error"),
    [
        ("{} ide status -s shop --engine simulated | (exec <&-; sleep 1); exit ${{PIPESTATUS[0]}}", 0, ""),
        ("{} ide status -s shop --engine simulated >&-", 0, ""),
        ("{} version >&-", 0, ""),
        ("mkdir gone; cd gone; rmdir ../gone; {} ide status", 1, "error: no such file or directory\n"),
        ("mkdir gone; cd gone; rmdir ../gone; {} ide status -s shop --engine simulated", 0, ""),
        ("unset HOME CONTROLLER_STATE_DIR; {} ide status -s nobody-has-this", 1, "error: "),
    ],
)
def test_what_fails_is_one_line_and_no_traceback(
    applied: Project, tmp_path: Path, script: str, code: int, error: str
) -> None:
    env = {**os.environ, "CONTROLLER_STATE_DIR": str(applied.state)}
    bash = ["bash", "-c", script.format(CONTROLLER)]
    done = subprocess.run(bash, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == code and done.stderr.startswith(error) and "Traceback" not in done.stderr
    assert bool(done.stderr) is bool(error)


def test_a_stopped_call_is_a_stopped_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("controller.cli.indicator.quick", stopped)
    assert run(["ide", "status"]) == 130


def test_the_short_way_and_the_long_one_say_the_same(applied: Project) -> None:
    """Plainly spelled options take the way past the command line's library."""
    for options in ((), ("-o", "wide"), ("--color", "always"), ("--nonsense",), ("-o", "nonsense"), ("-s",)):
        short = controller("ide", "status", *options, cwd=applied.folder, env={"CONTROLLER_STATE_DIR": "/nowhere"})
        long = controller("-q", "ide", "status", *options, cwd=applied.folder, env={"CONTROLLER_STATE_DIR": "/nowhere"})
        assert (short.code, short.out, short.err) == (long.code, long.out, long.err)
