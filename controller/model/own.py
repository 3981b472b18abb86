"""Containers of our own beside a stack (the ingress): they carry our labels and never the Compose project's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from controller.model.names import ReplicaId


class Role(StrEnum):
    INGRESS = "ingress"


@dataclass(frozen=True, slots=True, order=True)
class Publish:
    """A TCP port of the host that leads to one of the container's."""

    host_port: int
    port: int
    host_ip: str = ""


@dataclass(frozen=True, slots=True)
class Bind:
    """A folder of the host in the container."""

    source: str
    target: str
    read_only: bool = True


@dataclass(frozen=True, slots=True)
class OwnSpec:
    """A container of ours as it is to be. It always has a read-only root, no capability and no new privileges.

    `networks` are names; a container is joined to those that it lacks while it runs. Every other difference means
    another container. `memory` in bytes; `logs`: octets of its log that are kept, 0: as the engine does it.
    """

    stack: str
    role: Role
    name: str
    image: str
    command: tuple[str, ...]
    user: str
    networks: tuple[str, ...]
    publish: tuple[Publish, ...] = ()
    binds: tuple[Bind, ...] = ()
    memory: int = 0
    stop_signal: str = "SIGTERM"
    logs: int = 0


@dataclass(frozen=True, slots=True)
class OwnSeen:
    """One that is there. `contents`: the digest of the spec that it was made from; `networks`: names.

    `ports`: host ports that it has now; `gateways`: addresses of its networks on the engine's machine.
    """

    id: ReplicaId
    name: str
    contents: str
    running: bool
    networks: frozenset[str] = frozenset()
    ports: frozenset[int] = frozenset()
    gateways: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Placed:
    """A running replica of a stack, and its address on each of its networks, by the network's name."""

    id: ReplicaId
    service: str
    number: int
    addresses: Mapping[str, str] = field(default_factory=dict)
