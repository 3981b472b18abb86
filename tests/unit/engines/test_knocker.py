"""What the process that enters namespaces says of names, of answers, and of what it cannot enter."""

from __future__ import annotations

import io
import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from controller.engines import knocker, netprobe
from controller.engines.knocker import Knocker, enter_later, is_address, make_query, read_answer

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


def test_a_number_that_is_another_process_by_now_is_not_entered() -> None:
    assert enter_later(os.getpid(), "f" * 64) == "its process has gone"
    assert "cannot be looked into" in str(enter_later(2**22 + 1, "f" * 64))


class Here(Knocker):
    """Stays in this namespace, which takes no rights."""

    def _enter(self, space: int) -> str:
        return ""


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


def test_a_namespace_that_cannot_be_entered_leaves_it_unknown_with_the_reason() -> None:
    found = knock((0, "127.0.0.1", 1), kind=Knocker)
    assert found[0][:2] == ["unknown", None] and "cannot be looked into" in found[0][2]


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
