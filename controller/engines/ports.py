"""Host ports that a template asks for and on which somebody listens already: read from the kernel, nothing is bound."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from controller.engines.template import Request

_LISTENS = {"tcp": "0A", "udp": "07"}
"""The kernel's states of a socket that a second one cannot be bound beside."""

_EVERYWHERE = "0"
_MAPPED = "".join(f"{word:08X}" for word in struct.unpack("=3I", bytes(10) + b"\xff\xff"))
"""What stands before an IPv4 address in IPv6's table (`::ffff:127.0.0.1`): such a socket takes that address alone."""


def find_taken(request: Request, tables: Path = Path("/proc/net")) -> tuple[str, ...]:
    """Those of its fixed host ports that are taken, as `<port>/<protocol>`; empty where the kernel does not tell."""
    wanted = sorted(set(_fixed(request)))
    return tuple(f"{port}/{kind}" for port, kind, ip in wanted if _is_taken(port, kind, ip, tables))


def _fixed(request: Request) -> Iterator[tuple[int, str, str]]:
    """Port, protocol and address of each binding that leaves the engine no choice."""
    for inside, bindings in (request.create["HostConfig"].get("PortBindings") or {}).items():
        for binding in bindings or ():
            if str(binding.get("HostPort") or "").isdigit():
                yield int(binding["HostPort"]), inside.partition("/")[2] or "tcp", binding.get("HostIp") or ""


def _is_taken(port: int, kind: str, ip: str, tables: Path) -> bool:
    for table in (tables / kind, tables / f"{kind}6"):
        for address, at, state in _sockets(table):
            if at == port and state == _LISTENS.get(kind) and _meet(ip, address):
                return True
    return False


def _sockets(table: Path) -> Iterator[tuple[str, int, str]]:
    """Local address (the kernel's hexadecimal), port and state of each socket."""
    try:
        lines = table.read_text().splitlines()[1:]
    except OSError:
        return
    for line in lines:
        _, local, _, state, *_ = line.split()
        address, _, port = local.partition(":")
        yield address, int(port, 16), state


def _meet(ip: str, address: str) -> bool:
    """Whether one socket stands in the other's way; where either takes every address of its family, it does.

    The engine binds IPv4's and IPv6's each by themselves. Of other programs `::` alone counts for both: whether it does
    is an option of the socket (IPV6_V6ONLY), which the table does not tell.
    """
    if not ip:
        return True
    wanted, there = _spell(ip), address.removeprefix(_MAPPED)
    if len(wanted) != len(there):
        return len(wanted) < len(there) and not there.strip(_EVERYWHERE)
    return wanted == there or not wanted.strip(_EVERYWHERE) or not there.strip(_EVERYWHERE)


def _spell(ip: str) -> str:
    """The address as the kernel writes it: words of 32 bits, each in the machine's order; "" for what is none."""
    try:
        raw = socket.inet_pton(socket.AF_INET6 if ":" in ip else socket.AF_INET, ip)
    except OSError:
        return ""
    return "".join(f"{word:08X}" for word in struct.unpack(f"={len(raw) // 4}I", raw))
