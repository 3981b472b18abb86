"""The host ports that stacks ask for, and who has them now."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from controller.cli.checks.facts import Container
from controller.cli.checks.judge import Check, Verdict
from controller.engines.holders import Published, find_container
from controller.engines.ports import HostPort
from controller.model.desired import DesiredStack

_PUBLISHED = re.compile(r"(?P<ip>[0-9a-fA-F.:\[\]]+):(?P<first>\d+)(?:-(?P<last>\d+))?->\S+/(?P<protocol>tcp|udp)")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A service that needs `count` host ports out of a range."""

    stack: str
    service: str
    ip: str
    ports: range
    protocol: str
    count: int


def wanted_ports(stack: DesiredStack) -> tuple[Wanted, ...]:
    """What the services of a stack publish at fixed host ports. Pure."""
    return tuple(
        Wanted(
            stack.name,
            service.name,
            port.host_ip,
            range(port.published[0], port.published[1] + 1),
            port.protocol,
            1 if port.is_fixed and service.frontends else service.replicas,
        )
        for service in stack.services.values()
        for port in service.ports
        if port.published is not None and service.leaving is None
    )


def published(containers: Sequence[Container]) -> tuple[Published, ...]:
    """Host ports of running containers, from what `docker ps` says of them. Pure."""
    return tuple(Published(one.id, one.name, one.project, tuple(_read_ports(one.ports))) for one in containers)


def _read_ports(told: str) -> Iterator[HostPort]:
    for match in _PUBLISHED.finditer(told):
        for port in range(int(match["first"]), int(match["last"] or match["first"]) + 1):
            yield HostPort(port, match["protocol"], match["ip"].strip("[]"))


def spots(wanted: Sequence[Wanted]) -> frozenset[HostPort]:
    """Every host port that one of them could have. Pure."""
    return frozenset(HostPort(port, item.protocol, item.ip) for item in wanted for port in item.ports)


def check_ports(wanted: Sequence[Wanted], containers: Sequence[Published], holders: Mapping[HostPort, str]) -> Check:
    """Whether every service finds the host ports that it asks for. A project's own containers stand in nobody's way.

    `holders`: who has each of `spots`, in words. Pure.
    """
    short = [told for item in wanted if (told := _short(item, containers, holders))]
    if short:
        mend = "stop who has it, or publish another port (a variable in the Compose file makes that easy)"
        return Check("ports", Verdict.FAIL, "; ".join(short), mend)
    return Check("ports", Verdict.OK, f"{len(wanted)} published ports are free or ours already")


def _short(wanted: Wanted, containers: Sequence[Published], holders: Mapping[HostPort, str]) -> str:
    own = [one for one in containers if one.project == wanted.stack]
    ports = [HostPort(port, wanted.protocol, wanted.ip) for port in wanted.ports]
    taken = [holders[port] for port in ports if port in holders and find_container(port, own) is None]
    if len(ports) - len(taken) >= wanted.count:
        return ""
    first, last = wanted.ports[0], wanted.ports[-1]
    span = f"{first}" if first == last else f"{first}-{last}"
    return f"{wanted.stack}/{wanted.service} wants port {span}, which {', '.join(dict.fromkeys(taken))} has"
