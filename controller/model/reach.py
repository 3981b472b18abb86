"""Who reaches whom: what was seen of replicas on their networks, what was tried from one to another, what it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from controller.model.names import Instant, ReplicaId


class Answer(StrEnum):
    """What came of one TCP connection that was tried. A refusal came from the other side: the way there is open."""

    OPEN = "open"
    REFUSED = "refused"
    SILENT = "silent"
    """Nothing came back in time, or there is no way there."""
    NAMELESS = "nameless"
    """Nobody is found by that name."""
    UNKNOWN = "unknown"
    """It could not be tried."""


class HostPort(NamedTuple):
    """A TCP port of the engine's machine that leads to `target` in a container; `host_ip` "": at all its addresses."""

    host_ip: str
    number: int
    target: int


@dataclass(frozen=True, slots=True)
class Spot:
    """One running replica, as it stands on its networks. `space`: whose network namespace it is in, its own or not."""

    replica: ReplicaId
    name: str
    service: str
    space: ReplicaId
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By the network's name."""
    gateways: tuple[str, ...] = ()
    """Addresses of the engine's machine on these networks."""
    ports: tuple[int, ...] = ()
    """TCP ports on which it listens, those that only its own loopback reaches left out."""
    heard: bool = True
    """The kernel told the ports; else they are those that its definition names."""
    published: tuple[HostPort, ...] = ()
    on_host: bool = False
    """Its network is the machine's own."""


class Knock(NamedTuple):
    """One connection to try, from a replica; `host` is an address, or a name that its own resolver finds."""

    replica: ReplicaId
    host: str
    port: int


class Knocked(NamedTuple):
    """`seconds` until the answer, None where there was none; `reason`: why it is not known; `aside`: why a command in
    the container tried it, where its namespace is entered elsewhere."""

    answer: Answer
    seconds: float | None = None
    reason: str = ""
    aside: str = ""


class By(StrEnum):
    NAME = "name"
    ADDRESS = "address"


class Via(StrEnum):
    """The way: a network that both are on, a published port of the machine, or a namespace that both share."""

    NETWORK = "network"
    HOST = "host"
    NAMESPACE = "namespace"


class Verdict(StrEnum):
    OK = "ok"
    UNDECLARED = "undeclared"
    """Reachable, though no edge is declared."""
    BLOCKED = "blocked"
    """Declared, and not reachable."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Pair:
    """What is known of one service's way to a port of another. `port` None: nobody listens, the network alone counts.

    `declared`: an edge joins them; `needed`: it is `source` that depends on, or connects to, `target`.
    """

    source: str
    target: str
    port: int | None
    declared: bool
    needed: bool
    reachable: bool | None
    verdict: Verdict
    by: By | None = None
    via: Via | None = None
    at: str = ""
    """Where it was reached, or not reached."""
    seconds: float | None = None
    counts: bool = False
    """It is a difference, by which a check fails."""
    cause: str = ""
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """One check of a stack. `idle`: services of which nothing runs; `notes`: what was left out, and why."""

    stack: str
    enforced: bool
    """`networkPolicy: dependencies`."""
    at: Instant
    pairs: tuple[Pair, ...] = ()
    idle: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def differences(self) -> tuple[Pair, ...]:
        return tuple(pair for pair in self.pairs if pair.counts and pair.verdict is not Verdict.UNKNOWN)

    @property
    def unchecked(self) -> tuple[Pair, ...]:
        """Those that would count and could not be checked."""
        return tuple(pair for pair in self.pairs if pair.counts and pair.verdict is Verdict.UNKNOWN)
