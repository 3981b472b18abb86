"""The client against a daemon that answers as told: deadlines, garbage, hang-ups, stale connections, versions."""

import http.client
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType

import pytest

from controller.engines.client import Client
from controller.engines.transport import Endpoint
from controller.model.errors import Conflict, Rejected, Transient

pytestmark = pytest.mark.unit

PING = b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK"
Talk = Callable[[socket.socket, bytes], None]


class Daemon:
    """A socket that answers pings, and everything else as it is told."""

    def __init__(self, path: Path) -> None:
        self.path, self.connections = path, 0
        self.talk: Talk = lambda end, request: end.sendall(answer(b"{}"))
        self.ping = PING
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(path))
        self.server.listen(16)
        self.ends: list[socket.socket] = []
        self.acceptor = threading.Thread(target=self._accept, daemon=True)
        self.acceptor.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                end, _ = self.server.accept()
                self.connections += 1
                self.ends.append(end)
                threading.Thread(target=self._serve, args=(end,), daemon=True).start()

    def _serve(self, end: socket.socket) -> None:
        with suppress(OSError):
            while request := receive(end):
                end.sendall(self.ping) if b"/_ping" in request else self.talk(end, request)

    def hang_up(self) -> None:
        for end in self.ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self.ends.clear()

    def close(self) -> None:
        with suppress(OSError):
            self.server.shutdown(socket.SHUT_RDWR)
        self.acceptor.join(5.0)
        self.server.close()
        self.hang_up()


def receive(end: socket.socket) -> bytes:
    """One request, with its body, which may come by itself."""
    request = end.recv(65536)
    head, _, body = request.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")), 0)
    while len(body) < length:
        body += (more := end.recv(65536))
        request += more
    return request


def answer(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon(tmp_path / "d.sock")
    yield made
    made.close()


@pytest.fixture
def client(daemon: Daemon) -> Iterator[Client]:
    made = Client(Endpoint(f"unix://{daemon.path}"))
    yield made
    made.close()


def test_one_connection_serves_many_calls(daemon: Daemon, client: Client) -> None:
    for _ in range(5):
        assert client.get("/x", deadline=2.0) == {}
    assert daemon.connections == 1


def test_the_request_has_version_query_and_body(daemon: Daemon, client: Client) -> None:
    seen: list[bytes] = []
    daemon.talk = lambda end, request: (seen.append(request), end.sendall(answer(b"")))[0]
    assert client.call("POST", "/x", {"a": {"b": 1}, "n": None, "t": 3}, {"k": "v"}, deadline=2.0) == (200, None)
    head = seen[0].split(b"\r\n")[0]
    assert head == b"POST /v1.41/x?a=%7B%22b%22%3A+1%7D&t=3 HTTP/1.1"
    assert b'{"k": "v"}' in b"".join(seen)


def test_a_connection_that_was_closed_meanwhile_is_not_used(daemon: Daemon, client: Client) -> None:
    client.get("/x", deadline=2.0)
    daemon.hang_up()
    time.sleep(0.05)
    assert client.call("POST", "/x", deadline=2.0)[0] == 200


def test_anew_a_daemon_that_takes_no_new_connections_is_away_though_it_still_serves_the_old(
    daemon: Daemon, client: Client
) -> None:
    client.get("/x", deadline=2.0)
    daemon.path.unlink()
    assert client.get("/x", deadline=2.0) == {}
    with pytest.raises(Transient, match="Docker is not there"):
        client.get("/x", deadline=2.0, anew=True)


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"garbage that is no HTTP\r\n\r\n",
        answer(b"{not json"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ],
    ids=["hang-up", "garbage", "bad JSON", "cut off", "bad chunk"],
)
def test_what_is_no_answer_is_transient(daemon: Daemon, client: Client, reply: bytes) -> None:
    def talk(end: socket.socket, request: bytes) -> None:
        end.sendall(reply)
        end.shutdown(socket.SHUT_RDWR)

    daemon.talk = talk
    with pytest.raises(Transient):
        client.get("/x", deadline=2.0)


def test_a_daemon_that_hangs_is_left_at_the_deadline(daemon: Daemon, client: Client) -> None:
    daemon.talk = lambda end, request: None
    began = time.monotonic()
    with pytest.raises(Transient, match="in time"):
        client.get("/x", deadline=0.2)
    assert time.monotonic() - began < 1.0


def test_a_daemon_that_trickles_is_left_at_the_deadline(daemon: Daemon, client: Client) -> None:
    def talk(end: socket.socket, request: bytes) -> None:
        end.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            end.sendall(b" ")
            time.sleep(0.05)

    daemon.talk = talk
    began = time.monotonic()
    with pytest.raises(Transient, match="in time"):
        client.get("/x", deadline=0.3)
    assert time.monotonic() - began < 1.0


@pytest.mark.parametrize(
    "status, kind",
    [("404 Not Found", Conflict), ("409 Conflict", Conflict), ("400 Bad", Rejected), ("500 X", Transient)],
)
def test_refusals_carry_the_daemons_words(daemon: Daemon, client: Client, status: str, kind: type[Exception]) -> None:
    daemon.talk = lambda end, request: end.sendall(answer(b'{"message": "because of x"}', status))
    with pytest.raises(kind, match="because of x"):
        client.get("/x", deadline=2.0)
    daemon.talk = lambda end, request: end.sendall(answer(b"{}"))
    assert client.get("/x", deadline=2.0) == {}
    assert daemon.connections == 1


@pytest.mark.parametrize(
    "headers, version",
    [("Api-Version: 1.41", "1.41"), ("Api-Version: 1.45", "1.45"), ("Api-Version: 1.99", "1.47")],
)
def test_the_version_is_the_newest_that_both_know(daemon: Daemon, client: Client, headers: str, version: str) -> None:
    daemon.ping = f"HTTP/1.1 200 OK\r\n{headers}\r\nContent-Length: 0\r\n\r\n".encode()
    assert client.api_version(deadline=2.0) == version


@pytest.mark.parametrize(
    "headers, words",
    [
        ("Api-Version: 1.41\r\nLibpod-Api-Version: 4.3.1", "Podman"),
        ("Api-Version: 1.41\r\nServer: Libpod/4.3.1 (linux)", "Podman"),
        ("Api-Version: 1.40", "older than 1.41"),
        ("X: y", "names no API version"),
        ("Api-Version: new", "names no API version"),
    ],
)
def test_what_is_no_docker_that_we_know_is_refused(daemon: Daemon, client: Client, headers: str, words: str) -> None:
    daemon.ping = f"HTTP/1.1 200 OK\r\n{headers}\r\nContent-Length: 0\r\n\r\n".encode()
    with pytest.raises(Rejected, match=words):
        client.get("/x", deadline=2.0)


def test_no_socket_and_no_permission_are_told_apart(tmp_path: Path) -> None:
    nothing = Client(Endpoint(f"unix://{tmp_path}/none.sock"))
    with pytest.raises(Transient, match=r"none\.sock") as raised:
        nothing.get("/x", deadline=1.0)
    assert raised.value.hint == "start the Docker daemon, or point DOCKER_HOST at it"


def test_threads_share_the_client(daemon: Daemon, client: Client) -> None:
    def talk(end: socket.socket, request: bytes) -> None:
        time.sleep(0.01)
        end.sendall(answer(b'"' + request.split(b" ")[1].rsplit(b"/", 1)[1] + b'"'))

    daemon.talk = talk
    wrong: list[str] = []

    def ask(name: str) -> None:
        for _ in range(10):
            if client.get(f"/{name}", deadline=5.0) != name:
                wrong.append(name)

    hands = [threading.Thread(target=ask, args=(f"t{number}",)) for number in range(8)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    assert wrong == []


def test_close_ends_a_stream_that_is_being_read(daemon: Daemon, client: Client) -> None:
    daemon.talk = lambda end, request: end.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\na\n\r\n")
    seen: list[bytes] = []

    def read() -> None:
        with suppress(Transient), client.stream("GET", "/events", deadline=None) as (response, _):
            while line := response.readline():
                seen.append(line)

    reader = threading.Thread(target=read)
    reader.start()
    while not seen:
        time.sleep(0.01)
    client.close()
    reader.join(2.0)
    assert not reader.is_alive() and seen == [b"a\n"]
    with pytest.raises(Transient):
        client.get("/x", deadline=1.0)


def test_no_ctrl_c_is_lost_while_a_response_ends(daemon: Daemon, client: Client) -> None:
    """Python swallows what is raised while it ends one by itself (`io.IOBase`); so it is ended before."""
    client.get("/info", deadline=5.0)
    for after in range(20):
        place = interrupt(lambda: client.get("/info", deadline=5.0), after)
        if place == "":
            assert after > 1
            return
        assert place is None, f"lost in {place}"
    raise AssertionError("there is no end of it")


def interrupt(work: Callable[[], object], after: int) -> str | None:
    """Raise KeyboardInterrupt where the next end of a response but `after` begins. None: it came; "": there is none."""
    begun, hit = 0, ""

    def profile(frame: FrameType, event: str, _: object) -> None:
        nonlocal begun, hit
        code = frame.f_code
        if event == "call" and code.co_filename == http.client.__file__ and code.co_name in ("close", "flush"):
            begun += 1
            if begun == after + 1:
                hit = f"{code.co_name}, called by {frame.f_back.f_code.co_name if frame.f_back else '?'}"
                sys.setprofile(None)
                raise KeyboardInterrupt

    sys.setprofile(profile)
    try:
        work()
    except KeyboardInterrupt:
        return None
    finally:
        sys.setprofile(None)
    return hit
