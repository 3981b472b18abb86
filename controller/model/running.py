"""What an engine tells of a stack that runs: its containers as Compose would define them, and who else is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Model = Mapping[str, Any]
"""A service as Compose would define it."""


class ImageFacts(NamedTuple):
    """What an image says of itself: its user, its variables, how it was made."""

    user: str = ""
    environment: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    checked: bool = False
    """It brings a health check."""


class Ran(NamedTuple):
    """A command that somebody ran in a container, with rights that are not the container's own."""

    service: str
    container: str
    command: str
    user: str = ""
    privileged: bool = False


class Stranger(NamedTuple):
    """A container that is not of this stack on a network or a volume of it. `key`: its name in the Compose file;
    `stack`: the other stack that it says it is of, which names the network or the volume itself."""

    container: str
    kind: str
    name: str
    key: str = ""
    stack: str = ""


class Posture(NamedTuple):
    """What the engine says of itself. None: it does not tell."""

    rootless: bool = False
    userns_remap: bool = False
    authorised: bool = False
    """A plugin looks at each call."""
    live_restore: bool | None = None
    no_new_privileges: bool = False
    experimental: bool = False
    swarm: bool = False
    icc: bool | None = None
    iptables: bool | None = None
    userland_proxy: bool | None = None
    log_level: str | None = None
    insecure_registries: tuple[str, ...] = ()
    plain_hosts: tuple[str, ...] = ()
    """Addresses at which it listens without TLS."""
    socket_mode: int | None = None
    version: str = ""
    runc: str = ""
    apparmor: bool = False


@dataclass(frozen=True, slots=True)
class Running:
    """A stack as it runs. `services`: one model for each replica that differs, by service."""

    services: Mapping[str, tuple[Model, ...]] = field(default_factory=dict)
    volumes: Mapping[str, Model] = field(default_factory=dict)
    """Those that are mounted: options of their drivers, by the engine's names."""
    commands: tuple[Ran, ...] = ()
    strangers: tuple[Stranger, ...] = ()
    posture: Posture | None = None
