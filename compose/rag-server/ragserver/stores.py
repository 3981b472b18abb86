"""The two stores behind the server, spoken to over sockets: Qdrant (REST) and Redis (RESP, over TLS where asked)."""

import http.client
import json
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_TIMEOUT = 3.0  # seconds
_RELEVANT = 0.01  # cosine; below it two texts share no word
_CERTIFICATES = Path("/run/controller/tls")


class Unavailable(Exception):
    """A store cannot be reached or answers with an error; the message names it."""


def call_http(url: str, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, bytes]:
    """One request on a connection of its own: (status, body)."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port or 80, timeout=_TIMEOUT)
    try:
        payload = None if body is None else json.dumps(body)
        connection.request(method, path, payload, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(f"{url}: {error}") from error
    finally:
        connection.close()


class Qdrant:
    """One collection of passages."""

    def __init__(self, url: str, collection: str, dimensions: int) -> None:
        self._url = url
        self._path = f"/collections/{collection}"
        self._vectors = {"size": dimensions, "distance": "Cosine"}

    def check(self) -> None:
        self._expect(*call_http(self._url, "GET", "/readyz"))

    def replace_document(self, document: str, points: Sequence[Mapping[str, Any]]) -> None:
        """Puts the document's passages in the place of those that it had."""
        self._ensure_collection()
        mine = {"filter": {"must": [{"key": "document", "match": {"value": document}}]}}
        self._call("POST", "/points/delete?wait=true", mine)
        self._call("PUT", "/points?wait=true", {"points": list(points)})

    def search(self, vector: Sequence[float], limit: int) -> list[dict[str, Any]]:
        """The nearest passages, best first: payload and score. Nothing when nothing was ever stored."""
        body = {"vector": list(vector), "limit": limit, "with_payload": True, "score_threshold": _RELEVANT}
        status, answer = call_http(self._url, "POST", f"{self._path}/points/search", body)
        if status == http.client.NOT_FOUND:
            return []
        self._expect(status, answer)
        return [{**found["payload"], "score": found["score"]} for found in json.loads(answer)["result"]]

    def _ensure_collection(self) -> None:
        status, answer = call_http(self._url, "PUT", self._path, {"vectors": self._vectors})
        # Another replica may be first; older servers say 400 instead of 409.
        if status != http.client.CONFLICT and b"already exists" not in answer:
            self._expect(status, answer)

    def _call(self, method: str, path: str, body: Mapping[str, Any]) -> None:
        self._expect(*call_http(self._url, method, self._path + path, body))

    def _expect(self, status: int, answer: bytes) -> None:
        if status != http.client.OK:
            raise Unavailable(f"{self._url}: status {status}: {answer[:200].decode(errors='replace')}")


def find_trusted(folder: Path = _CERTIFICATES) -> Path | None:
    """The authorities of the controller, where it gives certificates: Redis has one then, too, and speaks TLS alone."""
    return folder / "ca.crt" if folder.is_dir() else None


class Redis:
    """The few commands that a cache needs.

    `trusted`: a file with the authorities of which one has to have signed its certificate; None: it speaks no TLS.
    """

    def __init__(self, url: str, trusted: Path | None = None) -> None:
        address = urlsplit(url)
        self._url = url
        self._trusted = trusted
        self._address = (address.hostname or "", address.port or 6379)

    def check(self) -> None:
        if self._call("PING") != b"PONG":
            raise Unavailable(f"{self._url}: no PONG")

    def get(self, key: str) -> bytes | None:
        value = self._call("GET", key)
        return value if isinstance(value, bytes) else None

    def put(self, key: str, value: bytes, seconds: int) -> None:
        self._call("SET", key, value, "EX", str(seconds))

    def increment(self, key: str) -> int:
        return int(self._call("INCR", key) or 0)

    def _call(self, *words: str | bytes) -> bytes | int | None:
        with self._connect() as (connection, answers):
            connection.sendall(encode_command(*words))
            return read_answer(answers)

    @contextmanager
    def _connect(self) -> Iterator[tuple[socket.socket, BufferedReader]]:
        try:
            with self._open() as connection, connection.makefile("rb") as answers:
                yield connection, answers
        except (OSError, ValueError) as error:
            raise Unavailable(f"{self._url}: {error}") from error

    def _open(self) -> socket.socket:
        """The file is read anew each time: when authorities change, nobody has to tell us."""
        context = ssl.create_default_context(cafile=self._trusted) if self._trusted is not None else None
        plain = socket.create_connection(self._address, _TIMEOUT)
        return plain if context is None else context.wrap_socket(plain, server_hostname=self._address[0])


def encode_command(*words: str | bytes) -> bytes:
    """A command as RESP: an array of bulk strings."""
    raw = [word.encode() if isinstance(word, str) else word for word in words]
    return b"*%d\r\n" % len(raw) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in raw)


def read_answer(stream: BufferedReader) -> bytes | int | None:
    """One simple RESP answer; ValueError when the server reports an error or hangs up."""
    line = stream.readline()
    kind, rest = line[:1], line[1:].strip()
    match kind:
        case b"+":
            return rest
        case b":":
            return int(rest)
        case b"$" if int(rest) < 0:
            return None
        case b"$":
            return stream.read(int(rest) + 2)[:-2]
        case _:
            raise ValueError(line.decode(errors="replace").strip() or "connection closed")
