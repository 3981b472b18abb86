"""Probes against real sockets on this machine, and commands against an engine that answers what the case says."""

import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest

from controller.engines.base import Execution
from controller.health.probe import knock, known_port, run_probe
from controller.model.desired import Probe, ProbeKind
from controller.model.errors import Transient
from controller.model.observed import Replica, ReplicaPhase

pytestmark = pytest.mark.unit


class Port:
    """The part of an engine that probes use."""

    def __init__(self, exit_code=0, output="", seconds=0.0, error=None):
        self.exit_code, self.output, self.seconds, self.error = exit_code, output, seconds, error
        self.commands = []

    def execute(self, replica, command, *, timeout):
        self.commands.append(command)
        time.sleep(self.seconds)
        if self.error:
            raise self.error
        return Execution(self.exit_code, self.output)


def replica(address="127.0.0.1"):
    return Replica("id", "p-web-1", "web", 1, "r1", ReplicaPhase.RUNNING, address=address)


def http(port, **others):
    return Probe(ProbeKind.HTTP, port=port, **{"path": "/ready", "timeout": 2.0, **others})


@contextmanager
def server(answer, drip=0.0):
    """Answers every connection with these bytes; keeps what was asked."""
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)

        def serve():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                asked.append(connection.recv(4096))
                try:
                    for part in [answer] if not drip else [bytes([byte]) for byte in answer]:
                        connection.sendall(part)
                        time.sleep(drip)
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1], asked
    thread.join(10)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.mark.parametrize(
    ("answer", "ok"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.0 204 No Content\r\n\r\n", True),
        (b"HTTP/1.1 302 Found\r\nLocation: http://example.invalid/\r\n\r\n", True),
        (b"HTTP/1.1 404 Not Found\r\n\r\nwhat?", False),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\nredis: down\x1b[2J", False),
        (b"SSH-2.0-OpenSSH_9\r\n", False),
        (b"", False),
    ],
)
def test_http(answer, ok):
    with server(answer) as (port, asked):
        result = run_probe(Port(), replica(), http(port))
    assert result.ok is ok
    assert not result.closed
    assert asked[0].startswith(b"GET /ready HTTP/1.1\r\nHost: localhost\r\n")
    if answer.startswith(b"HTTP/1.1 503"):
        assert "503" in result.output and "redis: down" in result.output


def test_a_path_cannot_smuggle_a_second_request():
    with server(b"HTTP/1.1 200 OK\r\n\r\n") as (port, asked):
        run_probe(Port(), replica(), http(port, path="/a b\r\nX: 1?q=ä"))
    assert asked[0].split(b"\r\n")[0] == b"GET /a%20b%0D%0AX:%201?q=%C3%A4 HTTP/1.1"


def test_an_answer_that_drips_ends_at_the_timeout():
    begun = time.monotonic()
    with server(b"HTTP/1.1 200 OK\r\n" + b"x" * 1000, drip=0.1) as (port, _):
        result = run_probe(Port(), replica(), http(port, timeout=0.4))
        took = time.monotonic() - begun
    assert result.ok is False
    assert took < 1.5


def test_a_closed_port_is_a_failure_that_troubled_nobody():
    for probe in (http(free_port()), Probe(ProbeKind.TCP, port=free_port())):
        result = run_probe(Port(), replica(), probe)
        assert (result.ok, result.closed) == (False, True)
        assert "refused" in result.output


def test_tcp_needs_an_open_port_and_nothing_else():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert run_probe(Port(), replica(), Probe(ProbeKind.TCP, port=listening.getsockname()[1])).ok is True


def test_exec_reads_the_exit_code():
    command = ("redis-cli", "ping")
    engine = Port(1, "LOADING")
    result = run_probe(engine, replica(), Probe(ProbeKind.EXEC, command))
    assert (result.ok, result.output, engine.commands) == (False, "LOADING", [command])
    assert run_probe(Port(0), replica(), Probe(ProbeKind.EXEC, command)).ok is True


def test_what_could_not_be_asked_is_unknown():
    probe = Probe(ProbeKind.EXEC, ("true",))
    assert run_probe(Port(None, "paused"), replica(), probe).ok is None
    assert run_probe(Port(error=Transient("engine away")), replica(), probe)[:2] == (None, "engine away")


@pytest.mark.fault("W5")
def test_a_command_without_end_is_a_failure():
    result = run_probe(Port(None, seconds=0.11), replica(), Probe(ProbeKind.EXEC, ("sleep", "9"), timeout=0.1))
    assert (result.ok, result.timed_out) == (False, True)
    assert "no end after 0.1 s" in result.output


@pytest.mark.parametrize(("exit_code", "ok"), [(0, True), (1, False), (127, None), (126, None), (None, None)], ids=str)
@pytest.mark.parametrize("probe", [http(8000, path="/a'b"), Probe(ProbeKind.TCP, port=8000)], ids=["http", "tcp"])
def test_who_cannot_be_reached_from_here_is_asked_from_within(probe, exit_code, ok):
    engine = Port(exit_code)
    assert run_probe(engine, replica(address=None), probe).ok is ok
    ((shell, flag, script, name, *arguments),) = engine.commands
    assert (shell, flag, name) == ("sh", "-c", "sh")
    assert arguments == (["8000", "/a'b"] if probe.kind is ProbeKind.HTTP else ["1F40"])
    assert "a'b" not in script


@pytest.mark.parametrize(
    ("probe", "port"),
    [
        (Probe(ProbeKind.TCP, port=5432), 5432),
        (Probe(ProbeKind.EXEC, ("CMD-SHELL", "curl -f http://localhost:8080/health || exit 1")), 8080),
        (Probe(ProbeKind.EXEC, ("wget", "-q", "http://127.0.0.1:9090/-/ready")), 9090),
        (Probe(ProbeKind.EXEC, ("redis-cli", "ping")), None),
        (Probe(ProbeKind.EXEC, ("curl", "http://localhost:99999/")), None),
        (Probe(ProbeKind.EXEC, ("curl", "http://other:8080/")), None),
    ],
)
def test_the_port_that_a_probe_needs(probe, port):
    assert known_port(probe) == port


def run_here(command, path):
    """The command on this machine, with nothing but these tools; only its exit code."""
    return subprocess.run(command, env={"PATH": str(path)}, capture_output=True, check=False).returncode


@pytest.mark.parametrize("tool", [tool for tool in ("wget", "curl", "bash") if shutil.which(tool)])
@pytest.mark.parametrize(
    ("answer", "code"), [(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0), (b"HTTP/1.1 503 No\r\n\r\n", 1)]
)
def test_asking_from_within_works_with_whatever_tool_there_is(tmp_path, tool, answer, code):
    (tmp_path / tool).symlink_to(shutil.which(tool))
    engine = Port()
    with server(answer) as (port, asked):
        run_probe(engine, replica(address=None), http(port))
        (command,) = engine.commands
        assert (run_here((shutil.which("sh"), *command[1:]), tmp_path) == 0) is (code == 0)
    assert asked[0].startswith(b"GET /ready HTTP/1.")


def test_a_listening_port_is_found_with_a_shell_alone(tmp_path):
    engine = Port()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        for port in (listening.getsockname()[1], free_port()):
            run_probe(engine, replica(address=None), Probe(ProbeKind.TCP, port=port))
        open_, closed = ((shutil.which("sh"), *command[1:]) for command in engine.commands)
        assert (run_here(open_, tmp_path), run_here(closed, tmp_path)) == (0, 1)


def test_without_any_tool_it_is_unknown(tmp_path):
    engine = Port()
    run_probe(engine, replica(address=None), http(free_port()))
    assert run_here((shutil.which("sh"), *engine.commands[0][1:]), tmp_path) == 127


def test_knocking():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert knock("127.0.0.1", listening.getsockname()[1], 1.0) is True
    assert knock("127.0.0.1", free_port(), 1.0) is False
    assert knock("not an address", 80, 0.2) is None
