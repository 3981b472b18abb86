"""Where we stand towards an engine: how far its clock is from ours, and which containers can be reached from here."""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from controller.engines.answers import get_object
from controller.engines.client import Client
from controller.engines.gateway import find_gateway
from controller.engines.parse import Lens, parse_instant
from controller.engines.transport import Endpoint
from controller.model.errors import EngineError

_RENEW = 600.0
_AGAIN = 10.0
"""Seconds after which a renewal that failed is tried again."""
_RENEWAL_PATIENCE = 1.0
"""A renewal takes no more of a look than this: the old lens serves as well."""
_SAME_CLOCK = 0.25
_NEAR = 0.2
"""Seconds in which somebody on this machine answers."""
_ALIKE = 0.01
"""Share by which memory of one machine may differ between two looks: some is lent to it, and taken back (balloons)."""
_STEPPED = 2.0
"""Seconds by which our clock has to be set for its distance to the engine's to be measured anew at once."""


class _Told(NamedTuple):
    """What an engine said of itself; when it was asked by our clock, and how many seconds it took."""

    info: Mapping[str, Any]
    asked_at: float
    trip: float


class Vantage:
    """A Lens for one engine, tested and not guessed. Safe from several threads."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._lens = Lens()
        self._renew_at: float | None = None
        self._began_at = _find_beginning()
        self._rootless: bool | None = None
        self._shares_host: bool | None = None
        self._is_here = False
        self._has_bridge: bool | None = None
        self._gateways: dict[str, bool] = {}

    def lens(self, inspects: Iterable[Mapping[str, Any]], *, deadline: float) -> Lens:
        """What is needed to read these inspects. Raises EngineErrors at the first call only."""
        with self._lock:
            if self._renew_at is None:
                self._measure(deadline)
            elif self._was_set() or time.monotonic() > self._renew_at:
                self._renew(deadline)
            for inspect in inspects:
                self._look(inspect)
            reachable = frozenset(gateway for gateway, ours in self._gateways.items() if ours)
            if reachable != self._lens.reachable_gateways or bool(self._shares_host) != self._lens.shares_host:
                self._lens = replace(self._lens, reachable_gateways=reachable, shares_host=bool(self._shares_host))
            return self._lens

    @property
    def ahead(self) -> float:
        """Seconds by which the engine's clock is ahead of ours, as it was measured last; 0 before that."""
        return self._lens.ahead

    def sees_sockets(self, *, deadline: float) -> bool:
        """Whether sockets and processes of the engine's machine are ours to see: also before anything was looked at.

        In a container of our own they are another network's, though the kernel is the same. False while that cannot be
        known.
        """
        with self._lock:
            if self._shares_host is None and self._is_here and self._has_bridge is None:
                with suppress(EngineError):
                    gateway = find_gateway(self._client, deadline=deadline)
                    self._has_bridge = gateway is not None and owns_address(gateway)
            return bool(self._has_bridge) if self._shares_host is None else self._shares_host

    def ask(self, *, deadline: float) -> Mapping[str, Any]:
        """What the engine says of itself now. It takes its time for that: 20-50 ms (measured). Raises EngineErrors."""
        told = _ask(self._client, deadline)
        with self._lock:
            return self._learn(told)

    def is_rootless(self, *, deadline: float) -> bool:
        """Whether the engine runs as a user, who is root in its containers; asked once. Raises EngineErrors."""
        with self._lock:
            if self._rootless is None:
                self._measure(deadline)
            return bool(self._rootless)

    def shares_machine(self, info: Mapping[str, Any]) -> bool:
        """Whether containers run on our kernel, by what the engine just said; also where we cannot reach them.

        Of rootless engines, and where we are in a container ourselves, no process was seen that would tell.
        """
        return bool(self._shares_host) or is_here(info, self._client.endpoint)

    def _was_set(self) -> bool:
        """Whether our clock was set since this was asked last."""
        before, self._began_at = self._began_at, _find_beginning()
        return abs(self._began_at - before) > _STEPPED

    def _renew(self, deadline: float) -> None:
        """Measure anew; what cannot be measured now is what it was."""
        try:
            self._measure(min(deadline, _RENEWAL_PATIENCE))
        except EngineError:
            self._renew_at = time.monotonic() + _AGAIN

    def _measure(self, deadline: float) -> Mapping[str, Any]:
        return self._learn(_ask(self._client, deadline))

    def _learn(self, told: _Told) -> Mapping[str, Any]:
        """Clock and rootlessness; a difference that the round trip explains is none."""
        info, trip = told.info, told.trip
        theirs = parse_instant(info.get("SystemTime")) or told.asked_at
        ahead = theirs - (told.asked_at + trip / 2)
        self._lens = replace(self._lens, ahead=ahead if abs(ahead) > _SAME_CLOCK + trip else 0.0)
        self._renew_at = time.monotonic() + _RENEW
        self._rootless = any("rootless" in str(option) for option in info.get("SecurityOptions") or ())
        if self._client.endpoint.socket_path is None or self._rootless:
            self._shares_host = False
        self._is_here = self.shares_machine(info)
        return info

    def _look(self, inspect: Mapping[str, Any]) -> None:
        """Learn from one running container, once: is its process ours to see, is its bridge on this machine."""
        pid = (inspect.get("State") or {}).get("Pid")
        if not pid or self._shares_host is False:
            return
        if self._shares_host is None:
            self._shares_host = _sees_process(pid, inspect["Id"])
            if not self._shares_host:
                return
        for endpoint in ((inspect.get("NetworkSettings") or {}).get("Networks") or {}).values():
            gateway = (endpoint or {}).get("Gateway")
            if gateway and not self._gateways.get(gateway):
                self._gateways[gateway] = owns_address(gateway)


def _ask(client: Client, deadline: float) -> _Told:
    asked_at = time.time()
    info = get_object(client, "/info", "ID", deadline=deadline)
    return _Told(info, asked_at, time.time() - asked_at)


def is_here(info: Mapping[str, Any], endpoint: Endpoint) -> bool:
    """Whether an engine that says this of itself runs on our kernel, as far as that tells."""
    return endpoint.socket_path is not None and is_same_machine(info, os.uname().release, _find_memory())


def is_same_machine(info: Mapping[str, Any], release: str, memory: int | None) -> bool:
    """Its kernel is called as ours, and finds as much memory. `memory`: bytes; None: not known. Pure.

    A virtual machine of Docker Desktop has another kernel; where our memory is a part of the machine's only, as lxcfs
    makes one believe, the engine knows better.
    """
    theirs = info.get("MemTotal")
    if not isinstance(theirs, int) or memory is None or info.get("KernelVersion") != release:
        return False
    return abs(theirs - memory) <= _ALIKE * memory


def _find_memory() -> int | None:
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        return int(text.partition("MemTotal:")[2].split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        return None


def _find_beginning() -> float:
    """What our clock would have said when the monotonic one began: it moves where our clock is set."""
    return time.time() - time.monotonic()


def _sees_process(pid: int, container: str) -> bool:
    """The container's process is in our process table: engine and we share one kernel and one view of it."""
    try:
        return container in Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8")
    except OSError:
        return False


def owns_address(gateway: str) -> bool:
    """The bridge is on this machine: only then can its address be bound here."""
    family = socket.AF_INET6 if ":" in gateway else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((gateway, 0))
        except OSError:
            return False
    return True


def is_taken(address: str, port: int) -> bool:
    """Whether a process of this machine listens on that TCP port of that address of it ("": of any)."""
    address = address.strip("[]") or "0.0.0.0"  # noqa: S104 - asked for, never listened on
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except PermissionError:
            return _answers({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address), port)  # noqa: S104 - likewise
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def _answers(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), _NEAR):
            return True
    except OSError:
        return False
