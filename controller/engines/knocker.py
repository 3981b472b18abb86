"""Run as a program of its own: tries TCP connections from within other network namespaces.

Never in the controller's process: a socket stays in the namespace in which it was made, and so would a thread. Imports
nothing but the standard library, and is started with `-I -S`, which takes 15 ms.
Standard input: {"patience": seconds, "parallel": n, "spaces": [[pid, container]…], "knocks": [[space, host, port]…]}.
Standard output: a line for each knock as it is answered: [number, answer, seconds or null, reason].
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import selectors
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

_NEWNET = 0x40000000
_RESOLVER = ("127.0.0.11", 53)
"""Docker's own, in every namespace that has networks of its users."""
_NAME_PATIENCE = 1.0
_NOWHERE = frozenset({errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM})
_A, _IN = 1, 1


class Attempt(NamedTuple):
    """One connection on its way, or the question for an address that comes before it (`query` its number)."""

    number: int
    space: int
    port: int
    began: float
    until: float
    query: int | None = None


def main() -> None:
    asked = json.load(sys.stdin)
    Knocker(asked, sys.stdout.write).run()
    sys.stdout.flush()


class Knocker:
    """One selector for sockets of all namespaces."""

    def __init__(self, asked: dict[str, Any], put: Any) -> None:
        self._patience, self._parallel = float(asked["patience"]), int(asked["parallel"])
        self._spaces: list[int | str] = [enter_later(pid, container) for pid, container in asked["spaces"]]
        self._waiting: deque[tuple[int, int, str, int]] = deque(
            (number, space, host, port) for number, (space, host, port) in enumerate(asked["knocks"])
        )
        self._put = put
        self._selector = selectors.DefaultSelector()
        self._inside: int | None = None

    def run(self) -> None:
        while self._waiting or self._selector.get_map():
            while self._waiting and len(self._selector.get_map()) < self._parallel:
                self._begin(*self._waiting.popleft())
            for key, _ in self._selector.select(self._pause()):
                self._finish(key.fileobj, key.data)  # type: ignore[arg-type]
            self._give_up()

    def _begin(self, number: int, space: int, host: str, port: int) -> None:
        reason = self._enter(space)
        if reason:
            self._tell(number, "unknown", None, reason)
        elif is_address(host):
            self._connect(number, space, host, port)
        else:
            self._ask(number, space, host, port)

    def _enter(self, space: int) -> str:
        """Why not; "": done."""
        handle = self._spaces[space]
        if isinstance(handle, str):
            return handle
        if self._inside != space:
            try:
                setns(handle)
            except OSError as error:
                self._inside = None
                return f"its network namespace cannot be entered ({error.strerror})"
            self._inside = space
        return ""

    def _connect(self, number: int, space: int, host: str, port: int) -> None:
        now = time.monotonic()
        knock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        knock.setblocking(False)
        attempt = Attempt(number, space, port, now, now + self._patience)
        code = knock.connect_ex((host, port))
        if code in (0, errno.EINPROGRESS):
            self._selector.register(knock, selectors.EVENT_WRITE, attempt)
            return
        knock.close()
        self._tell_code(attempt, code)

    def _ask(self, number: int, space: int, name: str, port: int) -> None:
        query, now = secrets.randbelow(1 << 16), time.monotonic()
        ask = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        ask.setblocking(False)
        attempt = Attempt(number, space, port, now, now + max(_NAME_PATIENCE, self._patience), query)
        try:
            ask.connect(_RESOLVER)
            ask.send(make_query(query, name))
        except OSError as error:
            ask.close()
            self._tell(number, "nameless", None, error.strerror or "")
            return
        self._selector.register(ask, selectors.EVENT_READ, attempt)

    def _finish(self, sock: socket.socket, attempt: Attempt) -> None:
        if attempt.query is None:
            self._selector.unregister(sock)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            sock.close()
            self._tell_code(attempt, code)
            return
        try:
            address = read_answer(attempt.query, sock.recv(4096))
        except OSError:
            address = None
        self._selector.unregister(sock)
        sock.close()
        if address is None:
            self._tell(attempt.number, "nameless", None, "")
        else:
            self._waiting.appendleft((attempt.number, attempt.space, address, attempt.port))

    def _give_up(self) -> None:
        """What is late; an answer that came meanwhile was taken before."""
        now = time.monotonic()
        for key in list(self._selector.get_map().values()):
            if key.data.until <= now:
                self._selector.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]
                self._tell(key.data.number, "silent" if key.data.query is None else "nameless", None, "")

    def _pause(self) -> float:
        soonest = min((key.data.until for key in self._selector.get_map().values()), default=0.0)
        return max(0.0, soonest - time.monotonic())

    def _tell_code(self, attempt: Attempt, code: int) -> None:
        answer = {0: "open", errno.ECONNREFUSED: "refused"}.get(code, "silent" if code in _NOWHERE else "unknown")
        seconds = time.monotonic() - attempt.began if answer in ("open", "refused") else None
        self._tell(attempt.number, answer, seconds, os.strerror(code) if answer == "unknown" else "")

    def _tell(self, number: int, answer: str, seconds: float | None, reason: str) -> None:
        self._put(json.dumps([number, answer, seconds, reason]) + "\n")
        sys.stdout.flush()


def enter_later(pid: int, container: str) -> int | str:
    """The namespace of that process, held open; else why not. A number may be another process's by now."""
    try:
        handle = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        with open(f"/proc/{pid}/cgroup", encoding="utf-8") as cgroup:
            if container not in cgroup.read():
                return "its process has gone"
    except OSError as error:
        return f"its process cannot be looked into ({error.strerror})"
    return handle


def setns(handle: int) -> None:
    """Enter it: for sockets made from now on. Raises OSError."""
    if sys.version_info >= (3, 12):
        os.setns(handle, _NEWNET)
        return
    import ctypes

    if ctypes.CDLL(None, use_errno=True).setns(handle, _NEWNET):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def is_address(host: str) -> bool:
    return ":" in host or re.fullmatch(r"\d+(\.\d+){3}", host) is not None


def make_query(number: int, name: str) -> bytes:
    """The question for an IPv4 address (RFC 1035, 4.1)."""
    labels = b"".join(bytes([len(part)]) + part for part in name.encode("idna").split(b".") if part)
    return struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", _A, _IN)


def read_answer(number: int, message: bytes) -> str | None:
    """The first address of an answer; None: there is none, or it answers something else."""
    if len(message) < 12:
        return None
    told, flags, questions, answers, _, _ = struct.unpack(">6H", message[:12])
    if told != number or flags & 0x000F:
        return None
    try:
        return next(_addresses(message, questions, answers), None)
    except (IndexError, struct.error):
        return None


def _addresses(message: bytes, questions: int, answers: int) -> Iterator[str]:
    place = 12
    for _ in range(questions):
        place = _after_name(message, place) + 4
    for _ in range(answers):
        place = _after_name(message, place)
        kind, _, _, size = struct.unpack(">2HIH", message[place : place + 10])
        if kind == _A and size == 4:
            yield socket.inet_ntoa(message[place + 10 : place + 14])
        place += 10 + size


def _after_name(message: bytes, place: int) -> int:
    while message[place]:
        if message[place] >= 0xC0:  # the rest stands elsewhere
            return place + 2
        place += message[place] + 1
    return place + 1


if __name__ == "__main__":
    main()
