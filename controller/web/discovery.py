"""Ready replicas as Prometheus' HTTP service discovery wants them (`http_sd_configs`). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from controller.model.desired import DesiredService, DesiredStack
from controller.model.metrics import MetricsPolicy
from controller.model.observed import Replica
from controller.model.status import StackStatus

Group = dict[str, Any]
"""`{"targets": ["10.0.0.2:8080"], "labels": {…}}`."""

_META = "__meta_controller_"


class Door(NamedTuple):
    """A TCP port of a container; `path`: where metrics are, if that is known."""

    port: int
    path: str = ""


def find_groups(
    status: StackStatus,
    desired: DesiredStack,
    metrics: MetricsPolicy,
    service: str | None = None,
    *,
    by_name: bool = False,
) -> Iterator[Group]:
    """One for each ready replica that has an address and each of its ports; of all services, or of one.

    `by_name`: who asks is in a container. Where networks are ours, each neighbour of a replica shares another one with
    it, on which it has another address: under its name all of them find it.
    """
    for one in status.services:
        wanted = desired.services.get(one.name)
        if wanted is None or service not in (None, one.name):
            continue
        doors = find_doors(wanted, metrics)
        for replica in one.replicas:
            if replica.ready and replica.address is not None:
                host = replica.name if by_name and replica.ours else replica.address
                yield from (_group(status.name, replica, host, door) for door in doors)


def find_doors(service: DesiredService, metrics: MetricsPolicy) -> tuple[Door, ...]:
    """Published and exposed ports, behind the ingress or not, and those that custom metrics are scraped from."""
    told = {Door(one.port, one.path) for one in metrics.custom if one.service == service.name and one.port is not None}
    ports = {one.target for one in service.ports if one.protocol == "tcp"}
    ports |= {one.target for one in service.frontends} | service.template.exposes()
    return tuple(sorted(told | {Door(port) for port in ports - {door.port for door in told}}))


def _group(stack: str, replica: Replica, address: str, door: Door) -> Group:
    host = f"[{address}]" if ":" in address else address
    labels = {
        f"{_META}stack": stack,
        f"{_META}service": replica.service,
        f"{_META}replica": replica.name,
        f"{_META}port": str(door.port),
        f"{_META}metrics": "true" if door.path else "false",
        **_way(door.path),
    }
    return {"targets": [f"{host}:{door.port}"], "labels": labels}


def _way(path: str) -> dict[str, str]:
    """Prometheus wants the query apart from the path."""
    if not path:
        return {}
    before, _, query = path.partition("?")
    asked = {f"__param_{name}": value for name, value in parse_qsl(query) if name.isidentifier()}
    return {"__metrics_path__": before, **asked}
