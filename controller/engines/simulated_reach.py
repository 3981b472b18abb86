"""Who reaches whom on the simulated engine: whoever shares a network in the Compose file. Nothing is connected."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from controller.engines.template import read_request
from controller.model.desired import Template
from controller.model.names import ReplicaId
from controller.model.observed import Replica
from controller.model.reach import Answer, Knock, Knocked, Spot

Running = Callable[[str, float], Sequence[tuple[Replica, Template]]]


class SimulatedNetProbe:
    """`running`: the replicas of a stack with their templates, within so many seconds."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._spots: tuple[Spot, ...] = ()

    def spots(self, stack: str, *, deadline: float) -> tuple[Spot, ...]:
        self._spots = tuple(_make_spot(*pair) for pair in self._running(stack, deadline))
        return self._spots

    def strangers(self, stack: str, *, deadline: float) -> tuple[tuple[str, str], ...]:
        return ()

    def knock(
        self, knocks: Sequence[Knock], *, patience: float = 0.3, told: Callable[[int], None] = lambda _: None
    ) -> Mapping[Knock, Knocked]:
        told(len(knocks))
        return {one: self._answer(one) for one in knocks}

    def _answer(self, knock: Knock) -> Knocked:
        source = next((spot for spot in self._spots if spot.replica == knock.replica), None)
        if source is None:
            return Knocked(Answer.UNKNOWN, None, "it does not run any more")
        target = next((spot for spot in self._spots if _finds(source, spot, knock.host)), None)
        if target is None:
            return Knocked(Answer.SILENT if "." in knock.host else Answer.NAMELESS)
        return Knocked(Answer.OPEN if knock.port in target.ports else Answer.REFUSED, 0.0)


def _finds(source: Spot, target: Spot, host: str) -> bool:
    """The name, or an address, is its own on a network that both are on."""
    shared = source.addresses.keys() & target.addresses.keys()
    return bool(shared) and (host == target.service or any(host in target.addresses[name] for name in shared))


def _make_spot(replica: Replica, template: Template) -> Spot:
    create = read_request(template).create
    service: Mapping[str, Any] = json.loads(create.get("Service") or "{}")
    mode = str(service.get("network_mode") or "")
    networks = () if mode else tuple(service.get("networks") or ("default",))
    ports = {int(port["target"]) for port in service.get("ports") or ()}
    exposed = {int(str(port).partition("/")[0]) for port in service.get("expose") or ()}
    return Spot(
        replica.id,
        f"{replica.service}-{replica.number}",
        replica.service,
        ReplicaId(mode.removeprefix("service:") or replica.service),
        {name: (_address(name, replica.id),) for name in networks},
        ports=tuple(sorted(ports | exposed)),
    )


def _address(network: str, replica: ReplicaId) -> str:
    """Made up: nobody is there."""
    mark = sha256(f"{network} {replica}".encode()).digest()
    return f"10.{mark[0]}.{mark[1]}.{mark[2]}"
