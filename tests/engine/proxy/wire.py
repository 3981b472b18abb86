"""Just enough of HTTP/1.1: heads of requests, bodies that are there as a whole, answers of our own."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_VERSION = re.compile(r"^/v\d+\.\d+")


@dataclass(frozen=True, slots=True)
class Request:
    """The head of one request, and what of its body came along with it."""

    method: str
    target: str
    headers: Mapping[str, str]
    rest: bytes

    @property
    def path(self) -> str:
        """Without version and query."""
        return self.question.partition("?")[0]

    @property
    def question(self) -> str:
        """Without version."""
        return _VERSION.sub("", self.target)

    @property
    def writes(self) -> bool:
        """Whether it changes containers, networks, volumes or images; running a command in a container does not."""
        return self.method not in ("GET", "HEAD") and "/exec" not in self.path

    @property
    def upgrades(self) -> bool:
        return "upgrade" in self.headers.get("connection", "").lower()

    def head(self) -> bytes:
        """As it goes to the daemon: one request a connection, unless the connection becomes something else."""
        headers = dict(self.headers) if self.upgrades else {**self.headers, "connection": "close"}
        lines = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


def read_request(near: socket.socket) -> Request | None:
    """None where the other side hung up instead."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = near.recv(65536)
        if not more:
            return None
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Request(method, target, headers, rest)


def read_body(near: socket.socket, request: Request) -> bytes:
    """The whole body, as it is on the wire."""
    body = request.rest
    length = int(request.headers.get("content-length") or 0)
    chunked = "chunked" in request.headers.get("transfer-encoding", "")
    while (chunked and not body.endswith(b"0\r\n\r\n")) or len(body) < length:
        more = near.recv(65536)
        if not more:
            break
        body += more
    return body


def read_answer(far: socket.socket, method: str) -> http.client.HTTPResponse:
    response = http.client.HTTPResponse(far, method=method)
    response.begin()
    return response


def encode(body: object) -> bytes:
    """Text and bytes as they are, everything else as JSON."""
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def compose_answer(status: int, body: bytes, headers: Mapping[str, Any] | None = None) -> bytes:
    given = {"Content-Type": "application/json", "Content-Length": len(body), "Connection": "close", **(headers or {})}
    if status in (204, 304):
        given.pop("Content-Length")
        body = b""
    reason = http.client.responses.get(status, "Unknown")
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in given.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
