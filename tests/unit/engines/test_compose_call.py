"""Calls of Docker Compose: their argv, Compose's words, and the child that runs them."""

import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from controller.engines.compose import compose_command, whales_argv
from controller.engines.plugin import find_plugin, mark_plugin
from controller.engines.runner import Command, blot, check, run
from controller.engines.transport import Endpoint
from controller.model.errors import EngineError, Rejected, Transient
from controller.model.project import ComposeProject

pytestmark = pytest.mark.unit

HERE = Path("/p")


FILES, ENV_FILES = (HERE / "a.yaml", HERE / "b.yaml"), (HERE / ".env", HERE / "more.env")


@pytest.fixture
def docker_path(tmp_path: Path) -> str:
    return str(program(tmp_path / "docker").parent)


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("endpoint", [Endpoint("ssh://h", "far"), Endpoint("tcp://h:1")], ids=["context", "tcp"])
@pytest.mark.parametrize("name", [None, "p"])
def test_our_argv_is_python_on_whales(docker_path: str, endpoint: Endpoint, name: str | None) -> None:
    project = ComposeProject(name, FILES, HERE, ENV_FILES, ("x", "y"), {"PATH": docker_path})
    ours = compose_command(project, endpoint, ("pull", "--quiet", "a"))
    assert ours.argv == whales_argv(project, endpoint, ("pull", "--quiet", "a"))
    assert ours.argv[0] == f"{docker_path}/docker"


def test_at_a_local_socket_the_plugin_is_called_with_the_same_words(docker_path: str, tmp_path: Path) -> None:
    plugin = program(tmp_path / "settings" / "cli-plugins" / "docker-compose")
    environment = {"PATH": docker_path, "DOCKER_CONFIG": str(tmp_path / "settings")}
    project = ComposeProject("p", FILES, HERE, ENV_FILES, ("x", "y"), environment)
    ours = compose_command(project, Endpoint(), ("pull", "--quiet", "a"))
    theirs = whales_argv(project, Endpoint(), ("pull", "--quiet", "a"))
    assert theirs[3] == "compose"
    assert ours.argv == (str(plugin), *theirs[1:3], *theirs[4:])
    assert ours.environment == environment, "the socket is no variable of the project"


def test_plugins_are_searched_as_docker_searches_them(tmp_path: Path) -> None:
    settings = {"HOME": str(tmp_path)}
    own = program(tmp_path / ".docker" / "cli-plugins" / "docker-compose")
    assert find_plugin(settings) == str(own)
    extra = program(tmp_path / "extra" / "docker-compose")
    (tmp_path / ".docker" / "config.json").write_text(
        f'{{"cliPluginsExtraDirs": ["{tmp_path}/none", "{extra.parent}"]}}'
    )
    assert find_plugin(settings) == str(extra)
    before = mark_plugin(settings)
    extra.write_text("#!/bin/sh\n# another version\n")
    assert mark_plugin(settings) != before
    extra.chmod(0o644)
    assert find_plugin(settings) == str(own), "what cannot be run is passed over"


def test_a_plugin_that_is_replaced_in_this_instant_is_unknown_for_as_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = program(tmp_path / ".docker" / "cli-plugins" / "docker-compose")
    monkeypatch.setattr("controller.engines.plugin.find_plugin", lambda _: str(plugin))
    assert str(plugin) in mark_plugin({})
    plugin.unlink()
    assert mark_plugin({}) == "unknown"


def test_without_docker_there_is_one_clear_line() -> None:
    project = ComposeProject(None, (), HERE, environment={"PATH": "/nowhere"})
    with pytest.raises(Rejected, match="`docker`") as raised:
        compose_command(project, Endpoint("tcp://h:1"), ("config",))
    assert raised.value.hint == "install the Docker CLI"


FILE = Path("/p/compose.yaml")


def command(script: str, **environment: str) -> Command:
    given = {"PATH": os.environ["PATH"], **environment}
    return Command("a child", (sys.executable, "-S", "-c", script), given, Path("/"))


def test_output_code_environment_and_no_input() -> None:
    script = (
        "import sys, os; print(len(sys.stdin.read()), 'OWN' in os.environ, 'HOME' in os.environ); sys.stderr.write('e')"
    )
    result = run(command(f"{script}; sys.exit(3)", OWN="1"), deadline=20.0)
    assert (result.code, result.stdout.strip(), result.stderr) == (3, b"0 True False", "e")


def test_a_deadline_ends_the_whole_group() -> None:
    script = "import subprocess, time; subprocess.Popen(['sleep', '987']); print('up', flush=True); time.sleep(987)"
    began = time.monotonic()
    with pytest.raises(Transient, match="in time"):
        run(command(script), deadline=1.0)
    assert time.monotonic() - began < 5.0
    assert not [one for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == ["sleep", "987"]]


def test_output_beyond_the_cap_ends_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controller.engines.runner._OUTPUT_CAP", 100_000)
    with pytest.raises(Transient, match="larger"):
        run(command("while True: print('x' * 9999)"), deadline=20.0)


def test_of_a_long_complaint_the_end_counts() -> None:
    result = run(command("import sys; sys.stderr.write('x' * 300000 + 'end')"), deadline=20.0)
    assert len(result.stderr) <= 65536 and result.stderr.endswith("end")


def test_a_command_that_is_not_there_and_one_that_fails() -> None:
    with pytest.raises(Rejected, match="/no/such"):
        run(Command("x", ("/no/such",), {}, Path("/")), deadline=5.0)
    with pytest.raises(Rejected, match="/no/folder"):
        run(Command("x", ("/bin/true",), {}, Path("/no/folder")), deadline=5.0)
    with pytest.raises(EngineError, match="a child: went wrong"):
        check(command("raise SystemExit('went wrong')"), deadline=20.0)


def test_secret_values_are_in_no_complaint() -> None:
    result = run(
        command("raise SystemExit('the hunter2hunter2 is wrong')", DB_PASSWORD="hunter2hunter2"), deadline=20.0
    )
    assert result.stderr.strip() == "the *** is wrong"
    assert blot("a b", {"TOKEN": "a"}) == "a b"  # too short to be one, and everywhere
