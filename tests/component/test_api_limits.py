"""What the API bears: clients that are slow, deaf, rude or many, and faults of ours."""

from __future__ import annotations

import socket
import time
from contextlib import suppress

import httpx
import pytest

from controller.loop import window
from controller.web import asks, server, serving
from tests.component.house import House
from tests.component.served import Visit, converge, visit
from tests.component.waiting import eventually


@pytest.mark.fault("Z5")
def test_a_client_that_says_nothing_is_hung_up_on_and_disturbs_nobody(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "REQUEST_SECONDS", 3.0)  # longer than our own client pauses
    house.write("shop")

    def script(there: Visit) -> None:
        converge(there)
        port = int(there.server.address.url.rsplit(":", 1)[1])
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
        for one in idle[100:]:
            one.sendall(b"GET /v1/stacks HTTP/1.1\r\nHost: 127")
        assert there.ask("shop", "stop")["exitCode"] == 0
        for one in idle:
            assert_hung_up(one)

    visit(house, script)


def assert_hung_up(client: socket.socket) -> None:
    client.settimeout(20)
    with client, suppress(ConnectionResetError):
        assert client.recv(1) == b""


def port_of(there: Visit) -> int:
    return int(there.server.address.url.rsplit(":", 1)[1])


@pytest.mark.fault("Z5")
def test_a_client_that_never_ends_what_it_says_is_hung_up_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "REQUEST_SECONDS", 2.0)
    house.write("shop")

    def script(there: Visit) -> None:
        slow = socket.create_connection(("127.0.0.1", port_of(there)))
        head = f"POST /v1/session HTTP/1.1\r\nHost: 127.0.0.1:{port_of(there)}\r\nContent-Length: 99\r\n\r\n{{"
        slow.sendall(head.encode())
        assert_hung_up(slow)

    visit(house, script)


@pytest.mark.fault("Z5")
def test_a_client_that_takes_no_answer_is_hung_up_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "REQUEST_SECONDS", 5.0)
    monkeypatch.setattr(server, "_CONNECTIONS", 1)
    house.write("shop")

    def script(there: Visit) -> None:
        there.http.close()
        eventually(lambda: _is_answered(there), 10)  # its place is free
        there.stranger.close()
        with get_in(there) as deaf:
            with suppress(TimeoutError, OSError):
                deaf.sendall(ask_raw(there, "/v1/openapi.json") * 200)
            assert not _is_let_in(there)
            eventually(lambda: _is_let_in(there), 20)

    visit(house, script)


def get_in(there: Visit) -> socket.socket:
    """A client that takes little at once, and has a place."""
    for _ in range(100):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(1.0)
        with suppress(OSError):
            client.connect(("127.0.0.1", port_of(there)))
            client.sendall(ask_raw(there, "/healthz"))
            if client.recv(4096):
                return client
        client.close()
        time.sleep(0.1)
    raise AssertionError("nobody is let in")


def _is_let_in(there: Visit) -> bool:
    with httpx.Client(base_url=there.server.address.url) as another, suppress(httpx.TransportError):
        return another.get("/healthz").status_code == 200
    return False


def ask_raw(there: Visit, path: str) -> bytes:
    key = there.http.headers["authorization"]
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port_of(there)}\r\nAuthorization: {key}\r\n\r\n".encode()


def test_what_was_asked_along_with_something_else_has_its_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "REQUEST_SECONDS", 1.0)
    house.write("shop")

    def script(there: Visit) -> None:
        with socket.create_connection(("127.0.0.1", port_of(there))) as client:
            client.sendall(ask_raw(there, "/healthz") + ask_raw(there, "/v1/stream"))
            client.settimeout(3.0)
            with suppress(TimeoutError):
                while client.recv(65536):
                    pass
                pytest.fail("it was hung up on")

    visit(house, script)


@pytest.mark.fault("Z5")
def test_only_so_many_are_let_in_at_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_CONNECTIONS", 10)
    house.write("shop")

    def script(there: Visit) -> None:
        crowd = [socket.create_connection(("127.0.0.1", port_of(there))) for _ in range(30)]
        for late in crowd[15:]:  # the two clients of this visit are in already
            assert_hung_up(late)
        for early in crowd[:15]:
            early.close()
        eventually(lambda: _is_answered(there), 10)

    visit(house, script)


def _is_answered(there: Visit) -> bool:
    try:
        return there.stranger.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


def test_a_fault_of_ours_is_told_in_a_line_and_not_on_the_screen(
    house: House, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    house.write("shop")

    def break_it(*_: object) -> None:
        raise LookupError("no such thing")

    monkeypatch.setattr(asks, "find_intent", break_it)

    def script(there: Visit) -> None:
        for _ in range(3):
            answer = there.http.get("/v1/stacks/shop/intents/1")
            assert (answer.status_code, answer.json()["error"]["hint"]) == (500, "controller events")
        with socket.create_connection(("127.0.0.1", port_of(there))) as rude:
            rude.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
            rude.settimeout(20)
            rude.recv(1000)
        eventually(lambda: house.ear.said("RequestFailed"), 10)

    visit(house, script)
    assert house.ear.said("RequestFailed") == [
        "a request could not be answered: GET /v1/stacks/shop/intents/1: LookupError: no such thing"
    ]
    assert capfd.readouterr().err == ""


def test_a_body_that_grows_too_large_is_told_to_be_so(house: House) -> None:
    house.write("shop")

    def script(there: Visit) -> None:
        pieces = (b"x" * 1000 for _ in range(100))
        assert there.http.post("/v1/stacks/shop/intents", content=pieces).status_code == 413

    visit(house, script)


def test_more_requests_than_anybody_can_mean_are_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "MOST_WAITING", 0)
    house.write("shop")

    def script(there: Visit) -> None:
        converge(there)
        answer = there.http.post("/v1/stacks/shop/intents", json={"verb": "stop"})
        assert answer.status_code == 503 and "wait already" in answer.json()["error"]["message"]

    visit(house, script)
