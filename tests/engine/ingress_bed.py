"""Replicas of a web service with Compose's labels on a network of their own, the ingress before them, and load."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from controller.engines.compose_engine import ComposeEngine
from controller.ingress.proxy import Ingress, Wanted
from controller.model.errors import EngineError
from controller.model.names import ReplicaId
from controller.model.routes import Frontend, RouteSeen, RouteState
from tests.engine.docker_project import IMAGE, docker, inspect

PROXY_IMAGE = os.environ.get("TEST_HAPROXY_IMAGE", "local/haproxy:2.6")
WEB_IMAGE = os.environ.get("TEST_PYTHON_IMAGE", "local/python:3.11")
BACKEND = Path(__file__).with_name("ingress_backend.py").read_text()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Bed:
    engine: ComposeEngine
    folder: Path

    def __post_init__(self) -> None:
        self.name = f"cti{uuid.uuid4().hex[:8]}"
        self.port = free_port()
        self.network = f"{self.name}_default"
        docker("network", "create", self.network)
        self.ingress = Ingress(self.engine.own, self.name, self.folder / "ingress")

    def run(self, number: int, service: str = "web") -> ReplicaId:
        """A replica that answers already."""
        return self._run(number, service, WEB_IMAGE, "python3", "-c", BACKEND)

    def run_at(self, number: int, port: int) -> ReplicaId:
        """The same, where it listens elsewhere."""
        return self._run(number, "web", WEB_IMAGE, "python3", "-c", BACKEND, str(port), port=port)

    def run_small(self, number: int) -> ReplicaId:
        """One that costs little: it answers 404 to everything."""
        return self._run(number, "web", IMAGE, "httpd", "-f", "-p", "8000")

    def _run(self, number: int, service: str, *command: str, port: int = 8000) -> ReplicaId:
        marks = {"project": self.name, "service": service, "container-number": str(number), "oneoff": "False"}
        labels = [f"--label=com.docker.compose.{key}={value}" for key, value in marks.items()]
        name = f"--name={self.name}-{service}-{number}"
        made = ReplicaId(docker("run", "-d", name, "--network", self.network, *labels, *command).strip())
        address = (self.address(made), port)
        eventually(lambda: socket.create_connection(address, 1.0).close() is None)
        return made

    def address(self, container: str) -> str:
        return str(inspect(container)[0]["NetworkSettings"]["Networks"][self.network]["IPAddress"])

    def wanted(self, routes: Mapping[ReplicaId, RouteState] | None, *more: Frontend) -> Wanted:
        front = Frontend("web", self.port, 8000, "127.0.0.1")
        return Wanted((front, *more), (self.network,), routes, PROXY_IMAGE)

    def put_in(self, *replicas: ReplicaId) -> None:
        self.ingress.ensure(self.wanted(dict.fromkeys(replicas, RouteState.IN)))

    def get(self, path: str = "/", method: str = "GET") -> tuple[int, str]:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            body = b"x" if method in ("POST", "PUT") else b""
            link.request(method, path, headers={"Content-Length": str(len(body))})
            if body:
                # A body of its own packet, as a client on a busy machine sends it.
                time.sleep(0.05)
                link.send(body)
            answer = link.getresponse()
            return answer.status, answer.read().decode()
        finally:
            link.close()

    def stop(self, replica: ReplicaId) -> None:
        """As an update does it: SIGTERM, at which it ends at once whatever is open."""
        docker("stop", "-t", "5", replica)
        docker("rm", replica)

    @property
    def proxy(self) -> ReplicaId:
        found = self.ingress.container()
        assert found is not None
        return found.id

    def states(self) -> dict[ReplicaId, RouteState]:
        return {replica: seen.state for replica, seen in self.ingress.observe().items()}

    def clean(self) -> None:
        self.ingress.ensure(Wanted((), ()))
        for mark in (f"com.docker.compose.project={self.name}", f"controller.stack={self.name}"):
            for made in docker("ps", "-aq", "--filter", f"label={mark}").split():
                subprocess.run(["docker", "rm", "-f", "-v", made], capture_output=True, check=False)
        docker("network", "rm", self.network)


def eventually(holds: Callable[[], bool], patience: float = 20.0) -> None:
    """Until it holds; errors of the network mean that it does not yet."""
    ends_at = time.monotonic() + patience
    while True:
        try:
            assert holds()
            return
        except (OSError, http.client.HTTPException, AssertionError, EngineError):
            if time.monotonic() > ends_at:
                raise
            time.sleep(0.02)


def drain(ingress: Ingress, replica: ReplicaId, timeout: float = 20.0) -> RouteSeen:
    """Ask for it and wait until nothing is open any more, at most so many seconds; how it stands then."""
    seen = ingress.set_route(replica, RouteState.DRAINING)
    ends_at = time.monotonic() + timeout
    while seen.connections and time.monotonic() < ends_at:
        time.sleep(0.05)
        seen = ingress.observe().get(replica, RouteSeen(RouteState.OUT))
    return seen


@dataclass
class Load:
    """What clients that keep their connections saw."""

    done: int = 0
    failures: list[str] = field(default_factory=list)


@contextmanager
def load(port: int, clients: int = 16, method: str = "GET", pause: float = 0.0) -> Iterator[Load]:
    """Clients that ask again and again meanwhile, `pause` seconds after each answer.

    Each request that is not answered with 200 within ten seconds is a failure.
    """
    seen, over, lock = Load(), threading.Event(), threading.Lock()

    def ask() -> None:
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        while not over.is_set():
            try:
                link.request(method, "/", body=b"x" if method == "POST" else None)
                answer = link.getresponse()
                answer.read()
                trouble = "" if answer.status == 200 else f"status {answer.status}"
            except (OSError, http.client.HTTPException) as error:
                trouble = repr(error)
                link.close()
            with lock:
                seen.done += 1
                if trouble:
                    seen.failures.append(trouble)
            over.wait(pause)
        link.close()

    hands = [threading.Thread(target=ask) for _ in range(clients)]
    for hand in hands:
        hand.start()
    try:
        yield seen
    finally:
        over.set()
        for hand in hands:
            hand.join()
