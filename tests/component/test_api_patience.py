"""Who takes an answer slowly gets all of it, who takes nothing or never ends is hung up on; over plain HTTP and TLS."""

from __future__ import annotations

import asyncio
import datetime
import os
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from controller.web import serving
from controller.web.hosting import Hosted, Hosting

_SIZE = 16 * 1024 * 1024
"""Bytes of the answer: more than the kernel takes off our hands."""


@pytest.fixture(params=["plain", "tls"])
def tls(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """uvicorn's settings; {}: none."""
    return make_certificate(tmp_path) if request.param == "tls" else {}


def make_certificate(folder: Path) -> dict[str, Any]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    none = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, none))
    return {"ssl_certfile": folder / "cert.pem", "ssl_keyfile": folder / "key.pem"}


@contextmanager
def served(settings: dict[str, Any]) -> Iterator[int]:
    """The port; every request is answered with `_SIZE` bytes."""
    door = socket.create_server(("127.0.0.1", 0))
    port: int = door.getsockname()[1]
    hosting = Hosting("api", door, lambda: Hosted(_answer, settings), pytest.fail)
    try:
        yield port
    finally:
        hosting.close()


async def _answer(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        for said in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{said}.complete"})
        return
    path = scope["path"]
    if path == "/slow":
        await asyncio.sleep(0.4)
    size = _SIZE if path == "/long" else 2
    head = [] if path in ("/stream", "/quiet") else [(b"content-length", str(size).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    if path == "/breaks":
        raise RuntimeError("in the middle of an answer")
    if path == "/quiet":  # much at once, and then a word now and then
        await send({"type": "http.response.body", "body": bytes(_SIZE), "more_body": True})
    while path in ("/stream", "/quiet"):
        await send({"type": "http.response.body", "body": b"more", "more_body": True})
        await asyncio.sleep(0.05)
    await send({"type": "http.response.body", "body": bytes(size)})


def knock(port: int, settings: dict[str, Any]) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    client.settimeout(10)
    client.connect(("127.0.0.1", port))
    if settings:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        client = context.wrap_socket(client)
    return client


def take_the_rest(client: socket.socket) -> int:
    """How many bytes there were until the connection had ended."""
    taken = 0
    with suppress(ConnectionResetError, ssl.SSLError):
        while got := client.recv(1024 * 1024):
            taken += len(got)
    return taken


@pytest.mark.parametrize("more", ["", "Connection: close\r\n"])
def test_who_takes_an_answer_slowly_gets_all_of_it(
    tls: dict[str, Any], more: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "REQUEST_SECONDS", 2.0)
    with served(tls) as port, knock(port, tls) as client:
        client.sendall(f"GET /long HTTP/1.1\r\nHost: localhost\r\n{more}\r\n".encode())
        taken = client.recv(4096)
        head = len(taken.split(b"\r\n\r\n")[0]) + 4
        left = head + _SIZE - len(taken)
        begun = time.monotonic()
        while left > 0:
            got = client.recv(min(left, 256 * 1024))
            assert got, f"it is cut with {left} bytes left, after {time.monotonic() - begun:.1f} s"
            left -= len(got)
            time.sleep(len(got) / (4 * 1024 * 1024))  # four seconds in all


@pytest.mark.fault("Z5")
@pytest.mark.parametrize(
    ("path", "more"),
    [
        pytest.param("/long", "", id="an answer"),
        pytest.param("/long", "Connection: close\r\n", id="the last answer"),
        pytest.param("/quiet", "", id="an answer that goes on"),
    ],
)
def test_who_takes_nothing_of_an_answer_is_hung_up_on(
    tls: dict[str, Any], path: str, more: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "REQUEST_SECONDS", 0.5)
    with served(tls) as port, knock(port, tls) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n".encode())
        time.sleep(3)
        assert take_the_rest(client) < _SIZE


def test_a_second_request_has_its_own_time(tls: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "REQUEST_SECONDS", 1.0)
    with served(tls) as port, knock(port, tls) as client:
        for _ in range(2):
            client.sendall(b"GET / HTTP/1.1\r\n")
            time.sleep(0.7)
            client.sendall(b"Host: localhost\r\n\r\n")
            got = b""
            while not got.endswith(b"\0\0"):
                got += client.recv(65536)
            time.sleep(0.7)


BAD_CHUNK = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n"


@pytest.mark.fault("Z5")
@pytest.mark.parametrize(
    "said",
    [
        pytest.param((BAD_CHUNK,), id="what is no HTTP"),
        pytest.param((b"GET /breaks HTTP/1.1\r\nHost: localhost\r\n\r\n",), id="an answer that breaks off"),
        pytest.param(
            (b"GET /slow HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", b"and more"), id="more than said"
        ),
        pytest.param((b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n", None), id="it says that it ends"),
    ],
)
def test_nobody_keeps_a_connection_by_never_ending_it(
    tls: dict[str, Any], said: tuple[bytes | None, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "REQUEST_SECONDS", 0.5)
    with served(tls) as port, knock(port, tls) as client, socket.socket(fileno=os.dup(client.fileno())) as below:
        for words in said:
            if words is not None:
                client.sendall(words)
            elif isinstance(client, ssl.SSLSocket):
                client.settimeout(0)
                with suppress(ssl.SSLError, OSError):
                    client.unwrap()
            else:
                client.shutdown(socket.SHUT_WR)
            time.sleep(0.2)
        below.settimeout(10)  # what TLS would say, above all that it has ended too, is never said
        with suppress(ConnectionResetError):
            while below.recv(65536):
                pass


@pytest.mark.fault("Z5")
@pytest.mark.parametrize("tls", ["tls"], indirect=True)  # a plain one is told, and goes on being served
def test_a_follower_that_is_read_no_more_and_ends_below_is_let_go(
    tls: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "REQUEST_SECONDS", 0.5)
    with served(tls) as port, knock(port, tls) as client, socket.socket(fileno=os.dup(client.fileno())) as below:
        client.sendall(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.2)
        client.sendall(b"and more")
        time.sleep(0.2)
        below.shutdown(socket.SHUT_WR)
        below.settimeout(10)
        with suppress(ConnectionResetError):
            while below.recv(65536):
                pass
