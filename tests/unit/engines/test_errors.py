"""Every failure becomes Transient, Conflict or Rejected; no kind of a third party is left out."""

import inspect
import json
import subprocess
from http.client import HTTPException, RemoteDisconnected

import pytest

from controller.engines.errors import Failure, map_exception, map_exit, map_failure
from controller.model.errors import Conflict, EngineError, Rejected, Transient

pytestmark = pytest.mark.unit

WHALES = {
    "DockerException": Transient,
    "NoSuchContainer": Conflict,
    "NoSuchImage": Rejected,
    "NoSuchNetwork": Conflict,
    "NoSuchPod": Conflict,
    "NoSuchService": Conflict,
    "NoSuchVolume": Conflict,
    "NotASwarmManager": Rejected,
    "ClientNotFoundError": Rejected,
    "ParsingError": Transient,
}


def test_every_exception_of_python_on_whales_has_its_place() -> None:
    from python_on_whales import client_config, exceptions

    found = {
        name
        for module in (exceptions, client_config)
        for name, item in vars(module).items()
        if inspect.isclass(item) and issubclass(item, Exception) and item.__module__.startswith("python_on_whales")
    }
    assert found == set(WHALES)


@pytest.mark.parametrize("name, kind", WHALES.items())
def test_python_on_whales(name: str, kind: type[EngineError]) -> None:
    assert type(map_exception(type(name, (Exception,), {})("secret"), "docker x")) is kind
    assert "secret" not in map_exception(type(name, (Exception,), {})("secret"), "docker x").message


@pytest.mark.parametrize(
    "status, message, kind",
    [
        (400, "bad parameter", Rejected),
        (400, "OCI runtime create failed: exec: not found", Rejected),
        (403, "authorization denied by plugin", Rejected),
        (403, "endpoint with name web-1 already exists in network p_back", Conflict),
        (404, "No such container: x", Conflict),
        (404, "network x not found", Conflict),
        (404, "No such image: img:1", Rejected),
        (409, "Conflict. The container name is already in use by container", Conflict),
        (409, "You cannot remove a running container", Conflict),
        (429, "slow down", Transient),
        (500, "driver failed programming external connectivity: port is already allocated", Transient),
        (500, "something else", Transient),
        (503, "This node is not a swarm manager", Transient),
    ],
)
def test_answers_of_the_daemon(status: int, message: str, kind: type[EngineError]) -> None:
    error = map_exception(Failure(status, message, "POST /x"), "POST /x")
    assert type(error) is kind
    assert message in error.message


@pytest.mark.fault("I5")
@pytest.mark.parametrize("status", [400, 403, 404, 500])
@pytest.mark.parametrize(
    "said",
    [
        "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network",
        "all predefined address pools have been fully subscribed",
    ],
)
def test_that_no_subnet_is_left_may_pass_and_is_told_with_its_mend(status: int, said: str) -> None:
    error = map_failure(Failure(status, said, "POST /networks/create"))
    assert type(error) is Transient and said in error.message
    assert "docker network prune" in (error.hint or "") and "default-address-pools" in (error.hint or "")


def test_a_plugin_is_named_only_where_one_has_refused() -> None:
    refused = map_failure(Failure(403, "authorization denied by plugin x: no", "POST /x"))
    overlaps = map_failure(Failure(403, "Pool overlaps with other one on this address space", "POST /networks/create"))
    assert (refused.hint or "").endswith("authorization plugin")
    assert type(overlaps) is Rejected and not overlaps.hint


@pytest.mark.parametrize(
    "error, kind",
    [
        (TimeoutError(), Transient),
        (ConnectionResetError("reset"), Transient),
        (ConnectionRefusedError(), Transient),
        (BrokenPipeError(), Transient),
        (FileNotFoundError(2, "x", "/run/docker.sock"), Transient),
        (PermissionError(13, "x", "/run/docker.sock"), Rejected),
        (RemoteDisconnected("gone"), Transient),
        (HTTPException("odd"), Transient),
        (json.JSONDecodeError("x", "", 0), Transient),
        (subprocess.TimeoutExpired("x", 1), Transient),
        (Conflict("kept"), Conflict),
        (RuntimeError("odd"), Transient),
    ],
)
def test_the_network_and_the_rest(error: Exception, kind: type[EngineError]) -> None:
    assert type(map_exception(error, "GET /x")) is kind


@pytest.mark.parametrize(
    "code, output, kind",
    [
        (1, "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?", Transient),
        (1, "error during connect: Get http://x: EOF", Transient),
        (1, "permission denied while trying to connect to the Docker daemon socket", Rejected),
        (1, "docker: 'compose' is not a docker command.", Rejected),
        (1, "unknown shorthand flag: 'f' in -f", Rejected),
        (1, "Error response from daemon: pull access denied for x", Rejected),
        (1, "manifest unknown", Rejected),
        (1, "dial tcp: lookup registry: i/o timeout", Transient),
        (1, "container name /x is already in use by container y", Conflict),
        (-9, "", Transient),
        (1, "", Transient),
    ],
)
def test_commands_that_fail(code: int, output: str, kind: type[EngineError]) -> None:
    error = map_exit("docker compose up", code, output)
    assert type(error) is kind
    assert error.message.startswith("docker compose up: ") and "\n" not in error.message


@pytest.mark.parametrize(
    ("said", "port"),
    [
        ("Error starting userland proxy: listen tcp4 127.0.0.1:8082: bind: address already in use", "127.0.0.1:8082"),
        ("driver failed: Bind for 0.0.0.0:80 failed: port is already allocated", "0.0.0.0:80"),
        ("Error starting userland proxy: listen udp4 0.0.0.0:53: bind: address already in use", "0.0.0.0:53/udp"),
    ],
)
def test_a_taken_host_port_is_named_and_may_become_free(said: str, port: str) -> None:
    error = map_failure(Failure(500, said, "POST /containers/abc/start"))
    assert isinstance(error, Transient)
    assert error.message == f"host port {port} is already in use"


@pytest.mark.parametrize(
    ("said", "hints"),
    [
        ("Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?", True),
        ('Error response from daemon: Get "http://r:1/v2/": dial tcp 10.0.0.1:1: connect: connection refused', False),
    ],
)
def test_a_daemon_that_answers_is_not_to_be_started(said: str, hints: bool) -> None:
    error = map_exit("docker compose pull", 1, said)
    assert isinstance(error, Transient) and bool(error.hint) is hints
