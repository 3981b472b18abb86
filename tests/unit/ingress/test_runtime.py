"""The runtime API, against a socket that answers as HAProxy 2.6 did: what is read, and what is not believed."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from controller.ingress.routes import Slot
from controller.ingress.runtime import Runtime, find_complaint, parse_proxy
from controller.model.errors import Conflict, Transient
from controller.model.routes import Figures, RouteState

pytestmark = pytest.mark.unit

IN, DRAINING, OUT = RouteState.IN, RouteState.DRAINING, RouteState.OUT
GOLDEN = Path(__file__).with_name("golden")
RECORDED, PROCESSES = (GOLDEN / "runtime.txt").read_text(), (GOLDEN / "proc.txt").read_text()
WEB = "web:8000:http"
LEFT_BEHIND = RECORDED[RECORDED.index("# bkname/svname") : RECORDED.index("# pxname")]

Answer = Callable[[str], str]


class Sockets:
    """A folder with sockets on which somebody answers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self._open: list[socket.socket] = []

    def answer(self, name: str, answer: Answer) -> None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.folder / name))
        listener.listen()
        self._open.append(listener)
        threading.Thread(target=self._serve, args=(listener, answer), daemon=True).start()

    def _serve(self, listener: socket.socket, answer: Answer) -> None:
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            with link:
                asked = link.makefile().readline().strip()
                self.asked.append(asked)
                with suppress(OSError):  # who asked may have gone
                    link.sendall(answer(asked).encode())

    def close(self) -> None:
        for listener in self._open:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()


@pytest.fixture
def sockets(tmp_path: Path) -> Iterator[Sockets]:
    made = Sockets(tmp_path)
    yield made
    made.close()


def processes(asked: str) -> str:
    return PROCESSES if asked == "show proc" else LEFT_BEHIND


def test_a_proxy_is_read_whole() -> None:
    proxy = parse_proxy(RECORDED)
    assert len(proxy.structure) == 16
    first, second, *rest = proxy.table[WEB]
    assert (first.state, first.connections) == (IN, 1)
    assert (second.state, second.connections) == (DRAINING, 0)
    assert rest == [Slot()] * 6
    assert proxy.figures[WEB, 2] == Figures(2, 0, second_latency())


def second_latency() -> float:
    row = next(line for line in RECORDED.splitlines() if line.startswith(f"{WEB},s2,"))
    heading = next(line for line in RECORDED.splitlines() if line.startswith("# pxname")).split(",")
    return int(row.split(",")[heading.index("ttime")]) / 1000


def test_connections_of_a_process_that_a_reload_left_behind_count(sockets: Sockets) -> None:
    sockets.answer("runtime.sock", lambda asked: RECORDED)
    sockets.answer("master.sock", processes)
    first, second, *_ = Runtime(sockets.folder).read(deadline=5.0).table[WEB]
    assert (first.connections, second.connections) == (2, 0)
    assert sockets.asked[-1] == "@!8 show servers conn"


@pytest.mark.parametrize("end", range(0, RECORDED.index("# pxname") - 1, 41))
def test_an_answer_that_is_cut_off_is_no_answer(end: int) -> None:
    with pytest.raises(Transient, match="half an answer"):
        parse_proxy(RECORDED[:end])


def test_a_section_that_is_missing_is_no_empty_table() -> None:
    for first in ("# be_id", "# bkname/svname"):
        begin = RECORDED.index(first)
        end = RECORDED.index("\n\n", begin)
        with pytest.raises(Transient, match="half an answer"):
            parse_proxy(RECORDED[:begin] + RECORDED[end:])


def test_what_the_proxy_takes_is_read_back(sockets: Sockets) -> None:
    sockets.answer("runtime.sock", lambda asked: "" if asked.startswith("set ") else RECORDED)
    seen = parse_proxy(RECORDED).table
    runtime = Runtime(sockets.folder)
    assert runtime.push(seen, seen, deadline=5.0)[WEB][0].state is IN
    other = {WEB: (Slot("10.0.0.1", IN), *seen[WEB][1:])}
    with pytest.raises(Conflict, match="did not take"):
        runtime.push(seen, other, deadline=5.0)
    assert sockets.asked[1] == (
        f"set server {WEB}/s1 state maint;set server {WEB}/s1 addr 10.0.0.1 port 8000;set server {WEB}/s1 state ready"
    )
    with pytest.raises(Conflict, match="other backends"):
        runtime.push(seen, {}, deadline=5.0)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ("\n\n", None),
        ("IP changed from '0.0.0.0' to '10.0.0.1', no need to change the port by 'stats socket command'\n\n", None),
        ("no need to change the addr, port changed from '1' to '2' by 'stats socket command'\n\n", None),
        ("No such backend.\n", "No such backend."),
        ("\nRequire 'backend/server'.\n", "Require 'backend/server'."),
    ],
)
def test_whatever_is_no_confirmation_is_a_complaint(answer: str, complaint: str | None) -> None:
    assert find_complaint(answer) == complaint


def test_a_refused_command_is_told(sockets: Sockets) -> None:
    sockets.answer("runtime.sock", lambda asked: "No such server.\n" if asked.startswith("set ") else RECORDED)
    seen = parse_proxy(RECORDED).table
    with pytest.raises(Conflict, match="refused a route: No such server"):
        Runtime(sockets.folder).push(seen, {WEB: (Slot("10.0.0.1", IN), *seen[WEB][1:])}, deadline=5.0)


def test_nobody_there_may_pass(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(Transient, match="is not there"):
            Runtime(folder).read(deadline=1.0)


def test_silence_ends_at_the_deadline(sockets: Sockets) -> None:
    hold = threading.Event()
    sockets.answer("runtime.sock", lambda asked: str(hold.wait(30)))
    with pytest.raises(Transient, match="in time"):
        Runtime(sockets.folder).read(deadline=0.2)
    hold.set()


def test_what_is_no_socket_is_not_spoken_to(tmp_path: Path) -> None:
    (tmp_path / "runtime.sock").symlink_to("/var/run/docker.sock")
    with pytest.raises(Conflict, match="is no socket"):
        Runtime(tmp_path).read(deadline=1.0)


def test_a_path_longer_than_a_socket_may_have_does(sockets: Sockets) -> None:
    folder = sockets.folder
    sockets.answer("runtime.sock", lambda asked: RECORDED)
    deep = folder / ("x" * 120)
    deep.mkdir()
    (folder / "runtime.sock").rename(deep / "runtime.sock")
    with pytest.raises(Transient, match="is not there"):  # the other socket: the first was reached
        Runtime(deep).read(deadline=1.0)
    assert len(sockets.asked) == 1
