"""Traffic from host ports to replicas: what is published through the ingress, and how each replica stands in it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from controller.model.names import Instant


class Mode(StrEnum):
    """What the ingress understands of a connection."""

    HTTP = "http"
    TCP = "tcp"


class RouteState(StrEnum):
    """`in`: takes new requests; `draining`: keeps what it has and takes nothing new; `out`: no traffic at all."""

    IN = "in"
    DRAINING = "draining"
    OUT = "out"
    UNKNOWN = "unknown"
    """The proxy does not answer: never taken for out."""


@dataclass(frozen=True, slots=True, order=True)
class Frontend:
    """A published port of a service that is behind the ingress. `host_ip` "": every address of the host."""

    service: str
    host_port: int
    target: int
    """The port on which the replicas listen."""
    host_ip: str = ""
    mode: Mode = Mode.HTTP


@dataclass(frozen=True, slots=True)
class TlsPorts:
    """Where TLS is asked for, whichever release's ports the ingress has just now: at these host ports, or at each of
    HTTP."""

    ports: frozenset[int] = frozenset()
    http: bool = False

    def covers(self, front: Frontend) -> bool:
        return front.host_port in self.ports or (self.http and front.mode is Mode.HTTP)

    def __bool__(self) -> bool:
        """Whether it is asked for at all."""
        return self.http or bool(self.ports)


NO_TLS_PORTS = TlsPorts()


@dataclass(frozen=True, slots=True)
class IngressPolicy:
    """What the manifest wants of a stack's ingress beside its ports.

    `image` "": the usual one. `tls`: where it is spoken, with the user's `certificate` and `key`, or, where there are
    none, with one of the stack's own authority. `log`: it tells every connection.
    """

    image: str = ""
    tls: TlsPorts = NO_TLS_PORTS
    certificate: Path | None = None
    key: Path | None = None
    log: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """What a replica did for the ingress since it was first routed to; `latency` in seconds, of the last requests."""

    requests: int = 0
    errors: int = 0
    latency: float = 0.0


@dataclass(frozen=True, slots=True)
class RouteSeen:
    """How one replica stands in the proxy now, over all of its ports.

    `connections`: open ones, those of a proxy process that a reload left behind included. `draining_since`: on our
    clock; lost where the proxy is restarted. `at_drain`: connections that were open as the drain was asked for; None
    where this process did not ask.
    """

    state: RouteState
    connections: int = 0
    draining_since: Instant | None = None
    at_drain: int | None = None
    figures: Figures = Figures()
    via: tuple[str, ...] = ()
    """Networks on which it is led to, or was a moment ago and has connections still."""
