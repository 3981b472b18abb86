"""A socket that looks like a Docker daemon: reads pass to the real one, Compose's creates are written down."""

from __future__ import annotations

import json
import os
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from controller import failpoints
from controller.engines import compose, labels
from controller.engines.client import Client
from controller.engines.errors import map_exit
from controller.engines.extras import mark_compose_starts, refuse_programs
from controller.engines.recording import Pass, Recorder, read_facts, strip_version
from controller.engines.scratch import make_folder
from controller.model.errors import EngineError, Rejected, Transient
from controller.model.project import ComposeProject, Recording, RenderedProject

_PATIENCE = 10.0

Forwarded = tuple[int, Mapping[str, str], bytes]
"""Status, headers and body."""


def record(
    client: Client, project: ComposeProject, rendered: RenderedProject, known_ids: Mapping[str, str], *, deadline: float
) -> Recording:
    """One template a service. `known_ids`: ids of containers that exist, by service. Nothing is changed.

    Raises Transient without a daemon, Rejected where Compose refuses or the project needs what only Compose can do.
    """
    refuse_programs(rendered)
    client.ping(deadline=min(deadline, 5.0))
    services = tuple(rendered.model.get("services") or {})
    if not services:
        return Recording({})
    recorder = Recorder(read_facts(rendered, known_ids))
    with _serve(recorder, client) as server:
        result = compose.record_requests(project, server.path, services, deadline=deadline)
    if server.failure is not None:
        raise server.failure
    if recorder.refused:
        raise Rejected(f"docker compose create asked for {recorder.refused[0]}, which cannot be recorded")
    if result.code != 0:
        raise _refusal(map_exit("docker compose create", result.code, result.stderr))
    templates = recorder.templates()
    if missing := [name for name in services if name not in templates]:
        raise Rejected(f"docker compose create made nothing for {', '.join(missing)}")
    version = next(iter(recorder.containers.values())).create["Labels"].get(labels.VERSION, "")
    return Recording(mark_compose_starts(templates, rendered), version)


def _refusal(error: EngineError) -> EngineError:
    """Against a recorder only the project itself can be at fault."""
    if isinstance(error, Transient) and "killed by signal" in error.message:
        return error
    return Rejected(error.message, hint=error.hint)


@contextmanager
def _serve(recorder: Recorder, client: Client) -> Iterator[_Server]:
    """A recording socket in a folder of its own (0700): requests hold secrets."""
    with failpoints.around("disk.recorder"), make_folder() as folder:
        path = folder / "d.sock"
        with _Server(path, recorder, client) as server:
            os.chmod(path, 0o600)
            thread = threading.Thread(target=server.serve_forever, args=(0.005,), name="recorder", daemon=True)
            thread.start()
            try:
                yield server
            finally:
                server.shutdown()
                thread.join()


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    request_queue_size = 4096
    """Compose calls for all services of a project at once, and takes one call that finds no room for no daemon."""
    daemon_threads = True
    block_on_close = False

    def __init__(self, path: Path, recorder: Recorder, client: Client) -> None:
        super().__init__(str(path), _Handler)
        self.path, self.recorder, self.client = path, recorder, client
        self.lock = threading.Lock()
        self.failure: EngineError | None = None
        self._known: dict[tuple[str, str], Forwarded] = {}

    def read(self, method: str, target: str) -> Forwarded:
        """The daemon's answer to a read. Compose asks the same of an image for every service: once is enough."""
        known = self._known.get((method, target))
        if known is None:
            known = self._known[method, target] = self.client.forward(method, target, deadline=_PATIENCE)
        return known

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Compose hung up in the middle: its exit code tells."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def handle_request(self) -> None:
        payload = self._read_payload()
        url = urlsplit(self.path)
        query: dict[str, Any] = dict(parse_qsl(url.query))
        if "filters" in query:
            query["filters"] = json.loads(query["filters"])
        path = strip_version(url.path)
        is_json = "json" in self.headers.get("Content-Type", "")
        body = json.loads(payload) if payload and is_json else payload
        with self.server.lock:
            answer = self.server.recorder.answer(self.command, path, query, body)
        if isinstance(answer, Pass):
            self._pass_on(path)
        else:
            self._reply(answer[0], json.dumps(answer[1]).encode(), {})

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_request

    def _read_payload(self) -> bytes:
        """Also in chunks, as archives come."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = bytearray()
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.extend(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return bytes(parts)

    def _pass_on(self, path: str) -> None:
        try:
            status, headers, payload = self.server.read(self.command, self.path)
        except EngineError as error:
            self.server.failure = error
            self._reply(500, json.dumps({"message": error.message}).encode(), {})
            return
        if status == 404 and path.startswith("/images/") and path.endswith("/json"):
            name = path.removeprefix("/images/").removesuffix("/json")
            status, payload = 200, json.dumps(self.server.recorder.make_up_image(name)).encode()
        if status == 200 and path.startswith("/networks"):
            with self.server.lock:
                self.server.recorder.note(path, json.loads(payload or b"null"))
        self._reply(status, payload, headers)

    def _reply(self, status: int, payload: bytes, headers: Mapping[str, str]) -> None:
        self.send_response_only(status)
        dropped = ("content-length", "transfer-encoding", "connection", "content-type")
        for name, value in headers.items():
            if name not in dropped:
                self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(payload)

    def address_string(self) -> str:
        return "compose"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing of a request is written anywhere: it may hold secrets."""
