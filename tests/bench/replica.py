"""A service that can be killed or made sick, and who sees from outside how long it does not answer."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.bench.stage import rest
from tests.engine.checks import docker
from tests.engine.scenario import IMAGE

PORT = 8000
READY_AFTER = 0.4
"""Seconds from the start until it listens."""
FILE = "/www/ready"
"""What it answers with, and its health check asks for. A start makes it anew."""
COMMAND = (
    "sh",
    "-c",
    f"mkdir -p /www; rm -f {FILE}; sleep {READY_AFTER}; touch {FILE}; exec httpd -f -p {PORT} -h /www",
)
CHECK = ("wget", "-q", "-O", "/dev/null", f"http://127.0.0.1:{PORT}/ready")
RETRIES = 2

POLL = 0.02
"""Seconds between an answer and the next request."""
_TIMEOUT = 0.25
_PORTS = range(20_000, 30_000)
"""Not those from which the kernel takes the clients' own."""


@dataclass(frozen=True, slots=True)
class Replica:
    """One that runs. `port`: where it answers, on 127.0.0.1."""

    id: str
    pid: int
    port: int


def settings(port: int, interval: float, **more: object) -> Mapping[str, object]:
    """What Compose is told of such a service."""
    check = {"test": ["CMD", *CHECK], "interval": f"{interval:g}s", "retries": RETRIES}
    ports = [f"127.0.0.1:{port}:{PORT}"]
    own = {"image": IMAGE, "command": [*COMMAND], "stop_signal": "SIGKILL", "ports": ports, "healthcheck": check}
    return {**own, **more}


def write_project(path: Path, name: str, services: Mapping[str, Mapping[str, object]]) -> None:
    """A Compose file: JSON is YAML."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"name": name, "services": services}), encoding="utf-8")


def free_ports(count: int) -> list[int]:
    """Ports that nobody has now."""
    found: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket() as probe:
            if len(found) < count and probe.connect_ex(("127.0.0.1", port)):
                found.append(port)
        if len(found) == count:
            break
    return found


def find(container: str, port: int) -> Replica:
    """The same, as the engine has it now."""
    id_, pid = docker("inspect", "-f", "{{.Id}} {{.State.Pid}}", container).split()
    return Replica(id_, int(pid), port)


def is_healthy(container: str) -> bool:
    """By Docker's own check."""
    return docker("inspect", "-f", "{{.State.Health.Status}}", container).strip() == "healthy"


def kill(replica: Replica) -> None:
    """Its first process, past the engine: after `docker kill` no restart policy acts."""
    os.kill(replica.pid, signal.SIGKILL)


def sicken(replica: Replica) -> None:
    """It runs on and answers with 404, to its health check as well."""
    os.unlink(f"/proc/{replica.pid}/root{FILE}")


def meanwhile(*words: str, then: Sequence[str] = ()) -> None:
    """`docker …` by hand, and another one after it; neither is waited for."""

    def call() -> None:
        docker(*words)
        if then:
            docker(*then)

    threading.Thread(target=call, daemon=True).start()


def answers(port: int) -> bool:
    """Whether it is ready, as a client sees it."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)) as link:
        try:
            link.request("GET", "/ready")
            return link.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False


def await_answer(port: int, patience: float = 60.0) -> None:
    """Raises TimeoutError."""
    _poll(lambda: answers(port), time.monotonic() + patience)


def outage(port: int, harm: Callable[[], object], patience: float = 60.0) -> float:
    """Seconds from the harm, or the last answer after it, to the first answer of the next life. Raises TimeoutError.

    `harm` does not wait for its effect: an outage must not be over before it is looked for.
    """
    ends_at = time.monotonic() + patience
    last = time.monotonic()
    harm()

    def is_out() -> bool:
        nonlocal last
        at = time.monotonic()
        if answers(port):
            last = at
            return False
        return True

    _poll(is_out, ends_at)
    _poll(lambda: answers(port), ends_at)
    return time.monotonic() - last


def _poll(holds: Callable[[], bool], ends_at: float) -> None:
    while not holds():
        if time.monotonic() > ends_at:
            raise TimeoutError("a replica did not come to what it was to come to")
        rest(POLL)
