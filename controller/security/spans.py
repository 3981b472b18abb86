"""Ports that a service publishes, in any form that Compose takes. Pure; what makes no sense is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from controller.model.running import Model
from controller.security.reading import items, text

_SPAN = re.compile(r"(\d+)(?:-(\d+))?$")


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
        ip = self.host_ip.strip("[]")
        return ip.startswith("127.") or ip in ("::1", "localhost")

    @property
    def everywhere(self) -> bool:
        return self.host_ip.strip("[]") in ("", "0.0.0.0", "::", "0:0:0:0:0:0:0:0")  # noqa: S104


MOST_APART = 10
"""Neighbouring ports that are each looked at by themselves; more of them are one range."""


def ports(model: Model) -> Iterator[Published]:
    """Those of a range, which Compose takes apart, as the range that they are."""
    run: list[Published] = []
    for port in _each_port(model):
        if run and not _follows(run[-1], port):
            yield from _joined(run)
            run = []
        run.append(port)
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


def _each_port(model: Model) -> Iterator[Published]:
    for index, one in enumerate(items(model.get("ports"))):
        found = _long_port(index, one) if isinstance(one, Mapping) else _short_port(index, text(one))
        if found is not None:
            yield found


def _long_port(index: int, one: Model) -> Published | None:
    target = span(text(one.get("target")))
    if target is None:
        return None
    protocol = text(one.get("protocol")) or "tcp"
    return Published(index, text(one.get("host_ip")), span(text(one.get("published"))), target, protocol)


def _short_port(index: int, one: str) -> Published | None:
    ends, _, protocol = one.partition("/")
    host, _, container = ends.rpartition(":")
    target = span(container)
    if target is None:
        return None
    ip, _, published = host.rpartition(":")
    if host and span(published) is None and not ip:  # an address alone: the engine picks the port
        ip, published = host, ""
    return Published(index, ip, span(published), target, protocol or "tcp")


def span(one: str) -> tuple[int, int] | None:
    """First and last port of `80` or `8000-8010`."""
    found = _SPAN.match(one)
    return (int(found[1]), int(found[2] or found[1])) if found else None
