"""Who has a host port on a real machine: a process beside Docker, or a container of somebody else's."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from controller.engines.vantage import is_taken
from controller.model.steps import Result, Start
from tests.engine.docker_project import IMAGE, Project, docker
from tests.engine.scenario import eventually

pytestmark = [pytest.mark.engine, pytest.mark.fault("I4")]

LISTEN = "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True)"
WEB = "services: {web: {SLEEP, ports: ['127.0.0.1:PORT:80']}, db: {SLEEP}}"


@contextmanager
def listening() -> Iterator[tuple[int, str]]:
    """A process of ours: its port, and what is to be said of it."""
    listen = f"{LISTEN}; sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", listen], stdin=-1, stdout=-1, text=True) as child:
        assert child.stdin is not None and child.stdout is not None
        name = Path(f"/proc/{child.pid}/comm").read_text().strip()
        yield int(child.stdout.readline()), f"process {name} (pid {child.pid})"
        child.stdin.close()


def begin(project: Project, port: int) -> tuple[str, dict[str, str], tuple[str, ...]]:
    """What is said of a start that wants this port; who has it by the look before, and which ports are taken."""
    recording = project.write(WEB.replace("PORT", str(port))).record()
    view = project.view("web", recording)
    made = project.create(recording, "web")
    (outcome,) = project.perform(Start("web", made, 1, "test"))
    assert outcome.result is Result.TRANSIENT
    return outcome.message, dict(view.holders), view.taken_ports


def test_a_process_is_named_before_and_after_a_start_that_fails(project: Project) -> None:
    with listening() as (port, words):
        message, holders, taken = begin(project, port)
        assert (taken, holders) == ((f"{port}/tcp",), {f"{port}/tcp": words})
        assert message == f"host port 127.0.0.1:{port} is already in use by {words} (free it, or publish another one)"
        waiting = project.view("web", project.record())
        assert (waiting.taken_ports, dict(waiting.holders)) == (taken, holders)


def test_a_foreign_container_is_named_and_not_its_proxy(project: Project) -> None:
    name = f"{project.name}-stranger"
    docker("run", "-d", "--name", name, "-p", "127.0.0.1::80", IMAGE, "sleep", "1000")
    try:
        port = int(docker("port", name, "80").strip().rpartition(":")[2])
        message, holders, _ = begin(project, port)
        assert holders == {f"{port}/tcp": f"container {name}"}
        assert f"in use by container {name} (" in message
    finally:
        docker("rm", "-f", name)


def test_a_foreign_container_on_the_hosts_network_is_named_by_its_process(project: Project) -> None:
    name = f"{project.name}-stranger"
    with listening() as (port, _):
        pass  # free again
    docker("run", "-d", "--name", name, "--network", "host", IMAGE, "httpd", "-f", "-p", f"127.0.0.1:{port}")
    try:
        eventually(lambda: is_taken("127.0.0.1", port))
        _, holders, _ = begin(project, port)
        assert holders == {f"{port}/tcp": f"container {name}"}
    finally:
        docker("rm", "-f", name)


def test_what_runs_by_itself_is_asked_for_no_ports(project: Project) -> None:
    with listening() as (port, _):
        pass
    recording = project.write(WEB.replace("PORT", str(port))).record()
    project.run(recording, "web")
    view = project.view("web", recording)
    assert (view.taken_ports, dict(view.holders)) == ((), {})
