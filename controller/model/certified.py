"""Which services get certificates, for which names, and what becomes of new ones; and what is known of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from controller.model.names import Instant

MOUNT = "/run/controller/tls"
"""Where containers have theirs."""
FOLDER = "tls"
"""In the folder of the stack's state: the authority, and what is mounted."""
MOUNTS = f"{FOLDER}/mounts"


def is_own_mount(kind: object, source: object, target: object, *, read_only: bool) -> bool:
    """Whether a mount of a container is the one by which it has its certificates."""
    return kind == "bind" and read_only and target == MOUNT and f"/{MOUNTS}/" in str(source)


INGRESS = "@ingress"
"""Stands for the ingress among services that get certificates: no service can be called so."""


class TakeUp(StrEnum):
    """How a service takes up what is new."""

    ROLL = "roll"
    SIGNAL = "signal"
    EXEC = "exec"


@dataclass(frozen=True, slots=True)
class Certified:
    """One service that gets certificates. `lifetime` in seconds; `uid`, `gid`: whose its key is, None: not known.

    `ports`: those of its replicas on which the served certificate can be seen; `ends`: addresses and ports where that
    is so, and no replica has to be looked for. `replicas`: for how many names of containers.
    """

    lifetime: float
    aliases: tuple[str, ...] = ()
    replicas: int = 1
    take_up: TakeUp = TakeUp.ROLL
    signal: str = "HUP"
    command: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    uid: int | None = None
    gid: int | None = None
    ends: tuple[tuple[str, int], ...] = ()


NOBODY: Mapping[str, Certified] = MappingProxyType({})


class Seen(StrEnum):
    """What is known of what a service serves."""

    SERVED = "served"
    """The newest one, by a handshake with each replica."""
    OTHER = "other"
    """Another one, or none."""
    TAKEN_UP = "taken up"
    """Each replica had the word to read it, or began after it was there; no handshake shows more."""
    PENDING = "pending"
    """Not each replica has read it yet."""


@dataclass(frozen=True, slots=True)
class CertificateState:
    """One service's certificate, for whoever looks. Instants are None where there is no certificate."""

    stack: str
    service: str
    serial: str = ""
    authority: str = ""
    names: tuple[str, ...] = ()
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    renew_at: Instant | None = None
    seen: Seen = Seen.PENDING
    faults: tuple[str, ...] = ()
    trouble: str = ""
    """Why the last try to renew it, or to have it taken up, came to nothing."""


@dataclass(frozen=True, slots=True)
class AuthorityState:
    """One authority of a stack: `role` is `issuer`, `coming` or `going`."""

    id: str
    role: str
    ends_at: Instant


@dataclass(frozen=True, slots=True)
class StackCertificates:
    """All of one stack. `stage` of a change of authority, `none`: there is none under way."""

    stack: str
    enabled: bool = False
    stage: str = "none"
    authorities: tuple[AuthorityState, ...] = ()
    certificates: tuple[CertificateState, ...] = field(default=())
    trouble: str = ""
    """Why none can be issued."""


@dataclass(frozen=True, slots=True)
class CertificateAct:
    """What came of what a person asked of one stack's certificates. `restarts`: services that are still to be replaced,
    which nobody else does."""

    stack: str
    verb: str
    services: tuple[str, ...] = ()
    ok: bool = True
    message: str = ""
    hint: str | None = None
    restarts: tuple[str, ...] = ()
