"""A webhook on this machine, which keeps what it is sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Webhook(ThreadingHTTPServer):
    """`got`: all that it was sent; `taken`: what it answered with 200. It answers with `status` and `headers`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.headers: dict[str, str] = {}
        self.got: list[dict[str, Any]] = []
        self.taken: list[dict[str, Any]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        message, status = json.loads(self.rfile.read(int(self.headers["Content-Length"]))), self.server.status
        self.server.got.append(message)
        if status == 200:
            self.server.taken.append(message)
        self.send_response(status)
        for key, text in {**self.server.headers, "Content-Length": "0"}.items():
            self.send_header(key, text)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def webhook() -> Iterator[Webhook]:
    """One that listens until the end of the block."""
    made = Webhook()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        made.shutdown()
        thread.join()
        made.server_close()
