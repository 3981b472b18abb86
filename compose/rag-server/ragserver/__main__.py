"""The HTTP server: routes, limits, and an end that loses no request."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ragserver.metrics import Metrics
from ragserver.retrieval import Backends, Invalid, Retrieval
from ragserver.stores import Qdrant, Redis, Unavailable, find_trusted
from ragserver.text import DIMENSIONS

_MAX_BODY = 4 << 20
_NEEDED = ("qdrant", "redis")
_PORT = 8000


class Server(ThreadingHTTPServer):
    """Carries what the handlers share. At the end it waits for the requests in flight."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, retrieval: Retrieval, metrics: Metrics, version: str) -> None:
        self.retrieval = retrieval
        self.metrics = metrics
        self.version = version
        self.draining = threading.Event()
        super().__init__(("", _PORT), Handler)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5  # seconds that an idle connection may keep a thread
    server: Server

    def _answer(self) -> None:
        started = time.monotonic()
        path = urlsplit(self.path).path
        try:
            status, value = self._serve(path)
        except Invalid as error:
            status, value = 400, {"error": str(error)}
        except Unavailable as error:
            status, value = 503, {"error": str(error)}
        self._send(status, value)
        # Unknown paths share a label: a scanner must not be able to make series without end.
        label = "other" if status == 404 else path
        self.server.metrics.count("rag_requests_total", path=label, status=str(status))
        self.server.metrics.time_request(label, time.monotonic() - started)

    do_GET = do_POST = _answer

    def _serve(self, path: str) -> tuple[int, Any]:
        serve = _ROUTES.get((self.command, path))
        return serve(self) if serve else (404, {"error": f"{self.command} {path} is not served here"})

    def _ingest(self) -> tuple[int, Any]:
        return 201, self.server.retrieval.ingest(self._body())

    def _search_body(self) -> tuple[int, Any]:
        body = self._body()
        return 200, self.server.retrieval.search(body.get("query"), body.get("limit", 5))

    def _search_url(self) -> tuple[int, Any]:
        asked = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        limit = asked.get("limit", "5")
        return 200, self.server.retrieval.search(asked.get("q"), int(limit) if limit.isdecimal() else None)

    def _alive(self) -> tuple[int, Any]:
        return 200, {"status": "alive"}

    def _metrics(self) -> tuple[int, Any]:
        return 200, self.server.metrics.render()

    def _identity(self) -> tuple[int, Any]:
        return 200, {"service": "rag-server", "version": self.server.version, "host": socket.gethostname()}

    def _ready(self) -> tuple[int, Any]:
        if self.server.draining.is_set():
            return 503, {"ready": False, "reason": "shutting down"}
        found = self.server.retrieval.check_dependencies()
        failing = [name for name in _NEEDED if found[name] != "ok"]
        return (503 if failing else 200), {"ready": not failing, "failing": failing, "dependencies": found}

    def _body(self) -> Mapping[str, Any]:
        length = int(self.headers.get("Content-Length") or 0)
        if length > _MAX_BODY:
            self.close_connection = True
            raise Invalid(f"the body has {length} bytes, at most {_MAX_BODY} are taken")
        try:
            body = json.loads(self.rfile.read(length) or b"{}")
        except ValueError as error:
            raise Invalid(f"the body is not JSON: {error}") from error
        if not isinstance(body, dict):
            raise Invalid("the body is not an object")
        return body

    def _send(self, status: int, value: Any) -> None:
        is_text = isinstance(value, str)
        body = value.encode() if is_text else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8" if is_text else "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.server.draining.is_set():
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """One line per answered request, health checks and scrapes left out."""
        if urlsplit(self.path).path not in ("/ready", "/healthz", "/metrics"):
            super().log_request(code, size)


_ROUTES: Mapping[tuple[str, str], Callable[[Handler], tuple[int, Any]]] = {
    ("POST", "/documents"): Handler._ingest,
    ("POST", "/search"): Handler._search_body,
    ("GET", "/search"): Handler._search_url,
    ("GET", "/ready"): Handler._ready,
    ("GET", "/healthz"): Handler._alive,
    ("GET", "/metrics"): Handler._metrics,
    ("GET", "/"): Handler._identity,
}


def main() -> None:
    environment = os.environ
    metrics = Metrics()
    backends = Backends(
        Qdrant(environment.get("QDRANT_URL", "http://qdrant:6333"), "documents", DIMENSIONS),
        Redis(environment.get("REDIS_URL", "redis://redis:6379"), find_trusted()),
        environment.get("PROMETHEUS_URL", "http://prometheus:9090"),
    )
    server = Server(Retrieval(backends, metrics), metrics, environment.get("RAG_VERSION", "1.0"))

    def stop(*_: object) -> None:
        server.draining.set()
        # From another thread: shutdown() waits for the loop that this handler interrupts.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"rag-server {server.version} listens on port {_PORT}", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()


if __name__ == "__main__":
    main()
