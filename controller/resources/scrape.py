"""Senses: asks one replica for a figure of its own, by HTTP or by a command in it."""

from __future__ import annotations

import http.client
import io
import socket
import time
from urllib.parse import quote

from controller.engines.base import Engine
from controller.model.errors import ControllerError
from controller.model.metrics import CustomMetric
from controller.model.observed import Replica
from controller.resources.exposition import read_last_number, read_series

LARGEST = 1 << 20
"""Bytes of one exposition: some ten thousand series; beyond that somebody has gone wrong."""

_HEAD = 256 * 1024
"""Bytes of an answer beside its body: its head, and the marks of chunks."""

PATIENCE = 5.0
"""Seconds that one replica has to answer: half of what Prometheus gives by default, for one figure of many."""


def read_figure(engine: Engine, replica: Replica, metric: CustomMetric, patience: float = PATIENCE) -> float:
    """The figure now. Raises ControllerErrors that say why it cannot be had."""
    if metric.port is None:
        return _execute(engine, replica, metric, patience)
    if replica.address is None:
        hint = "use exec: a command in the container that prints the number"
        raise ControllerError("it cannot be reached from here", hint=hint)
    return read_series(_fetch(replica.address, metric.port, metric.path, patience), metric.series)


def _execute(engine: Engine, replica: Replica, metric: CustomMetric, patience: float) -> float:
    done = engine.execute(replica.id, metric.command, timeout=patience, alone=True)
    if done.exit_code != 0:
        last = (done.output.strip().splitlines() or ["no output"])[-1]
        why = "could not be run" if done.exit_code is None else f"exited with {done.exit_code}"
        raise ControllerError(f"the command {why}: {last[:200]}")
    return read_last_number(done.output)


def _fetch(address: str, port: int, path: str, patience: float) -> str:
    """The body of a 200. Redirects are not followed: they could lead anywhere."""
    place = f"GET :{port}{path}"
    try:
        answer = _parse(_exchange(address, port, path, patience))
        with answer:
            body = answer.read(LARGEST + 1)
        if answer.status != 200:
            raise ControllerError(f"{place}: it answered {answer.status}")
        if len(body) > LARGEST:
            raise ControllerError(f"{place}: it exposes more than 1 MiB")
        return body.decode("utf-8", "replace")
    except TimeoutError:
        raise ControllerError(f"{place}: no whole answer within {patience:g} s") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ControllerError(f"{place}: {getattr(error, 'strerror', None) or error or 'no HTTP answer'}") from error


def _exchange(address: str, port: int, path: str, patience: float) -> bytes:
    """All that is answered, to the end of the connection: one deadline for it, however slowly it comes."""
    ends_at = time.monotonic() + patience
    target = quote(path, safe="/?&=%:@+,;~!$'()*[]-._")
    request = f"GET {target} HTTP/1.1\r\nHost: localhost:{port}\r\nAccept: text/plain\r\nConnection: close\r\n\r\n"
    with socket.create_connection((address, port), patience) as connection:
        connection.sendall(request.encode("ascii"))
        answer = bytearray()
        while len(answer) <= LARGEST + _HEAD:
            if (left := ends_at - time.monotonic()) <= 0:
                raise TimeoutError
            connection.settimeout(left)
            if not (part := connection.recv(65536)):
                break
            answer += part
        return bytes(answer)


class _Received:
    """What `HTTPResponse` asks of a socket."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def makefile(self, *_: object) -> io.BytesIO:
        return io.BytesIO(self._answer)


def _parse(answer: bytes) -> http.client.HTTPResponse:
    """Knows chunks and lengths."""
    response = http.client.HTTPResponse(_Received(answer))  # type: ignore[arg-type]
    response.begin()
    return response
