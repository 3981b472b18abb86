"""The host ports that stacks ask for, and who has them now."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from controller.cli.checks.facts import Container
from controller.cli.checks.judge import Check, Verdict
from controller.model.desired import DesiredStack

_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104  addresses to compare with, nothing listens on them
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


@dataclass(frozen=True, slots=True)
class Taken:
    """A host port in use. `project`: the Compose project of the container that has it; "" where it is none."""

    ip: str
    port: int
    protocol: str
    holder: str
    project: str = ""


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


def published_ports(containers: Sequence[Container]) -> tuple[Taken, ...]:
    """Host ports of running containers, from what `docker ps` says of them. Pure."""
    found: list[Taken] = []
    for item in containers:
        for match in _PUBLISHED.finditer(item.ports):
            last = int(match["last"] or match["first"])
            ports = range(int(match["first"]), last + 1)
            ip, protocol = match["ip"].strip("[]"), match["protocol"]
            found += [Taken(ip, port, protocol, f"container {item.name}", item.project) for port in ports]
    return tuple(found)


def listening_ports() -> tuple[Taken, ...]:
    """Host ports on which some process listens; its name where we may know it."""
    import psutil

    found: list[Taken] = []
    for kind, protocol in (("tcp", "tcp"), ("udp", "udp")):
        for one in psutil.net_connections(kind):
            if one.laddr and (one.status == psutil.CONN_LISTEN or protocol == "udp"):
                found.append(Taken(one.laddr.ip, one.laddr.port, protocol, _process(one.pid)))
    return tuple(found)


def _process(pid: int | None) -> str:
    import psutil

    if pid is None:
        return "another process"
    try:
        return f"{psutil.Process(pid).name()} (pid {pid})"
    except psutil.Error:
        return f"pid {pid}"


def check_ports(wanted: Sequence[Wanted], containers: Sequence[Taken], listening: Sequence[Taken]) -> Check:
    """Whether every service finds the host ports that it asks for. A project's own containers stand in nobody's way."""
    short = [told for item in wanted if (told := _short(item, containers, listening))]
    if short:
        mend = "stop who has it, or publish another port (a variable in the Compose file makes that easy)"
        return Check("ports", Verdict.FAIL, "; ".join(short), mend)
    return Check("ports", Verdict.OK, f"{len(wanted)} published ports are free or ours already")


def _short(wanted: Wanted, containers: Sequence[Taken], listening: Sequence[Taken]) -> str:
    free, holders = 0, dict[str, None]()
    for port in wanted.ports:
        holder = _holder(wanted, port, containers, listening)
        if holder is None:
            free += 1
        else:
            holders[holder] = None
    if free >= wanted.count:
        return ""
    first, last = wanted.ports[0], wanted.ports[-1]
    span = f"{first}" if first == last else f"{first}-{last}"
    return f"{wanted.stack}/{wanted.service} wants port {span}, which {', '.join(holders)} has"


def _holder(wanted: Wanted, port: int, containers: Sequence[Taken], listening: Sequence[Taken]) -> str | None:
    for taken in containers:
        if _meet(wanted, port, taken):
            # Docker's own proxy listens for that container, so the processes need not be asked.
            return None if taken.project == wanted.stack else taken.holder
    return next((taken.holder for taken in listening if _meet(wanted, port, taken)), None)


def _meet(wanted: Wanted, port: int, taken: Taken) -> bool:
    same_address = wanted.ip == taken.ip or bool({wanted.ip, taken.ip} & _EVERYWHERE)
    return port == taken.port and wanted.protocol == taken.protocol and same_address
