"""HAProxy's runtime API over its UNIX sockets: commands go in, every state is read back. Raises only EngineErrors."""

from __future__ import annotations

import os
import re
import socket
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from controller.ingress.config import MASTER, RUNTIME
from controller.ingress.routes import Slot, Table, diff, fits, own_port, port_of, same, service_of
from controller.model.errors import Conflict, EngineError, Transient
from controller.model.routes import Figures, RouteState

_MAINTENANCE, _DRAIN = 0x23, 0x18
"""Bits of `srv_admin_state`: forced, inherited or by name resolution; forced or inherited."""
_ENOUGH = 16 * 1024 * 1024
_OLD = re.compile(r"^# old workers\n(?P<rows>(?:[^#\n].*\n?)*)", re.MULTILINE)


End = tuple[str, str, int]
"""Service, address and port of a replica."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """What one proxy says of itself: what it is configured as, its table, and what each server did."""

    structure: str
    table: Table
    figures: Mapping[tuple[str, int], Figures]
    """By backend and number of the slot; counted since the process started, whoever had the slot."""


class Runtime:
    """The sockets of one proxy, in `folder`. Keeps nothing; safe from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, *, deadline: float) -> Proxy:
        """All that is to be known, within `deadline` seconds."""
        ends_at = time.monotonic() + deadline
        text = self._ask(RUNTIME, "show info;show servers state;show servers conn;show stat -1 4 -1", ends_at)
        proxy = parse_proxy(text)
        left_behind = self._left_behind(ends_at)
        return Proxy(proxy.structure, add_connections(proxy.table, left_behind), proxy.figures)

    def push(self, seen: Table, wanted: Table, *, deadline: float) -> Table:
        """Lead the proxy from what was seen to what is wanted; the table as it reads back.

        Raises Conflict where the proxy has taken it otherwise than it was told.
        """
        ends_at = time.monotonic() + deadline
        if not fits(wanted, seen):
            raise Conflict("the ingress has other backends than it was taken for: look again")
        if commands := diff(seen, wanted):
            complaint = find_complaint(self._ask(RUNTIME, ";".join(commands), ends_at))
            if complaint:
                raise Conflict(f"the ingress refused a route: {complaint}")
        taken = parse_proxy(self._ask(RUNTIME, "show info;show servers state;show servers conn", ends_at)).table
        if not same(taken, wanted):
            raise Conflict("the ingress did not take all of its routes: look again")
        return taken

    def _left_behind(self, ends_at: float) -> Mapping[End, int]:
        """Open connections by service, address and port, of processes that a reload told to end when they are done."""
        found = _OLD.search(self._ask(MASTER, "show proc", ends_at))
        totals: dict[End, int] = {}
        for row in found["rows"].splitlines() if found else ():
            try:
                text = self._ask(MASTER, f"@!{row.split()[0]} show servers conn", ends_at)
            except EngineError:
                continue  # it ended between the two questions
            for name, _, address, port, count in _read_connections(text):
                end = (service_of(name), address, port)
                totals[end] = totals.get(end, 0) + count
        return totals

    def _ask(self, name: str, command: str, ends_at: float) -> str:
        try:
            with self._connect(name, ends_at) as link:
                link.sendall(f"{command}\n".encode())
                link.shutdown(socket.SHUT_WR)
                return _read_all(link, ends_at).decode("utf-8", "replace")
        except TimeoutError as error:
            raise Transient("the ingress did not answer in time") from error
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise Transient(
                f"the ingress is not there ({reason})", hint="docker logs of the ingress say why"
            ) from error

    @contextmanager
    def _connect(self, name: str, ends_at: float) -> Iterator[socket.socket]:
        """By a handle on the folder: a socket's path may have no more than 107 characters."""
        folder = os.open(self._folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if not stat.S_ISSOCK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                raise Conflict(f"{self._folder / name} is no socket", hint="remove it; the ingress makes its own")
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
                link.settimeout(_left(ends_at))
                link.connect(f"/proc/self/fd/{folder}/{name}")
                yield link
        finally:
            os.close(folder)


def _left(ends_at: float) -> float:
    remaining = ends_at - time.monotonic()
    if remaining <= 0:
        raise TimeoutError("deadline passed")
    return remaining


def _read_all(link: socket.socket, ends_at: float) -> bytes:
    parts, size = [], 0
    while size < _ENOUGH:
        link.settimeout(_left(ends_at))
        part = link.recv(65536)
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def find_complaint(answer: str) -> str | None:
    """The first line of an answer to `set server` that is no confirmation."""
    lines = (line.strip() for line in answer.splitlines())
    return next((line for line in lines if line and not re.match(r"(IP|port) changed|no need to change", line)), None)


def parse_proxy(text: str) -> Proxy:
    """What `show info`, `show servers state`, `show servers conn` and (where asked for) `show stat` said.

    Raises Transient where the answer is cut off or is no such answer.
    """
    try:
        return _parse(text)
    except (IndexError, KeyError, ValueError) as error:
        raise Transient("the ingress gave half an answer") from error


def _parse(text: str) -> Proxy:
    described = re.search(r"^description: (\S+)", text, re.MULTILINE)
    states = _read_states(text)
    connections = {(name, slot): count for name, slot, _, _, count in _read_connections(text)}
    whole = text.endswith("\n\n") and "# bkname/svname" in text and states.keys() == connections.keys()
    if described is None or not whole:
        raise ValueError("something is missing")
    stats = {(name, slot): row for name, slot, row in _read_stats(text)}
    table: dict[str, list[Slot]] = {}
    for key in sorted(states):
        address, port, state, since = states[key]
        open_now = max(connections[key], int(stats.get(key, {}).get("scur") or 0))
        table.setdefault(key[0], []).append(Slot(address, state, open_now, since, own_port(key[0], port)))
    figures = {key: _figures(row) for key, row in stats.items()}
    return Proxy(described.group(1), {name: tuple(slots) for name, slots in table.items()}, figures)


def add_connections(table: Table, more: Mapping[End, int]) -> Table:
    """The table with connections that another process holds, whose backends may have had other names."""
    return {name: tuple(_with_more(name, slot, more) for slot in slots) for name, slots in table.items()}


def _with_more(backend: str, slot: Slot, more: Mapping[End, int]) -> Slot:
    held = more.get((service_of(backend), slot.address, slot.port or port_of(backend)), 0)
    return replace(slot, connections=slot.connections + held)


def _rows(text: str, first: str) -> Iterator[list[str]]:
    """Rows below the heading that begins with that word, up to the next empty line."""
    inside = False
    for line in text.splitlines():
        if line.startswith(first):
            inside = True
        elif not line.strip():
            inside = False
        elif inside:
            yield line.split()


def _read_states(text: str) -> dict[tuple[str, int], tuple[str, int, RouteState, float]]:
    found = {}
    for row in _rows(text, "# be_id"):
        number = _slot(row[3])
        if number is not None:
            found[row[1], number] = (row[4], int(row[18]), _state(int(row[6])), float(row[9]))
    return found


def _state(admin: int) -> RouteState:
    if admin & _MAINTENANCE:
        return RouteState.OUT
    return RouteState.DRAINING if admin & _DRAIN else RouteState.IN


def _read_connections(text: str) -> Iterator[tuple[str, int, str, int, int]]:
    """Backend, slot, address, port, connections in use."""
    for row in _rows(text, "# bkname/svname"):
        backend, _, server = row[0].rpartition("/")
        number = _slot(server)
        if number is not None:
            yield backend, number, row[2], int(row[3]), int(row[6])


def _read_stats(text: str) -> Iterator[tuple[str, int, Mapping[str, str]]]:
    heading: Sequence[str] = ()
    for line in text.splitlines():
        if line.startswith("# pxname,"):
            heading = line.removeprefix("# ").split(",")
        elif heading and line.strip():
            row = dict(zip(heading, line.split(","), strict=False))
            number = _slot(row.get("svname", ""))
            if number is not None:
                yield row["pxname"], number, row


def _figures(row: Mapping[str, str]) -> Figures:
    """`stot` counts requests in HTTP mode and connections in TCP mode; `ttime` is in milliseconds."""
    errors = sum(int(row.get(name) or 0) for name in ("econ", "eresp", "hrsp_5xx"))
    return Figures(int(row.get("stot") or 0), errors, int(row.get("ttime") or 0) / 1000)


def _slot(server: str) -> int | None:
    return int(server[1:]) if re.fullmatch(r"s\d+", server) else None
