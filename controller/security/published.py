"""Published addresses, and who can reach each. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from controller.model.desired import DesiredService, Port
from controller.model.reach import HostPort, Spot
from controller.security import spans

_LINE = re.compile(r"(?P<ip>\[[^]]*\]|[^:]*):(?P<port>\d+)->(?P<target>\d+)/(?P<kind>\w+)")
"""`127.0.0.1:8080->80/tcp`, `[::]:8080->80/tcp`."""


class From(StrEnum):
    """Who can reach it."""

    MACHINE = "machine"
    """Programs of this machine alone; no container."""
    INTERFACE = "interface"
    """Whoever reaches that one address of it, containers of other projects among them."""
    EVERYONE = "everyone"
    """Whoever reaches this machine, by any of its addresses, and every container on it."""


class Published(NamedTuple):
    """`host_ip` "": all addresses. `port` "": the engine picks one."""

    service: str
    host_ip: str
    port: str
    target: int
    protocol: str = "tcp"

    @property
    def address(self) -> str:
        """`127.0.0.1:8080->80/tcp`."""
        host = f"[{self.host_ip}]" if ":" in self.host_ip else self.host_ip or "0.0.0.0"  # noqa: S104 - shown, never bound
        return f"{host}:{self.port or '*'}->{self.target}/{self.protocol}"

    @property
    def reachable_from(self) -> From:
        found = spans.address(self.host_ip or "0.0.0.0")  # noqa: S104 - compared, never bound
        if found is None:
            return From.INTERFACE
        if found.is_unspecified:
            return From.EVERYONE
        return From.MACHINE if found.is_loopback else From.INTERFACE


AROUND_FIREWALLS = "Docker's rules for published ports come before those of host firewalls such as ufw and firewalld"
MEND = "publish at 127.0.0.1 (`127.0.0.1:PORT:PORT`), or drop what is not wanted in the DOCKER-USER chain"


def tell_from(one: Published) -> str:
    """In words, for people."""
    match one.reachable_from:
        case From.MACHINE:
            return "this machine only"
        case From.INTERFACE:
            return f"the network of {one.host_ip}, and containers"
        case _:
            return "everyone who reaches this machine, around its firewall"


def desired_published(services: Mapping[str, DesiredService]) -> tuple[Published, ...]:
    """By the files, those that an ingress has for its services included."""
    return tuple(dict.fromkeys(one for name, service in sorted(services.items()) for one in _desired(name, service)))


def _desired(name: str, service: DesiredService) -> Iterator[Published]:
    for port in service.ports:
        yield Published(name, port.host_ip, _range(port), port.target, port.protocol)


def _range(port: Port) -> str:
    if port.published is None:
        return ""
    first, last = port.published
    return str(first) if first == last else f"{first}-{last}"


def read_published(service: str, lines: Iterable[str]) -> tuple[Published, ...]:
    """Of what containers have, as they are told of them (`127.0.0.1:8080->80/tcp`); other lines are none."""
    found = (_LINE.fullmatch(line) for line in lines)
    return tuple(
        dict.fromkeys(
            Published(service, match["ip"].strip("[]"), match["port"], int(match["target"]), match["kind"])
            for match in found
            if match is not None
        )
    )


def without_doubles(found: Sequence[Published]) -> tuple[Published, ...]:
    """Of `0.0.0.0` and `::` for the same port only one: both say everyone."""
    seen = {one._replace(host_ip="") for one in found if one.host_ip == "0.0.0.0"}  # noqa: S104 - compared
    return tuple(dict.fromkeys(one for one in found if one.host_ip != "::" or one._replace(host_ip="") not in seen))


def frontend_ports(service: DesiredService) -> tuple[HostPort, ...]:
    """Where the ingress leads to it from, in the form of a container's own."""
    return tuple(HostPort(one.host_ip, one.host_port, one.target) for one in service.frontends)


def all_published(services: Mapping[str, DesiredService], spots: Sequence[Spot]) -> tuple[Published, ...]:
    """Those that running replicas have, and of the files those that none of these stands for: UDP, an ingress's, or of
    a service that does not run."""
    seen = [
        Published(spot.service, one.host_ip, str(one.number), one.target) for spot in spots for one in spot.published
    ]
    there = {(one.service, one.target, one.protocol) for one in seen}
    rest = [one for one in desired_published(services) if (one.service, one.target, one.protocol) not in there]
    return without_doubles(sorted((*seen, *rest)))
