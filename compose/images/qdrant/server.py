"""A stand-in for the qdrant/qdrant image: Qdrant's engine behind the REST paths that its clients use most."""

import json
import re
import signal
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from shards import Refused, Shards

_MAX_BODY = 32 << 20
_PORT = 6333
_Call = Callable[..., Any]


def _exists(shards: Shards, name: str) -> dict[str, bool]:
    return {"exists": name in shards.names()}


def _create(shards: Shards, body: Mapping[str, Any], name: str) -> bool:
    shards.create(name, body.get("vectors") or {})
    return True


def _upsert(shards: Shards, body: Mapping[str, Any], name: str) -> dict[str, Any]:
    shards.upsert(name, body.get("points") or ())
    return {"operation_id": time.time_ns(), "status": "completed"}


def _delete(shards: Shards, body: Mapping[str, Any], name: str) -> dict[str, Any]:
    shards.delete(name, body)
    return {"operation_id": time.time_ns(), "status": "completed"}


def _point(shards: Shards, name: str, point: str) -> Any:
    found = shards.retrieve(name, [int(point) if point.isdigit() else point], with_vector=True)
    if not found:
        raise Refused(404, f"Not found: Point with id {point} does not exists!")
    return found[0]


_N = r"/collections/([^/]+)"
_ROUTES: tuple[tuple[str, str, _Call], ...] = (
    ("GET", r"/collections", lambda s, b: {"collections": [{"name": name} for name in s.names()]}),
    ("GET", _N, lambda s, b, n: s.describe(n)),
    ("GET", _N + "/exists", lambda s, b, n: _exists(s, n)),
    ("PUT", _N, _create),
    ("DELETE", _N, lambda s, b, n: s.drop(n)),
    ("PUT", _N + "/points", _upsert),
    ("POST", _N + "/points", lambda s, b, n: s.retrieve(n, b["ids"], bool(b.get("with_vector")))),
    ("GET", _N + "/points/([^/]+)", lambda s, b, n, p: _point(s, n, p)),
    ("POST", _N + "/points/search", lambda s, b, n: s.search(n, b)),
    ("POST", _N + "/points/query", lambda s, b, n: {"points": s.search(n, b)}),
    ("POST", _N + "/points/scroll", lambda s, b, n: s.scroll(n, b)),
    ("POST", _N + "/points/count", lambda s, b, n: {"count": s.count(n, b)}),
    ("POST", _N + "/points/delete", _delete),
)
_COMPILED = tuple((method, re.compile(pattern), call) for method, pattern, call in _ROUTES)


class Handler(BaseHTTPRequestHandler):
    """One request; the collections hang on the server."""

    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        started = time.monotonic()
        path = self.path.split("?", 1)[0].rstrip("/") or "/"
        try:
            body = self._body()
            if text := self._plain(path):
                return self._send(200, text.encode(), "text/plain; charset=utf-8")
            if path == "/":
                return self._json(200, {"title": "qdrant - vector search engine", "version": "edge-0.9.0 stand-in"})
            result = self._dispatch(path, body)
            self._json(200, {"result": result, "status": "ok", "time": time.monotonic() - started})
        except Refused as refusal:
            self._fail(refusal.status, str(refusal), started)
        except (KeyError, TypeError, ValueError) as error:
            self._fail(400, f"Wrong input: {error!r}", started)
        except Exception as error:  # the engine's errors have no common class; the server outlives them
            self._fail(500, f"Service internal error: {error}", started)

    def _plain(self, path: str) -> str:
        if path in ("/healthz", "/livez", "/readyz"):
            return "healthz check passed" if path == "/healthz" else "all shards are ready"
        if path == "/metrics":
            shards: Shards = self.server.shards  # type: ignore[attr-defined]
            names = shards.names()
            points = sum(shards.count(name, {}) for name in names)
            gauges = (("collections_total", len(names)), ("collections_vector_total", points))
            return "".join(f"# TYPE {name} gauge\n{name} {value}\n" for name, value in gauges)
        return ""

    def _dispatch(self, path: str, body: Mapping[str, Any]) -> Any:
        for method, pattern, call in _COMPILED:
            if method == self.command and (found := pattern.fullmatch(path)):
                return call(self.server.shards, body, *found.groups())  # type: ignore[attr-defined]
        raise Refused(404, f"Not found: {self.command} {path} is not served by this stand-in")

    def _body(self) -> Mapping[str, Any]:
        length = int(self.headers.get("Content-Length") or 0)
        if length > _MAX_BODY:
            self.close_connection = True
            raise Refused(413, f"Payload of {length} bytes is over {_MAX_BODY}")
        body = json.loads(self.rfile.read(length)) if length else {}
        if not isinstance(body, dict):
            raise Refused(400, "Wrong input: the body is not an object")
        return body

    def _fail(self, status: int, message: str, started: float) -> None:
        self._json(status, {"status": {"error": message}, "time": time.monotonic() - started})

    def _json(self, status: int, value: Any) -> None:
        self._send(status, json.dumps(value).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_DELETE = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Health checks would fill the log; errors reach the client."""


def main() -> None:
    shards = Shards(Path("/qdrant/storage/edge"))
    server = ThreadingHTTPServer(("0.0.0.0", _PORT), Handler)
    server.daemon_threads = True
    server.shards = shards  # type: ignore[attr-defined]
    # From another thread: shutdown() waits for the loop that this handler would be interrupting.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"stand-in for Qdrant on port {_PORT}: {len(shards.names())} collections", flush=True)
    server.serve_forever(poll_interval=0.1)
    shards.close()


if __name__ == "__main__":
    main()
