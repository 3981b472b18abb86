"""Who has a host port: a container by the engine's list, a process by what the kernel tells, each in words."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from controller.engines import holders, processes
from controller.engines.errors import Failure, map_failure
from controller.engines.holders import Holders, Kernel, Published, find_holders, read_published
from controller.engines.ports import HostPort
from controller.model.errors import Conflict, EngineError, Transient

pytestmark = [pytest.mark.unit, pytest.mark.fault("I4")]

ID = "f" * 64
LISTED = {
    "Id": ID,
    "Names": ["/shop-web-1"],
    "Labels": {"com.docker.compose.project": "shop"},
    "Ports": [
        {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"IP": "127.0.0.1", "PrivatePort": 53, "PublicPort": 53, "Type": "udp"},
        {"PrivatePort": 9000, "Type": "tcp"},
    ],
}
SHOP = read_published([LISTED])
WORDS = "container shop-web-1 of project shop"
HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    (tmp_path / "net").mkdir()
    (tmp_path / "proc").mkdir()
    return Kernel(tmp_path / "net", tmp_path / "proc")


def listens(kernel: Kernel, *sockets: tuple[str, int, int], uid: int = 0) -> None:
    """Address, port and inode of each."""
    rest = f"00000000:00000000 00:00000000 00000000 {uid:>5}        0"
    lines = [f"   0: {ip}:{port:04X} 00000000:0000 0A {rest} {inode} 1 0\n" for ip, port, inode in sockets]
    (kernel.tables / "tcp").write_text(HEAD + "".join(lines))


def runs(kernel: Kernel, pid: int, name: str, *inodes: int, cgroup: str = "0::/\n") -> None:
    folder = kernel.proc / str(pid)
    (folder / "fd").mkdir(parents=True)
    (folder / "comm").write_text(f"{name}\n")
    (folder / "cgroup").write_text(cgroup)
    (folder / "fd" / "0").symlink_to("/dev/null")
    for number, inode in enumerate(inodes, 3):
        (folder / "fd" / str(number)).symlink_to(f"socket:[{inode}]")


@pytest.mark.parametrize(
    ("port", "holder"),
    [
        (HostPort(8080, "tcp", "127.0.0.1"), WORDS),
        (HostPort(8080, "tcp", ""), WORDS),
        (HostPort(8080, "udp", ""), None),
        (HostPort(53, "udp", "127.0.0.1"), WORDS),
        (HostPort(53, "udp", "127.0.0.2"), None),
        (HostPort(9000, "tcp", ""), None),
    ],
)
def test_a_container_is_named_with_its_project(kernel: Kernel, port: HostPort, holder: str | None) -> None:
    assert find_holders([port], SHOP, kernel).get(port) == holder


def test_of_what_list_a_container_is_read() -> None:
    (ours,) = read_published([{**LISTED, "Labels": {"controller.stack": "rag"}}])
    (alone,) = read_published([{"Id": ID, "Names": None, "Labels": None, "Ports": None}])
    assert str(ours) == "container shop-web-1 of project rag"
    assert (str(alone), alone.ports) == ("container ffffffffffff", ())


def test_a_process_is_named_by_name_and_pid(kernel: Kernel) -> None:
    listens(kernel, ("0100007F", 80, 77), ("0100007F", 81, 78))
    runs(kernel, 900, "worker", 77)
    runs(kernel, 812, "nginx", 5, 77)
    port = HostPort(80, "tcp", "127.0.0.1")
    assert find_holders([port], SHOP, kernel) == {port: "process nginx (pid 812)"}, "the first one that shares it"


def test_a_proxy_stands_for_its_container(kernel: Kernel) -> None:
    listens(kernel, ("00000000", 8080, 77))
    runs(kernel, 812, "docker-proxy", 77)
    port = HostPort(8080)
    assert find_holders([port], SHOP, kernel) == {port: WORDS}
    assert find_holders([port], (), kernel) == {port: "process docker-proxy (pid 812)"}, (
        "it is left of one that is gone"
    )


@pytest.mark.parametrize("path", [f"4:memory:/docker/{ID}\n0::/\n", f"0::/system.slice/docker-{ID}.scope\n"])
def test_a_container_on_the_hosts_network_is_named_by_its_process(kernel: Kernel, path: str) -> None:
    listens(kernel, ("00000000", 5432, 77))
    runs(kernel, 812, "postgres", 77, cgroup=path)
    (db,) = read_published([{**LISTED, "Names": ["/blog-db-1"], "Ports": []}])
    port = HostPort(5432)
    assert find_holders([port], [db], kernel) == {port: "container blog-db-1 of project shop"}
    short = db._replace(id=db.id[:12])
    assert find_holders([port], [short], kernel) == {port: "container blog-db-1 of project shop"}
    assert find_holders([port], [Published("e" * 64, "x")], kernel) == {port: "process postgres (pid 812)"}


@pytest.mark.parametrize(
    ("me", "uid", "words"),
    [
        (1000, 33, "another user's process (uid 33)"),
        (1000, 1000, "a process that cannot be seen from here"),
        (0, 33, "a process that cannot be seen from here"),
    ],
)
def test_who_is_not_to_be_seen(kernel: Kernel, monkeypatch: pytest.MonkeyPatch, me: int, uid: int, words: str) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: me)
    listens(kernel, ("00000000", 80, 77), uid=uid)
    assert find_holders([HostPort(80)], (), kernel) == {HostPort(80): words}


def test_of_two_addresses_both_are_named(kernel: Kernel) -> None:
    listens(kernel, ("0100007F", 80, 77), ("0200007F", 80, 78))
    runs(kernel, 5, "one", 77)
    runs(kernel, 6, "two", 78)
    assert find_holders([HostPort(80)], (), kernel) == {HostPort(80): "process one (pid 5) and process two (pid 6)"}
    assert find_holders([HostPort(80, "tcp", "127.0.0.2")], (), kernel) == {
        HostPort(80, "tcp", "127.0.0.2"): "process two (pid 6)"
    }


def test_elsewhere_processes_are_not_looked_for(kernel: Kernel) -> None:
    listens(kernel, ("00000000", 80, 77))
    assert find_holders([HostPort(80), HostPort(8080)], SHOP, None) == {HostPort(8080): WORDS}


def test_a_real_process_is_found() -> None:
    listen = "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True)"
    listen += "; sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", listen], stdin=-1, stdout=-1, text=True) as child:
        assert child.stdout is not None and child.stdin is not None
        port = HostPort(int(child.stdout.readline()), "tcp", "127.0.0.1")
        name = Path(f"/proc/{child.pid}/comm").read_text().strip()
        assert find_holders([port], ()) == {port: f"process {name} (pid {child.pid})"}
        child.stdin.close()
    with socket.socket() as ours:
        ours.bind(("127.0.0.1", 0))
        ours.listen()
        mine = HostPort(ours.getsockname()[1], "tcp", "127.0.0.1")
        assert f"(pid {os.getpid()})" in find_holders([mine], ())[mine]
    assert find_holders([mine], ()) == {}


def test_a_search_that_takes_too_long_ends(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    listens(kernel, ("00000000", 80, 77))
    runs(kernel, 812, "nginx", 77)
    monkeypatch.setattr(processes, "PATIENCE", -1.0)
    assert find_holders([HostPort(80)], (), kernel) == {HostPort(80): "a process that cannot be seen from here"}


def test_of_another_protocol_nobody_is_blamed(clock: list[float]) -> None:
    """The container has that port of TCP."""
    said = "Error starting userland proxy: listen udp4 127.0.0.1:8080: bind: address already in use"
    told = made(Daemon()).explain(map_failure(Failure(500, said, "POST /containers/abc/start")))
    assert told.message == "host port 127.0.0.1:8080/udp is already in use"


class Daemon:
    def __init__(self) -> None:
        self.asked = 0
        self.answer: Any = [LISTED]

    def get(self, *_: object, **__: object) -> Any:
        self.asked += 1
        if isinstance(self.answer, EngineError):
            raise self.answer
        return self.answer


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(holders.time, "monotonic", lambda: now[0])
    return now


def made(daemon: Daemon) -> Holders:
    return Holders(daemon, SimpleNamespace(sees_sockets=lambda **_: False))  # type: ignore[arg-type]


def test_who_waits_for_a_port_asks_the_engine_every_two_seconds_at_most(clock: list[float]) -> None:
    daemon = Daemon()
    one = made(daemon)
    for _ in range(3):
        assert one.find([HostPort(8080), HostPort(81)]) == {"8080/tcp": WORDS}
    assert daemon.asked == 1
    clock[0] += 2.0
    daemon.answer = []
    assert one.find([HostPort(8080)]) == {}
    assert daemon.asked == 2


def test_an_engine_that_does_not_answer_names_nobody(clock: list[float]) -> None:
    daemon = Daemon()
    daemon.answer = Transient("away")
    assert made(daemon).find([HostPort(8080)]) == {}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            "driver failed: Bind for 0.0.0.0:8080 failed: port is already allocated",
            f"host port 0.0.0.0:8080 is already in use by {WORDS}",
        ),
        (
            "Error starting userland proxy: listen udp4 127.0.0.1:53: bind: address already in use",
            f"host port 127.0.0.1:53/udp is already in use by {WORDS}",
        ),
        (
            "driver failed: Bind for 127.0.0.1:53 failed: port is already allocated",
            f"host port 127.0.0.1:53 is already in use by {WORDS}",
        ),
        (
            "Error starting userland proxy: listen tcp4 127.0.0.1:99: bind: address already in use",
            "host port 127.0.0.1:99 is already in use",
        ),
    ],
)
def test_what_could_not_start_says_who_has_the_port(clock: list[float], said: str, message: str) -> None:
    told = made(Daemon()).explain(map_failure(Failure(500, said, "POST /containers/abc/start")))
    assert isinstance(told, Transient)
    assert (told.message, told.hint) == (message, "free it, or publish another one")


def test_other_failures_are_left_as_they_are(clock: list[float]) -> None:
    daemon, error = Daemon(), Conflict("gone")
    assert made(daemon).explain(error) is error
    assert daemon.asked == 0
