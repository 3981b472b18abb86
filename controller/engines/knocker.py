"""Run as a program of its own: tries TCP connections from within other network namespaces.

Never in the controller's process: a socket stays in the namespace in which it was made, and so would a thread. Imports
nothing but the standard library, and is started with `-I -S`, which takes 15 ms.
Standard input: {"patience": seconds, "parallel": n, "spaces": [[pid, container]…], "knocks": [[space, host, port]…]}.
Standard output: a line for each knock as it is answered: [number, answer, seconds or null, reason, entered].
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import selectors
import socket
import stat
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

_NEWNET = 0x40000000
_RESOLVER = ("127.0.0.11", 53)
"""Docker's own, in every namespace that has networks of its users."""
_NAME_PATIENCE = 1.0
_NO_RESOLVER = "no resolver of the engine's answers there"
_NOWHERE = frozenset({errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM})
_A, _AAAA, _IN = 1, 28, 1
_SIZES = {_A: (4, socket.AF_INET), _AAAA: (16, socket.AF_INET6)}
_HOSTS = 1 << 16
"""Bytes of a file of names that are read."""


class Attempt(NamedTuple):
    """One connection on its way, or the question for an address that comes before it (`query` its number)."""

    number: int
    space: int
    port: int
    began: float
    until: float
    query: int | None = None
    name: str = ""
    kind: int = _A


class Barred(Exception):
    """Its namespace cannot be entered; the text says why."""


class NoName(ValueError):
    """It is no name that a resolver could be asked for."""


def main() -> None:
    asked = json.load(sys.stdin)
    Knocker(asked, sys.stdout.write).run()
    sys.stdout.flush()


class Knocker:
    """One selector for sockets of all namespaces."""

    def __init__(self, asked: dict[str, Any], put: Any) -> None:
        self._patience, self._parallel = float(asked["patience"]), int(asked["parallel"])
        self._spaces: list[tuple[int, str]] = [(pid, container) for pid, container in asked["spaces"]]
        self._waiting: deque[tuple[int, int, str, int]] = deque(
            (number, space, host, port) for number, (space, host, port) in enumerate(asked["knocks"])
        )
        self._put = put
        self._selector = selectors.DefaultSelector()
        self._inside: int | None = None

    def run(self) -> None:
        while self._waiting or self._selector.get_map():
            while self._waiting and len(self._selector.get_map()) < self._parallel:
                self._try(self._waiting[0][0], self._begin, *self._waiting.popleft())
            for key, _ in self._selector.select(self._pause()):
                self._try(key.data.number, self._finish, key.fileobj, key.data)
            self._give_up()

    def _try(self, number: int, do: Callable[..., None], *words: Any) -> None:
        """Whatever is odd about one knock is said of it alone."""
        try:
            do(*words)
        except Barred as error:
            self._tell(number, "unknown", None, str(error), entered=False)
        except NoName:
            self._tell(number, "nameless", None, "")
        except Exception as error:
            self._tell(number, "unknown", None, getattr(error, "strerror", None) or type(error).__name__)

    def _begin(self, number: int, space: int, host: str, port: int) -> None:
        self._enter(space)
        address = host if is_address(host) else find_host(*self._spaces[space], host)
        if address is not None:
            self._connect(number, space, address, port)
        else:
            self._ask(number, space, host, port)

    def _enter(self, space: int) -> None:
        """Nothing of it is held open: there may be more of them than a process may hold. Raises Barred."""
        if self._inside != space:
            self._inside = None
            enter(*self._spaces[space])
            self._inside = space

    def _connect(self, number: int, space: int, host: str, port: int) -> None:
        now = time.monotonic()
        knock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        knock.setblocking(False)
        attempt = Attempt(number, space, port, now, now + self._patience)
        try:
            code = knock.connect_ex((host, port))
        except Exception:
            knock.close()
            raise
        if code in (0, errno.EINPROGRESS):
            self._selector.register(knock, selectors.EVENT_WRITE, attempt)
            return
        knock.close()
        self._tell_code(attempt, code)

    def _ask(self, number: int, space: int, name: str, port: int, kind: int = _A) -> None:
        query, now = secrets.randbelow(1 << 16), time.monotonic()
        question = make_query(query, name, kind)
        ask = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        ask.setblocking(False)
        until = now + max(_NAME_PATIENCE, self._patience)
        try:
            ask.connect(_RESOLVER)
            ask.send(question)
        except OSError:
            ask.close()
            self._tell(number, "unknown", None, _NO_RESOLVER)
            return
        self._selector.register(ask, selectors.EVENT_READ, Attempt(number, space, port, now, until, query, name, kind))

    def _finish(self, sock: socket.socket, attempt: Attempt) -> None:
        self._selector.unregister(sock)
        with sock:
            if attempt.query is None:
                self._tell_code(attempt, sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
                return
            try:
                address = read_answer(attempt.query, sock.recv(4096), attempt.kind)
            except OSError:
                self._tell(attempt.number, "unknown", None, _NO_RESOLVER)
                return
        if address is not None:
            self._waiting.appendleft((attempt.number, attempt.space, address, attempt.port))
        elif attempt.kind == _A:
            self._enter(attempt.space)
            self._ask(attempt.number, attempt.space, attempt.name, attempt.port, _AAAA)
        else:
            self._tell(attempt.number, "nameless", None, "")

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

    def _tell(self, number: int, answer: str, seconds: float | None, reason: str, *, entered: bool = True) -> None:
        self._put(json.dumps([number, answer, seconds, reason, entered]) + "\n")
        sys.stdout.flush()


def enter(pid: int, container: str) -> None:
    """The network namespace of that process, for sockets made from now on. Raises Barred."""
    try:
        handle = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise Barred(f"its process cannot be looked into ({error.strerror})") from None
    try:
        if not is_of(pid, container):
            raise Barred("its process has gone")
        setns(handle)
    except OSError as error:
        raise Barred(f"its network namespace cannot be entered ({error.strerror})") from None
    finally:
        os.close(handle)


def is_of(pid: int, container: str) -> bool:
    """A number may be another process's by now: to be asked once what is meant is open. Raises OSError."""
    with open(f"/proc/{pid}/cgroup", encoding="utf-8") as cgroup:
        return container in cgroup.read()


def find_host(pid: int, container: str, name: str) -> str | None:
    """The address that the container's own file of names, which is asked before any resolver, has for it."""
    try:
        return next((at for at, names in read_hosts(_read_hosts(pid, container)) if name.lower() in names), None)
    except OSError:
        return None


def _read_hosts(pid: int, container: str) -> str:
    """Step by step, following no link: one in a container may lead to any file of the machine. Raises OSError."""
    held = [os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)]
    try:
        if not is_of(pid, container):
            return ""
        held.append(os.open("etc", os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=held[0]))
        held.append(os.open("hosts", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=held[1]))
        if not stat.S_ISREG(os.fstat(held[2]).st_mode):
            return ""
        return os.read(held[2], _HOSTS).decode("utf-8", "replace")
    finally:
        for handle in held:
            os.close(handle)


def read_hosts(text: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Addresses with their names, small letters, as hosts(5) has it."""
    for line in text.splitlines():
        words = line.partition("#")[0].lower().split()
        if words and is_address(words[0]):
            yield words[0], frozenset(words[1:])


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


def make_query(number: int, name: str, kind: int = _A) -> bytes:
    """The question for an address (RFC 1035, 4.1; RFC 3596). Raises NoName."""
    try:
        labels = b"".join(bytes([len(part)]) + part for part in name.encode("idna").split(b".") if part)
    except UnicodeError:  # a part is empty, or has more than 63 letters
        raise NoName(name) from None
    return struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", kind, _IN)


def read_answer(number: int, message: bytes, kind: int = _A) -> str | None:
    """The first address of an answer; None: there is none, or it answers something else."""
    if len(message) < 12:
        return None
    told, flags, questions, answers, _, _ = struct.unpack(">6H", message[:12])
    if told != number or flags & 0x000F:
        return None
    try:
        return next(_addresses(message, questions, answers, kind), None)
    except (IndexError, struct.error):
        return None


def _addresses(message: bytes, questions: int, answers: int, wanted: int) -> Iterator[str]:
    place, (length, family) = 12, _SIZES[wanted]
    for _ in range(questions):
        place = _after_name(message, place) + 4
    for _ in range(answers):
        place = _after_name(message, place)
        kind, _, _, size = struct.unpack(">2HIH", message[place : place + 10])
        data = message[place + 10 : place + 10 + size]
        if kind == wanted and len(data) == length:
            yield socket.inet_ntop(family, data)
        place += 10 + size


def _after_name(message: bytes, place: int) -> int:
    while message[place]:
        if message[place] >= 0xC0:  # the rest stands elsewhere
            return place + 2
        place += message[place] + 1
    return place + 1


if __name__ == "__main__":
    main()
