"""Who has a host port: a container, by the engine's list, or a process, by the kernel's tables; in words for people."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from controller.engines import labels
from controller.engines.answers import get_list
from controller.engines.client import Client
from controller.engines.errors import find_taken_port
from controller.engines.ports import TABLES, HostPort, Listener, Sockets, collide
from controller.engines.processes import PROC, Process, find_owners
from controller.engines.vantage import Vantage
from controller.model.errors import EngineError, Transient

_KEPT = 2.0
"""Seconds for which an answer holds: who waits for a port looks for it again and again."""

_PATIENCE = 1.0


class Published(NamedTuple):
    """A running container, and the host ports that it has."""

    id: str
    name: str
    project: str = ""
    ports: tuple[HostPort, ...] = ()

    def __str__(self) -> str:
        return f"container {self.name} of project {self.project}" if self.project else f"container {self.name}"


class Kernel(NamedTuple):
    """Where it tells of sockets and of processes."""

    tables: Path = TABLES
    proc: Path = PROC


HERE = Kernel()


def read_published(listed: Iterable[Mapping[str, Any]]) -> tuple[Published, ...]:
    """Of the engine's list of running containers. Pure."""
    return tuple(_published(item) for item in listed)


def _published(item: Mapping[str, Any]) -> Published:
    marks = item.get("Labels") or {}
    ports = (port for port in item.get("Ports") or () if port.get("PublicPort"))
    return Published(
        str(item["Id"]),
        str(next(iter(item.get("Names") or ()), item["Id"][:12])).removeprefix("/"),
        str(marks.get(labels.PROJECT) or marks.get(labels.OWN_STACK) or ""),
        tuple(HostPort(int(port["PublicPort"]), port.get("Type") or "tcp", port.get("IP") or "") for port in ports),
    )


def find_holders(
    ports: Collection[HostPort], containers: Sequence[Published], kernel: Kernel | None = HERE
) -> Mapping[HostPort, str]:
    """Who has each port; free ones are missing.

    A container comes before the proxy that listens for it. `kernel` None: processes there are not ours to see.
    """
    found = {port: str(one) for port in ports if (one := find_container(port, containers)) is not None}
    if kernel is None:
        return found
    sockets = Sockets(kernel.tables)
    open_ = {port: there for port in ports if port not in found and (there := sockets.beside(port))}
    owners = find_owners({one.inode for listeners in open_.values() for one in listeners}, kernel.proc)
    for port, listeners in open_.items():
        told = dict.fromkeys(tell_owner(one, owners.get(one.inode), containers) for one in listeners)
        found[port] = " and ".join(told)
    return found


def find_container(port: HostPort, containers: Sequence[Published]) -> Published | None:
    """Which of them has the port, or one beside which it cannot be had. Pure."""

    def has(one: Published) -> bool:
        return any((its.port, its.kind) == (port.port, port.kind) and collide(port.ip, its.ip) for its in one.ports)

    return next((one for one in containers if has(one)), None)


def tell_owner(listener: Listener, owner: Process | None, containers: Sequence[Published]) -> str:
    """`process nginx (pid 812)`; the container, of one that listens on the host's network itself."""
    if owner is not None:
        inside = next((one for one in containers if owner.container and owner.container.startswith(one.id)), None)
        return str(inside) if inside is not None else f"process {owner.name} (pid {owner.pid})"
    if listener.uid != os.geteuid() and os.geteuid() != 0:
        return f"another user's process (uid {listener.uid})"
    return "a process that cannot be seen from here"


def _is_container(words: str) -> bool:
    return words.startswith("container ")


class Holders:
    """Of one engine. Safe from several threads."""

    def __init__(self, client: Client, vantage: Vantage) -> None:
        self._client, self._vantage = client, vantage
        self._lock = threading.Lock()
        self._known: dict[HostPort, tuple[float, str]] = {}

    def find(self, ports: Collection[HostPort], *, deadline: float = _PATIENCE) -> Mapping[str, str]:
        """By name of the port (`8080/tcp`), at most two seconds old.

        An engine that does not answer within `deadline` seconds names no container.
        """
        now = time.monotonic()
        with self._lock:
            self._known = {port: one for port, one in self._known.items() if now - one[0] < _KEPT}
            if all(port in self._known for port in ports):
                return {port.name: words for port in ports if (words := self._known[port][1])}
        containers = self._list(min(deadline, _PATIENCE))
        found = find_holders(ports, containers, HERE if self._vantage.sees_sockets(deadline=deadline) else None)
        with self._lock:
            self._known |= {port: (now, found.get(port, "")) for port in ports}
        return {port.name: words for port, words in found.items()}

    def _list(self, deadline: float) -> tuple[Published, ...]:
        with suppress(EngineError):
            return read_published(get_list(self._client, "/containers/json", deadline=deadline))
        return ()

    def explain(self, error: EngineError) -> EngineError:
        """The same error, that says who has the host port for want of which something could not start."""
        if (place := find_taken_port(error)) is None:
            return error
        ip, number, kind = place
        ports = [HostPort(number, one, ip) for one in dict.fromkeys((kind, "udp"))]
        if not (found := self.find(ports)):
            return error
        who = min((found[port.name] for port in ports if port.name in found), key=lambda one: not _is_container(one))
        told = Transient(f"{error.message} by {who}", hint=error.hint)
        told.__cause__ = error.__cause__
        return told
