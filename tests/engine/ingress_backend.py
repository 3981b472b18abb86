"""Runs in a container: answers with its name, drips slow downloads, echoes on connections that were upgraded."""

import os
import signal
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = socket.gethostname().encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if self.headers.get("Upgrade") == "echo":
            self._echo()
        elif self.path.startswith("/slow/"):
            self._drip(float(self.path.removeprefix("/slow/")))
        elif self.path == f"/drop/{NAME.decode()}":
            self._drop()
        else:
            self._answer(NAME)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    do_PUT = do_POST

    def _drop(self) -> None:
        """As one that dies with a request in its hands."""
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Seen-For", self.headers.get("X-Forwarded-For", ""))
        self.end_headers()
        self.wfile.write(body)

    def _drip(self, seconds: float) -> None:
        parts = max(1, round(seconds * 10))
        self.send_response(200)
        self.send_header("Content-Length", str(parts * len(NAME)))
        self.end_headers()
        for _ in range(parts):
            self.wfile.write(NAME)
            self.wfile.flush()
            time.sleep(0.1)

    def _echo(self) -> None:
        self.send_response(101)
        self.send_header("Upgrade", "echo")
        self.send_header("Connection", "Upgrade")
        self.end_headers()
        while part := self.connection.recv(1024):
            self.connection.sendall(NAME + b" " + part)
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
server = Server(("", int((*sys.argv, 8000)[1])), Handler)
server.serve_forever()
