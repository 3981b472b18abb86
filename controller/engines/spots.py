"""Where a container stands on its networks and on which ports it listens: read from inspects and from the kernel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from controller.engines import labels
from controller.engines.gateway import read_gateway
from controller.engines.ports import Listener, read_listeners
from controller.engines.processes import PROC, find_owners
from controller.model.names import ReplicaId
from controller.model.reach import HostPort, Spot

_LOOPBACK_4, _LOOPBACK_6 = "7F", "00000000000000000000000001000000"
"""How the kernel writes 127.… (its last byte first) and ::1."""


class Namespace(NamedTuple):
    """A network namespace, by a process in it."""

    pid: int
    container: str

    def ports(self, *, on_host: bool = False, proc: Path = PROC) -> frozenset[int] | None:
        """The TCP ports of it that others can reach; on the host's those of this container alone.

        None: it is not ours to look into.
        """
        folder = proc / str(self.pid)
        if not self.pid or not _is_of(folder, self.container):
            return None
        tables = [folder / "net" / name for name in ("tcp", "tcp6")]
        found = [one for table in tables for one in read_listeners(table) if not _is_loopback(one.address)]
        if on_host:
            owners = find_owners({one.inode for one in found}, proc)
            found = [one for one in found if one.inode in owners and owners[one.inode].container == self.container]
        return frozenset(one.port for one in found)


def _is_of(folder: Path, container: str) -> bool:
    """The process is in our process table, and still that container's."""
    try:
        return container in (folder / "cgroup").read_text(encoding="utf-8") and (folder / "net" / "tcp").is_file()
    except OSError:
        return False


def hears(lines: Iterable[str]) -> frozenset[int]:
    """The same, of lines of the kernel's table that were read in the container."""
    return frozenset(one.port for one in _parse(lines) if not _is_loopback(one.address))


def _parse(lines: Iterable[str]) -> Iterator[Listener]:
    for line in lines:
        words = line.split()
        if len(words) > 3 and words[3] == "0A" and ":" in words[1]:
            address, _, port = words[1].partition(":")
            yield Listener(address, int(port, 16))


def _is_loopback(address: str) -> bool:
    if len(address) == 8:
        return address.endswith(_LOOPBACK_4)
    return address == _LOOPBACK_6 or (address.startswith("0" * 16 + "FFFF0000") and address.endswith(_LOOPBACK_4))


def read_networks(listed: Iterable[Mapping[str, Any]]) -> Mapping[str, tuple[str, ...]]:
    """By the network's id, addresses of the engine's machine on it: also of an internal one, which leads no further."""
    return {str(one["Id"]): _gateways(one) for one in listed if one.get("Driver") == "bridge"}


def _gateways(network: Mapping[str, Any]) -> tuple[str, ...]:
    """One for each family."""
    pools = [{"IPAM": {"Config": [pool]}} for pool in (network.get("IPAM") or {}).get("Config") or ()]
    return tuple(gateway for pool in pools if (gateway := read_gateway(pool)) is not None)


def make_spot(
    inspect: Mapping[str, Any],
    inspects: Mapping[str, Mapping[str, Any]],
    networks: Mapping[str, tuple[str, ...]],
    heard: frozenset[int] | None,
) -> Spot:
    """`inspects`: by id, those of containers whose namespace others share; `heard`: ports that the kernel told."""
    owner = _owner(inspect, inspects)
    endpoints = (owner.get("NetworkSettings") or {}).get("Networks") or {}
    on_host = _mode(owner) == "host"
    marks = (inspect.get("Config") or {}).get("Labels") or {}
    joined = {} if on_host else {name: found for name, one in endpoints.items() if (found := _addresses(one or {}))}
    return Spot(
        replica=ReplicaId(inspect["Id"]),
        name=str(inspect.get("Name") or "").removeprefix("/").removeprefix(f"{marks.get(labels.PROJECT)}-"),
        service=str(marks.get(labels.SERVICE) or ""),
        space=ReplicaId("host" if on_host else owner["Id"]),
        addresses=joined,
        gateways=("127.0.0.1",) if on_host else _seen_gateways(endpoints, networks),
        ports=tuple(sorted(_declared(inspect) if heard is None else heard)),
        heard=heard is not None,
        published=tuple(_published(inspect)),
        on_host=on_host,
    )


def _mode(inspect: Mapping[str, Any]) -> str:
    return str((inspect.get("HostConfig") or {}).get("NetworkMode") or "")


def _owner(inspect: Mapping[str, Any], inspects: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """Whose namespace it is in; Docker lets nobody share that of one who shares another's."""
    return inspects.get(_mode(inspect).removeprefix("container:"), inspect)


def _addresses(endpoint: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(endpoint[key]) for key in ("IPAddress", "GlobalIPv6Address") if endpoint.get(key))


def _seen_gateways(endpoints: Mapping[str, Any], networks: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    found = (
        gateway
        for endpoint in endpoints.values()
        for gateway in networks.get(str((endpoint or {}).get("NetworkID") or ""), ())
    )
    return tuple(dict.fromkeys(found))


def _declared(inspect: Mapping[str, Any]) -> frozenset[int]:
    """Exposed by its definition or its image, or published."""
    named = (inspect.get("Config") or {}).get("ExposedPorts") or {}
    pairs = (one.partition("/") for one in named)
    return frozenset(
        {int(port) for port, _, kind in pairs if kind in ("", "tcp")} | {p.target for p in _published(inspect)}
    )


def _published(inspect: Mapping[str, Any]) -> Iterator[HostPort]:
    for target, bindings in ((inspect.get("NetworkSettings") or {}).get("Ports") or {}).items():
        port, _, kind = target.partition("/")
        for binding in bindings or ():
            if kind in ("", "tcp") and str(binding.get("HostPort") or "").isdigit():
                yield HostPort(str(binding.get("HostIp") or ""), int(binding["HostPort"]), int(port))
