"""Host ports that a template asks for and on which somebody listens already: read from the kernel, nothing is bound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from controller.engines.template import Request

_LISTENS = {"tcp": "0A", "udp": "07"}
"""The kernel's states of a socket that a second one cannot be bound beside."""

_EVERYWHERE = "0"


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
    """Whether one socket stands in the other's way; where either takes every address, it does."""
    if ip in ("", "0.0.0.0", "::") or not address.strip(_EVERYWHERE):  # noqa: S104 - an address to compare with
        return True
    parts = ip.split(".")
    return len(parts) == 4 and address == "".join(f"{int(part):02X}" for part in reversed(parts))
