"""The recipe of docs/socket-proxy.md before the engine, as it stands there."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.engine.checks import docker
from tests.engine.ingress_bed import PROXY_IMAGE
from tests.engine.proxy import DOCKER
from tests.engine.scenario import eventually

RECIPE = Path(__file__).parents[2] / "compose" / "socket-proxy" / "haproxy.cfg"


@dataclass(frozen=True, slots=True)
class SocketProxy:
    """`acting`, `reading`: its two sockets."""

    acting: Path
    reading: Path

    def status(
        self,
        method: str,
        path: str,
        *,
        reading: bool = False,
        body: bytes | None = None,
        kind: str = "application/json",
    ) -> int:
        """What is answered to one request."""
        connection = _Connection(self.reading if reading else self.acting)
        try:
            connection.request(method, path, body, {"Content-Type": kind} if body else {})
            return connection.getresponse().status
        finally:
            connection.close()


class _Connection(http.client.HTTPConnection):
    def __init__(self, place: Path) -> None:
        super().__init__("docker", timeout=20)
        self.place = place

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(str(self.place))


@contextmanager
def socket_proxy(folder: Path) -> Iterator[SocketProxy]:
    """It listens until the end of the block."""
    folder.mkdir()
    name = f"ctproxy{uuid.uuid4().hex[:8]}"
    words = ["run", "-d", "--name", name, "--network", "none", "--user", f"0:{os.getgid()}"]
    words += ["-v", f"{DOCKER}:/engine.sock", "-v", f"{folder}:/sockets", "-v", f"{RECIPE}:/haproxy.cfg:ro"]
    words += ["-e", "DOCKER_PROXY_FOLDER=/sockets", "-e", "DOCKER_SOCKET=/engine.sock"]
    docker(*words, PROXY_IMAGE, "haproxy", "-db", "-f", "/haproxy.cfg")
    made = SocketProxy(folder / "docker.sock", folder / "read.sock")
    try:
        eventually(lambda: made.acting.is_socket() and made.reading.is_socket(), 20)
        yield made
    finally:
        subprocess.run(["docker", "rm", "-f", name], capture_output=True, check=False)
