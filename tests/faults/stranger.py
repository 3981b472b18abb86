"""Somebody who answers on a Docker socket: an engine of any age, Podman, or no engine at all."""

from __future__ import annotations

import json
import re
import socketserver
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType
from typing import Any

_VERSIONED = re.compile(r"^/v(\d+)\.(\d+)(/[^?]*)")


@dataclass(frozen=True, slots=True)
class Character:
    """How it answers. `api`, `oldest`: what it says that it speaks, and refuses to go below; None: says nothing."""

    version: str
    api: str | None
    oldest: str = "1.12"
    headers: Mapping[str, str] = field(default_factory=dict)
    components: tuple[str, ...] = ("Engine", "containerd", "runc", "docker-init")
    ping: int = 200


ENGINE_19 = Character("19.03.15", "1.40")
ENGINE_29 = Character("29.1.0", "1.52", "1.44")
ENGINE_OF_LATER = Character("99.0.0", "1.99", "1.90")
"""Speaks nothing any more that we know."""
PODMAN = Character(
    "4.9.4",
    "1.41",
    "1.24",
    {"Libpod-API-Version": "4.9.4", "Server": "Libpod/4.9.4 (linux)", "Libpod-Buildah-Version": "1.33.7"},
    ("Podman Engine", "Conmon", "OCI Runtime (crun)"),
)
NOBODY = Character("nginx", None)
FORBIDDING = Character("proxy", None, ping=403)


class Stranger:
    """It, on a unix socket; a context. `asked`: the requests that came, as method and target."""

    def __init__(self, path: Path, character: Character) -> None:
        self.path, self.character = path, character
        self.asked: list[str] = []
        self._server = _Server(str(path), _Handler)
        self._server.stranger = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def host(self) -> str:
        return f"unix://{self.path}"

    def __enter__(self) -> Stranger:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5.0)

    def answer(self, method: str, target: str) -> tuple[int, Any]:
        """Status and body, as dockerd 20.10 to 29 word them."""
        me = self.character
        if target == "/_ping":
            return me.ping, "OK" if me.ping == 200 else "request forbidden"
        if me.api is None:
            return 404, "<html>404 Not Found</html>"
        versioned = _VERSIONED.match(target)
        path = versioned[3] if versioned else target
        if versioned and (refusal := self._refuse((int(versioned[1]), int(versioned[2])))):
            return 400, {"message": refusal}
        return self._known(path)

    def _refuse(self, asked: tuple[int, int]) -> str:
        me = self.character
        spoken = ".".join(map(str, asked))
        if asked < _number(me.oldest):
            return (
                f"client version {spoken} is too old. Minimum supported API version is {me.oldest}, "
                "please upgrade your client to a newer version"
            )
        if asked > _number(me.api or "0.0"):
            return f"client version {spoken} is too new. Maximum supported API version is {me.api}"
        return ""

    def _known(self, path: str) -> tuple[int, Any]:
        me = self.character
        match path:
            case "/version":
                parts = [{"Name": name, "Version": me.version} for name in me.components]
                return 200, {"Version": me.version, "ApiVersion": me.api, "MinAPIVersion": me.oldest,
                             "Os": "linux", "Arch": "amd64", "Components": parts}  # fmt: skip
            case "/info":
                return 200, {"ID": "STRANGER", "Name": "stranger", "ServerVersion": me.version, "OSType": "linux",
                             "OperatingSystem": "Linux", "SecurityOptions": []}  # fmt: skip
            case "/containers/json" | "/images/json":
                return 200, []
            case "/networks":
                return 200, []
            case "/volumes":
                return 200, {"Volumes": []}
            case _:
                return 404, {"message": f"no such thing: {path}"}


def _number(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor)


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    stranger: Stranger


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        stranger = self.server.stranger  # type: ignore[attr-defined]
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        stranger.asked.append(f"{self.command} {self.path}")
        status, body = stranger.answer(self.command, self.path)
        payload = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response_only(status)
        if stranger.character.api is not None:
            self.send_header("Api-Version", stranger.character.api)
        for name, value in stranger.character.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(payload)

    do_GET = do_HEAD = do_POST = do_DELETE = _serve

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on standard error."""
