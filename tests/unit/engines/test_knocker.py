"""What the process that enters namespaces says of names, of answers, and of what it cannot enter."""

from __future__ import annotations

import io
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from controller.engines import knocker, netprobe
from controller.engines.knocker import (
    Barred,
    Knocker,
    NoName,
    enter,
    find_host,
    is_address,
    make_query,
    read_answer,
    read_hosts,
)

pytestmark = pytest.mark.unit


def answer(number: int, *records: tuple[int, bytes], code: int = 0) -> bytes:
    question = make_query(number, "db")[12:]
    head = struct.pack(">6H", number, 0x8180 | code, 1, len(records), 0, 0)
    return (
        head
        + question
        + b"".join(b"\xc0\x0c" + struct.pack(">2HIH", kind, 1, 600, len(data)) + data for kind, data in records)
    )


def test_a_question_is_as_the_standard_has_it() -> None:
    assert make_query(0x1234, "db.shop") == (
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x02db\x04shop\x00\x00\x01\x00\x01"
    )


def test_the_first_address_of_an_answer_is_taken() -> None:
    alias, first, second = (5, b"\x02db\x00"), (1, b"\x0a\x00\x01\x04"), (1, b"\x0a\x00\x01\x05")
    assert read_answer(7, answer(7, alias, first, second)) == "10.0.1.4"


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x00" * 11,
        answer(8, (1, b"\x0a\x00\x01\x04")),
        answer(7, (1, b"\x0a\x00\x01\x04"), code=3),
        answer(7),
        answer(7, (28, b"\x00" * 16)),
        answer(7, (1, b"\x0a\x00\x01\x04"))[:-6],
        b"\x00\x07\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x40",
    ],
    ids=["nothing", "short", "of another", "no such name", "no address", "of IPv6 alone", "cut off", "mangled"],
)
def test_what_names_no_address_is_none(message: bytes) -> None:
    assert read_answer(7, message) is None


@pytest.mark.parametrize(("host", "is_one"), [("10.0.0.1", True), ("fd00::1", True), ("db", False), ("10", False)])
def test_names_and_addresses_are_told_apart(host: str, is_one: bool) -> None:
    assert is_address(host) is is_one


def test_an_address_of_the_other_family_is_read_too() -> None:
    six = (28, bytes.fromhex("fd00000000000000000000000000000a"))
    assert read_answer(7, answer(7, (1, b"\x0a\x00\x01\x04"), six), 28) == "fd00::a"
    assert make_query(7, "db", 28).endswith(b"\x00\x1c\x00\x01")


@pytest.mark.parametrize("name", ["x" * 64, "a..b", ".a"])
def test_what_no_resolver_can_be_asked_for_is_no_name(name: str) -> None:
    with pytest.raises(NoName):
        make_query(7, name)


def handles() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_number_that_is_another_process_by_now_is_not_entered_and_nothing_is_left_open() -> None:
    before = handles()
    with pytest.raises(Barred, match="its process has gone"):
        enter(os.getpid(), "f" * 64)
    with pytest.raises(Barred, match="cannot be looked into"):
        enter(2**22 + 1, "f" * 64)
    assert find_host(os.getpid(), "f" * 64, "localhost") is None
    assert handles() == before


def test_names_are_read_as_the_file_has_them() -> None:
    text = "127.0.0.1\tlocalhost\n172.17.0.2 DB abc # the other one\nfd00::2 db\nnonsense db\n\n# 10.0.0.1 db\n"
    assert list(read_hosts(text)) == [
        ("127.0.0.1", {"localhost"}),
        ("172.17.0.2", {"db", "abc"}),
        ("fd00::2", {"db"}),
    ]


@pytest.fixture
def rooted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of this process as another place: what stands there is a container's."""
    (tmp_path / "etc").mkdir()
    opened = os.open

    def elsewhere(path: Any, *words: Any, **others: Any) -> int:
        return opened(tmp_path if path == f"/proc/{os.getpid()}/root" else path, *words, **others)

    monkeypatch.setattr(knocker.os, "open", elsewhere)
    monkeypatch.setattr(knocker, "is_of", lambda *_: True)
    return tmp_path / "etc" / "hosts"


def test_a_containers_own_names_come_first(rooted: Path) -> None:
    rooted.write_text("10.0.0.9 db\n")
    assert find_host(os.getpid(), "x", "DB") == "10.0.0.9" and find_host(os.getpid(), "x", "web") is None


def test_no_link_is_followed_nor_pipe_waited_for_nor_is_more_read_than_fits(rooted: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("10.0.0.9 db\n")
    before = handles()
    rooted.symlink_to(tmp_path / "secret")
    assert find_host(os.getpid(), "x", "db") is None
    rooted.unlink()
    os.mkfifo(rooted)
    assert find_host(os.getpid(), "x", "db") is None
    rooted.unlink()
    rooted.write_text("#" * (1 << 16) + "\n10.0.0.9 db\n")
    assert find_host(os.getpid(), "x", "db") is None
    rooted.unlink()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "hosts").write_text("10.0.0.9 db\n")
    rooted.parent.rmdir()
    rooted.parent.symlink_to(tmp_path / "other")
    assert find_host(os.getpid(), "x", "db") is None and handles() == before


class Here(Knocker):
    """Stays in this namespace, which takes no rights."""

    def _enter(self, space: int) -> None:
        pass


def knock(*knocks: tuple[int, str, int], kind: type[Knocker] = Here) -> dict[int, list[Any]]:
    out = io.StringIO()
    asked = {"patience": 2.0, "parallel": 2, "spaces": [[2**22 + 1, "x"]], "knocks": [list(one) for one in knocks]}
    kind(asked, out.write).run()
    return {line[0]: line[1:] for line in map(json.loads, out.getvalue().splitlines())}


def test_who_listens_is_open_and_who_does_not_refuses_more_than_fit_at_once() -> None:
    with socket.socket() as server, socket.socket() as closed:
        server.bind(("127.0.0.1", 0))
        server.listen(8)
        closed.bind(("127.0.0.1", 0))
        open_, shut = server.getsockname()[1], closed.getsockname()[1]
        found = knock(*((0, "127.0.0.1", open_ if number % 2 else shut) for number in range(6)))
    assert {number: said[0] for number, said in found.items()} == {n: "open" if n % 2 else "refused" for n in range(6)}
    assert all(said[1] >= 0 for said in found.values())


def test_an_odd_one_is_said_of_alone() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(8)
        port = server.getsockname()[1]
        found = knock((0, "x" * 64, 1), (0, "a..b", 1), (0, "999.1.1.1", 1), (0, "127.0.0.1", port), (0, "::1", 70000))
    assert [found[number][0] for number in range(5)] == ["nameless", "nameless", "unknown", "open", "unknown"]
    assert found[4][2] == "OverflowError" and all(said[3] for said in found.values())


def test_where_no_resolver_of_the_engines_answers_a_name_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setattr(knocker, "_RESOLVER", closed.getsockname())
    assert knock((0, "db", 1))[0][::2] == ["unknown", "no resolver of the engine's answers there"]


def test_a_name_with_an_address_of_the_other_family_alone_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def resolve(server: socket.socket) -> None:
        for _ in range(2):
            question, client = server.recvfrom(512)
            number, kind = question[0] << 8 | question[1], question[-3]
            asked.append(kind)
            server.sendto(answer(number, *([(28, b"\0" * 15 + b"\1")] if kind == 28 else [])), client)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, socket.socket(socket.AF_INET6) as target:
        server.bind(("127.0.0.1", 0))
        target.bind(("::1", 0))
        target.listen(1)
        monkeypatch.setattr(knocker, "_RESOLVER", server.getsockname())
        thread = threading.Thread(target=resolve, args=(server,), daemon=True)
        thread.start()
        assert knock((0, "db", target.getsockname()[1]))[0][0] == "open"
        thread.join(5)
    assert asked == [1, 28]


def test_a_namespace_that_cannot_be_entered_leaves_it_unknown_with_the_reason() -> None:
    found = knock((0, "127.0.0.1", 1), kind=Knocker)
    assert found[0][:2] == ["unknown", None] and "cannot be looked into" in found[0][2] and found[0][3] is False


def test_it_runs_as_a_program_with_nothing_of_ours() -> None:
    asked = {"patience": 1, "parallel": 4, "spaces": [[2**22 + 1, "x"]], "knocks": [[0, "127.0.0.1", 1]]}
    words = [sys.executable, "-I", "-S", str(Path(knocker.__file__))]
    done = subprocess.run(words, input=json.dumps(asked), capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)[:2] == [0, "unknown"] and done.stderr == ""


def test_the_process_is_given_nothing_of_the_environment_that_it_does_not_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told.py"
    told.write_text(
        "import json, os, sys; sys.stdin.read(); print(json.dumps([0, 'open', None, ' '.join(os.environ)]))"
    )
    monkeypatch.setattr(netprobe, "knocker", SimpleNamespace(__file__=str(told)))
    monkeypatch.setenv("CONTROLLER_SECRET", "s3cret")
    ((_, _, _, names),) = netprobe._run_knocker({"knocks": [[0, "db", 80]]})
    assert {"PATH"} <= set(names.split()) <= {"PATH", "LANG", "LC_CTYPE"}
