"""Ports that a service publishes, in any form that Compose takes. Pure; what makes no sense is left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from controller.model.running import Model
from controller.security.reading import items, text

_SPAN = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?$")

Key = tuple[str, tuple[int, int] | None, tuple[int, int], str]


class Published(NamedTuple):
    """Ports of the host that lead to ports of a container, as first and last. `host` None: the engine picks one."""

    at: int
    host_ip: str
    host: tuple[int, int] | None
    target: tuple[int, int]
    protocol: str = "tcp"

    @property
    def loopback(self) -> bool:
        """Only the host itself gets there."""
        ip = address(self.host_ip)
        return ip.is_loopback if ip is not None else self.host_ip == "localhost"

    @property
    def everywhere(self) -> bool:
        ip = address(self.host_ip)
        return ip.is_unspecified if ip is not None else not self.host_ip

    def meets(self, other: Published) -> bool:
        """Both are published at one address; `0.0.0.0` and `[::]` are two, no address is both."""
        ours, theirs = address(self.host_ip), address(other.host_ip)
        if ours is None or theirs is None:
            return self.host_ip == other.host_ip or self.everywhere or other.everywhere
        return ours.version == theirs.version and (ours == theirs or self.everywhere or other.everywhere)

    @property
    def key(self) -> Key:
        """What makes it another one than its neighbours."""
        ip = self.host_ip.strip("[]")
        return ("" if ip == "0.0.0.0" else ip, self.host, self.target, self.protocol)  # noqa: S104

    @property
    def short(self) -> str:
        """In the short form: `127.0.0.1:8080:80/udp`."""
        ip = self.host_ip.strip("[]")
        shown = [f"[{ip}]" if ":" in ip else ip] if ip else []
        host = [_ends(self.host)] if self.host is not None else [""] * len(shown)
        protocol = f"/{self.protocol}" if self.protocol != "tcp" else ""
        return ":".join((*shown, *host, _ends(self.target))) + protocol

    def within(self, other: Published) -> bool:
        """It is one of those of the other, which may be a range; whatever their addresses."""
        if self.protocol != other.protocol or not _within(self.target, other.target):
            return False
        if self.host is None or other.host is None:
            return self.host is other.host
        is_choice = other.target[0] == other.target[1]
        apart = self.host[0] - other.host[0] == self.target[0] - other.target[0]
        return _within(self.host, other.host) and (is_choice or apart)


def address(host_ip: str) -> IPv4Address | IPv6Address | None:
    """Of a host, an IPv4 one that is written as IPv6 as what it is; None where there is none, or a name."""
    try:
        found = ip_address(host_ip.strip("[]"))
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return found if mapped is None else mapped


def _ends(ends: tuple[int, int]) -> str:
    return "-".join(map(str, dict.fromkeys(ends)))


def _within(inner: tuple[int, int], outer: tuple[int, int]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


MOST_APART = 10
"""Neighbouring ports that are each looked at by themselves; more of them are one range."""


def ports(model: Model, written: Iterable[Published] = ()) -> Iterator[Published]:
    """Those of a range, which Compose takes apart, as the range that they are: one that is `written`, or so long that
    it can only be one."""
    each = list(each_port(model))
    known = {port.key: port for port in each}
    found: list[Published] = []
    taken: set[int] = set()
    for one in written:
        if made := _made_of(one, known):
            first = min(made, key=lambda port: port.at)
            found.append(one._replace(at=first.at, host_ip=first.host_ip))
            taken |= {port.at for port in made}
    yield from sorted((*found, *_runs(port for port in each if port.at not in taken)), key=lambda port: port.at)


def _made_of(span: Published, known: dict[Key, Published]) -> list[Published]:
    """What Compose made of a range, taken out of what is known; none where one of them is missing."""
    first, last = span.target
    if not 0 < last - first < len(known):
        return []
    keys = []
    for number in range(last - first + 1):
        host = span.host and (span.host[0] + number, span.host[0] + number)
        keys.append(span._replace(host=host, target=(first + number, first + number)).key)
        if keys[-1] not in known:
            return []
    return [known.pop(key) for key in keys]


def _runs(found: Iterable[Published]) -> Iterator[Published]:
    run: list[Published] = []
    for port in found:
        if run and not _follows(run[-1], port):
            yield from _joined(run)
            run = []
        run.append(port)
    if run:
        yield from _joined(run)


def _follows(had: Published, port: Published) -> bool:
    """It is the next one of the same range."""
    if had.host is None or port.host is None or (had.host_ip, had.protocol) != (port.host_ip, port.protocol):
        return False
    return (had.host[1] + 1, had.target[1] + 1) == (port.host[0], port.target[0])


def _joined(run: list[Published]) -> Iterator[Published]:
    first, last = (run[0].host, run[-1].host) if len(run) > MOST_APART else (None, None)
    if first is None or last is None:
        yield from run
    else:
        yield run[0]._replace(host=(first[0], last[1]), target=(run[0].target[0], run[-1].target[1]))


def each_port(model: Model) -> Iterator[Published]:
    """As it is said, ranges that Compose has taken apart in their parts."""
    for index, one in enumerate(items(model.get("ports"))):
        found = _long_port(index, one) if isinstance(one, Mapping) else short_port(text(one), index)
        if found is not None:
            yield found


def _long_port(index: int, one: Model) -> Published | None:
    target = span(text(one.get("target")))
    if target is None:
        return None
    protocol = text(one.get("protocol")) or "tcp"
    return Published(index, text(one.get("host_ip")), span(text(one.get("published"))), target, protocol)


def short_port(one: str, at: int = 0) -> Published | None:
    """`127.0.0.1:8080:80/tcp`, or less of it. None: that is no port."""
    ends, _, protocol = one.partition("/")
    host, _, container = ends.rpartition(":")
    target = span(container)
    if target is None:
        return None
    ip, _, published = host.rpartition(":")
    if host and span(published) is None and not ip:  # an address alone: the engine picks the port
        ip, published = host, ""
    return Published(at, ip, span(published), target, protocol or "tcp")


def span(one: str) -> tuple[int, int] | None:
    """First and last port of `80` or `8000-8010`."""
    found = _SPAN.match(one)
    return (int(found[1]), int(found[2] or found[1])) if found else None
