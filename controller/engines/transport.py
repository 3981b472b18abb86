"""A byte stream to the daemon: its local socket, or `docker system dial-stdio` for every other endpoint."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import select
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from controller.model.errors import Rejected

DEFAULT_SOCKET = "unix:///var/run/docker.sock"
_KEPT = frozenset({"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LANG", "XDG_RUNTIME_DIR"})
_KEPT_PREFIXES = ("DOCKER_", "SSH_", "LC_", "HTTP_", "HTTPS_", "NO_PROXY", "http_", "https_", "no_proxy")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a daemon is: `host` as DOCKER_HOST spells it; `context`: the CLI context that knows its keys."""

    host: str = DEFAULT_SOCKET
    context: str | None = None

    @property
    def socket_path(self) -> str | None:
        """The local socket's path; None for ssh, tcp, TLS and named pipes."""
        return self.host.removeprefix("unix://") if self.host.startswith("unix://") else None

    @property
    def arguments(self) -> tuple[str, ...]:
        """What makes the `docker` command speak to this endpoint."""
        return ("--context", self.context) if self.context else ("--host", self.host)


def resolve_endpoint(environment: Mapping[str, str]) -> Endpoint:
    """The endpoint that the `docker` command would take: DOCKER_HOST, DOCKER_CONTEXT, the current context.

    Raises Rejected where a context is named that does not exist.
    """
    if host := environment.get("DOCKER_HOST"):
        return Endpoint(host)
    context = environment.get("DOCKER_CONTEXT") or read_config(environment).get("currentContext")
    if not context or context == "default":
        return Endpoint()
    digest = hashlib.sha256(context.encode()).hexdigest()
    meta = _read_json(docker_config(environment) / "contexts" / "meta" / digest / "meta.json")
    host = meta.get("Endpoints", {}).get("docker", {}).get("Host")
    if not host:
        raise Rejected(f"Docker context {context!r} does not exist", hint="docker context ls")
    return Endpoint(host, context)


def docker_config(environment: Mapping[str, str]) -> Path:
    """The folder of the Docker CLI's settings."""
    return Path(environment.get("DOCKER_CONFIG") or Path(environment.get("HOME") or "/") / ".docker")


def read_config(environment: Mapping[str, str]) -> dict[str, Any]:
    """The Docker CLI's settings; empty where there are none that can be read."""
    return _read_json(docker_config(environment) / "config.json")


def keep_connection_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The part of the environment that a `docker` child needs to reach its daemon, and nothing secret of ours."""
    return {name: value for name, value in environment.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


class Stream(socket.socket):
    """A connected socket whose every operation ends by `ends_at` (monotonic seconds; None: waits for ever)."""

    ends_at: float | None = None
    child: subprocess.Popen[bytes] | None = None

    def _arm(self) -> None:
        if self.ends_at is None:
            self.settimeout(None)
            return
        remaining = self.ends_at - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("deadline passed")
        self.settimeout(remaining)

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self._arm()
        return super().recv_into(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self._arm()
        super().sendall(*args, **kwargs)

    def is_stale(self) -> bool:
        """An idle connection on which something is readable was closed by the other side."""
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
        return bool(poll.poll(0))

    def hang_up(self) -> None:
        """Close at once, from any thread: a reader that is blocked gets an end of stream."""
        with contextlib.suppress(OSError):  # not connected any more
            self.shutdown(socket.SHUT_RDWR)
        self.close()
        if self.child is not None:
            _reap(self.child)


def _reap(child: subprocess.Popen[bytes]) -> None:
    """End a dial-stdio child; its pipes are ours alone."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def open_stream(endpoint: Endpoint, ends_at: float | None) -> Stream:
    """Connect. Raises OSError when nothing answers by `ends_at` (monotonic seconds)."""
    path = endpoint.socket_path
    if path is None:
        return _dial(endpoint, ends_at)
    stream = Stream(socket.AF_UNIX, socket.SOCK_STREAM)
    stream.ends_at = ends_at
    try:
        stream._arm()
        stream.connect(path)
    except OSError as error:
        stream.close()
        error.filename = error.filename or path
        raise
    return stream


def _dial(endpoint: Endpoint, ends_at: float | None) -> Stream:
    """A `docker` child that forwards its standard input and output to the daemon; it ends when we hang up."""
    docker = shutil.which("docker")
    if docker is None:
        raise Rejected("there is no `docker` command", hint="install the Docker CLI")
    ours, theirs = socket.socketpair()
    with theirs:
        child = subprocess.Popen(
            [docker, *endpoint.arguments, "system", "dial-stdio"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.DEVNULL,
            env=keep_connection_settings(os.environ),
            start_new_session=True,
        )
    stream = Stream(fileno=ours.detach())
    stream.child, stream.ends_at = child, ends_at
    return stream
