"""Host ports that a template asks for and on which somebody listens already: read from the kernel, nothing is bound."""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from controller.engines.template import Request

_LISTENS = {"tcp": "0A", "udp": "07"}
"""The kernel's states of a socket that a second one cannot be bound beside."""

_EVERYWHERE = "0"
_MAPPED = "".join(f"{word:08X}" for word in struct.unpack("=3I", bytes(10) + b"\xff\xff"))
"""What stands before an IPv4 address in IPv6's table (`::ffff:127.0.0.1`): such a socket takes that address alone."""

TABLES = Path("/proc/net")


class HostPort(NamedTuple):
    """A port of the host that somebody wants. `ip` "": of all its addresses."""

    port: int
    kind: str = "tcp"
    ip: str = ""

    @property
    def name(self) -> str:
        """`8080/tcp`."""
        return f"{self.port}/{self.kind}"


class Listener(NamedTuple):
    """A socket that listens. `address` as the kernel writes it; `inode`: 0 where its table does not tell."""

    address: str
    port: int
    uid: int = 0
    inode: int = 0


class Sockets:
    """All that listen now, by the kernel's tables: each is read when it is asked for first, which takes 2 ms."""

    def __init__(self, tables: Path = TABLES) -> None:
        self._tables = tables
        self._read: dict[str, tuple[Listener, ...]] = {}

    def beside(self, port: HostPort) -> tuple[Listener, ...]:
        """Those that stand in the way of who wants that port."""
        return tuple(one for one in self._of(port.kind) if one.port == port.port and _meet(port.ip, one.address))

    def _of(self, kind: str) -> tuple[Listener, ...]:
        if kind not in self._read:
            tables = (self._tables / kind, self._tables / f"{kind}6")
            self._read[kind] = tuple(one for table in tables for one in read_listeners(table, kind))
        return self._read[kind]


def find_fixed(request: Request) -> tuple[HostPort, ...]:
    """The host ports that leave the engine no choice."""
    return tuple(sorted(set(_fixed(request))))


def collide(wanted: str, other: str) -> bool:
    """Whether a port cannot be had at the address `wanted` where somebody has it at `other`; "": at all of them."""
    return not other or _meet(wanted, spell(other))


def _fixed(request: Request) -> Iterator[HostPort]:
    """Each binding that leaves the engine no choice."""
    for inside, bindings in (request.create["HostConfig"].get("PortBindings") or {}).items():
        for binding in bindings or ():
            if str(binding.get("HostPort") or "").isdigit():
                kind = inside.partition("/")[2] or "tcp"
                yield HostPort(int(binding["HostPort"]), kind, binding.get("HostIp") or "")


def read_listeners(table: Path, kind: str = "tcp") -> Iterator[Listener]:
    """Those of one table; nothing where it cannot be read."""
    try:
        lines = table.read_text().splitlines()[1:]
    except OSError:
        return
    for line in lines:
        _, local, _, state, *more = line.split()
        if state == _LISTENS.get(kind):
            address, _, port = local.partition(":")
            yield Listener(address, int(port, 16), *_owner(more))


def _owner(more: Collection[str]) -> tuple[int, int]:
    """User and inode, behind queues and timers (proc_net_tcp(5))."""
    words = tuple(more)
    return (int(words[3]), int(words[5])) if len(words) > 5 else (0, 0)


def _meet(ip: str, address: str) -> bool:
    """Whether one socket stands in the other's way; where either takes every address of its family, it does.

    The engine binds IPv4's and IPv6's each by themselves. Of other programs `::` alone counts for both: whether it does
    is an option of the socket (IPV6_V6ONLY), which the table does not tell.
    """
    if not ip:
        return True
    wanted, there = spell(ip), address.removeprefix(_MAPPED)
    if len(wanted) != len(there):
        return len(wanted) < len(there) and not there.strip(_EVERYWHERE)
    return wanted == there or not wanted.strip(_EVERYWHERE) or not there.strip(_EVERYWHERE)


def spell(ip: str) -> str:
    """The address as the kernel writes it: words of 32 bits, each in the machine's order; "" for what is none."""
    try:
        raw = socket.inet_pton(socket.AF_INET6 if ":" in ip else socket.AF_INET, ip)
    except OSError:
        return ""
    return "".join(f"{word:08X}" for word in struct.unpack(f"={len(raw) // 4}I", raw))
