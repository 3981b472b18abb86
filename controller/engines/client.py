"""A small HTTP client for the Docker API: pooled connections, one deadline a call, JSON in and out."""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from controller import failpoints
from controller.engines.errors import Failure, map_exception
from controller.engines.transport import Endpoint, Stream, open_stream
from controller.engines.writes import name_write
from controller.model.errors import Rejected, Transient

NEWEST_API = (1, 47)
OLDEST_API = (1, 41)
_POINT = "point DOCKER_HOST at a Docker daemon"
_IDLE_CONNECTIONS = 8
_LARGEST_ANSWER = 64 * 1024 * 1024


class Connection(http.client.HTTPConnection):
    """An HTTP connection over a Stream."""

    def __init__(self, stream: Stream) -> None:
        super().__init__("docker")
        self.stream = stream
        self.sock = stream

    def connect(self) -> None:
        raise ConnectionResetError("connection to Docker was closed")  # a fresh one is opened by the client, never here

    def hang_up(self) -> None:
        self.stream.hang_up()
        self.close()


class Client:
    """Calls to one daemon, from any thread. Every method raises only EngineErrors."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._version: str | None = None
        self._closed = False

    def get(self, path: str, query: Mapping[str, Any] | None = None, *, deadline: float, anew: bool = False) -> Any:
        """The answer's JSON. A read that is answered with anything but 200 was not answered.

        `anew`: over a new connection in place of all idle ones, where that costs little. A daemon that is ending
        serves those it has to the last, but takes no new one.
        """
        status, answer = self.call("GET", path, query, deadline=deadline, anew=anew)
        if status != 200:
            raise Transient(f"GET {path}: Docker answered {status}, which is no answer to a question")
        return answer

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        *,
        deadline: float,
        anew: bool = False,
    ) -> tuple[int, Any]:
        """Status and JSON (None where there is no body) of one request, whole within `deadline` seconds."""
        request = f"{method} {path}"
        try:
            ends_at = time.monotonic() + deadline
            target = _target(self._api_version(ends_at), path, query)
            write = name_write(method, path)
            with self._connection(ends_at, anew) as connection:
                status, payload = _exchange(connection, method, target, body, write)
            if status >= 400:
                raise self._refusal(status, payload, request)
            if write is not None:
                failpoints.reach(f"{write}.{failpoints.AFTER}")
            return status, json.loads(payload) if payload.strip() else None
        except Exception as error:
            raise map_exception(error, request) from error

    @contextmanager
    def stream(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        *,
        deadline: float | None,
    ) -> Iterator[tuple[http.client.HTTPResponse, Stream]]:
        """An answer that is read as it comes; `deadline` None: the head within 10 s, the rest without end.

        The connection is used for nothing else and is closed at the end; `Stream.hang_up` ends a blocked read.
        """
        try:
            ends_at = time.monotonic() + (10.0 if deadline is None else deadline)
            target = _target(self._api_version(ends_at), path, query)
            connection = self._enter(Connection(open_stream(self.endpoint, ends_at)))
        except Exception as error:
            raise map_exception(error, f"{method} {path}") from error
        try:
            write = name_write(method, path)
            response = _send(connection, method, target, body, write)
            if response.status >= 400:
                raise self._refusal(response.status, response.read(), f"{method} {path}")
            if write is not None:
                failpoints.reach(f"{write}.{failpoints.AFTER}")
            if deadline is None:
                connection.stream.ends_at = None
            yield response, connection.stream
        except Exception as error:
            raise map_exception(error, f"{method} {path}") from error
        finally:
            self._leave(connection, reusable=False)

    def ping(self, *, deadline: float) -> Mapping[str, str]:
        """The headers of `/_ping`, names in lower case."""
        try:
            with self._connection(time.monotonic() + deadline) as connection:
                response = _send(connection, "GET", "/_ping", None)
                payload = _read_whole(response)
            if response.status >= 400:
                raise Failure(response.status, _message(payload), "GET /_ping")
        except Exception as error:
            raise map_exception(error, "GET /_ping") from error
        return {name.lower(): value for name, value in response.getheaders()}

    def forward(self, method: str, target: str, *, deadline: float) -> tuple[int, Mapping[str, str], bytes]:
        """Somebody else's read, as it is: status, headers (names in lower case) and body."""
        try:
            with self._connection(time.monotonic() + deadline) as connection:
                response = _send(connection, method, target, None)
                payload = _read_whole(response)
        except Exception as error:
            raise map_exception(error, f"{method} {target.partition('?')[0]}") from error
        return response.status, {name.lower(): value for name, value in response.getheaders()}, payload

    def api_version(self, *, deadline: float) -> str:
        """The version that both sides speak."""
        try:
            return self._api_version(time.monotonic() + deadline)
        except Exception as error:
            raise map_exception(error, "GET /_ping") from error

    def forget_version(self) -> None:
        """After a lost connection: the daemon may come back as another version."""
        self._version = None

    def close(self) -> None:
        """Hang up everything, streams that are being read included."""
        with self._lock:
            self._closed = True
            connections = (*self._idle, *self._busy)
            self._idle.clear()
        for connection in connections:
            connection.hang_up()

    def _api_version(self, ends_at: float) -> str:
        if self._version is None:
            self._version = _negotiate(self.ping(deadline=ends_at - time.monotonic()))
        return self._version

    def _refusal(self, status: int, payload: bytes, request: str) -> Failure:
        """What the daemon said instead of an answer. The version that it does not know is agreed on anew."""
        failure = Failure(status, _message(payload), request)
        if failure.refused_version is not None:
            self.forget_version()
        return failure

    @contextmanager
    def _connection(self, ends_at: float, anew: bool = False) -> Iterator[Connection]:
        connection = self._take(ends_at, anew and self.endpoint.socket_path is not None)
        reusable = False
        try:
            yield connection
            reusable = True
        finally:
            self._leave(connection, reusable)

    def _take(self, ends_at: float, anew: bool) -> Connection:
        """An idle connection that the daemon has not closed meanwhile, else a new one; `anew`: in place of all idle."""
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._enter(Connection(open_stream(self.endpoint, ends_at)))
            if not anew and not connection.stream.is_stale():
                connection.stream.ends_at = ends_at
                return self._enter(connection)
            connection.hang_up()

    def _enter(self, connection: Connection) -> Connection:
        with self._lock:
            if not self._closed:
                self._busy.add(connection)
                return connection
        connection.hang_up()
        raise ConnectionAbortedError("the engine is closed")

    def _leave(self, connection: Connection, reusable: bool) -> None:
        with self._lock:
            self._busy.discard(connection)
            if reusable and not self._closed and len(self._idle) < _IDLE_CONNECTIONS and connection.sock is not None:
                self._idle.append(connection)
                return
        connection.hang_up()


def _send(
    connection: Connection, method: str, target: str, body: Any, write: str | None = None
) -> http.client.HTTPResponse:
    """`write`: the name of what the request changes, which is a place where we may be killed."""
    payload = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    kind = "application/x-tar" if isinstance(body, bytes) else "application/json"
    headers = {"Content-Type": kind} if payload is not None else {}
    if method in ("POST", "PUT") and payload is None:
        headers["Content-Length"] = "0"
    if write is not None:
        failpoints.reach(f"{write}.{failpoints.BEFORE}")
    connection.request(method, target, payload, headers)
    if write is not None:
        failpoints.reach(f"{write}.{failpoints.SENT}")
    return connection.getresponse()


def _exchange(connection: Connection, method: str, target: str, body: Any, write: str | None) -> tuple[int, bytes]:
    response = _send(connection, method, target, body, write)
    return response.status, _read_whole(response, _LARGEST_ANSWER)


def _read_whole(response: http.client.HTTPResponse, most: int | None = None) -> bytes:
    """The body. The response is closed here: where Python does so at its end, a Ctrl-C in that very moment is lost."""
    with response:
        payload = response.read(most)
        if not response.isclosed():
            size = "is larger than 64 MiB" if len(payload) == most else f"ended after {len(payload)} bytes"
            raise http.client.HTTPException(f"its answer {size}")
    return payload


def _target(version: str, path: str, query: Mapping[str, Any] | None) -> str:
    """The request's target; mappings in the query are JSON, as Docker's filters want them."""
    if not query:
        return f"/v{version}{path}"
    flat = {
        name: json.dumps(value) if isinstance(value, Mapping) else value
        for name, value in query.items()
        if value is not None
    }
    return f"/v{version}{path}?{urlencode(flat)}"


def _message(payload: bytes) -> str:
    try:
        document = json.loads(payload)
    except ValueError:
        return payload[:500].decode("utf-8", "replace").strip()
    return str(document.get("message", document)) if isinstance(document, dict) else str(document)


def _negotiate(headers: Mapping[str, str]) -> str:
    """The newest version that both know. Raises Rejected for Podman, for daemons older than 20.10, for no daemon."""
    if "libpod-api-version" in headers or "libpod" in headers.get("server", "").lower():
        raise Rejected("this is Podman's socket, which is not supported", hint=_POINT)
    theirs = re.fullmatch(r"(\d+)\.(\d+)", headers.get("api-version", ""))
    if theirs is None:
        raise Rejected("what answers is no Docker daemon: it names no API version", hint=_POINT)
    version = int(theirs[1]), int(theirs[2])
    if version < OLDEST_API:
        raise Rejected(f"the daemon speaks API {theirs[0]}, older than 1.41", hint="Docker Engine 20.10 or later")
    return ".".join(str(part) for part in min(version, NEWEST_API))
