"""A small stack on two networks, and who answers whom in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from controller.model.names import ReplicaId
from controller.model.reach import Answer, HostPort, Knock, Knocked, Pair, Spot
from controller.security.reach import judge
from controller.security.ways import Question, Wanted, plan_knocks
from tests.builders import service, template

NETS = {"front": "10.0.0", "back": "10.0.1"}


def spot(name: str, last: int, *networks: str, number: int = 1, **others: Any) -> Spot:
    replica = ReplicaId(f"{name}-{number}")
    return Spot(
        replica,
        f"{name}-{number}",
        name,
        others.pop("space", replica),
        {net: (f"{NETS[net]}.{last}",) for net in networks},
        gateways=tuple(f"{NETS[net]}.1" for net in networks),
        **{"ports": (80,), **others},
    )


WEB = spot("web", 2, "front", ports=(8000,))
API = spot("api", 3, "front", "back")
DB = spot("db", 4, "back", ports=(5432,))
SERVICES = {
    "web": service("web", needs=("api",)),
    "api": service("api", needs=("db",)),
    "db": service("db"),
}


def joined(name: str, *networks: str, of: str | None = None, **others: Any) -> Any:
    """A service as its template says it: on these networks, or `of` whose namespace it is in."""
    host = {"NetworkMode": f"container:{of}" if of else networks[0]}
    endpoints = {} if of else {one: {} for one in networks}
    create = {"HostConfig": host, "NetworkingConfig": {"EndpointsConfig": endpoints}}
    body = json.dumps({"create": create, "connects": []})
    return service(name, template=template(name, body=body, namespace_of=of), namespace_of=of, **others)


def question(*spots: Spot, services: Mapping[str, Any] = SERVICES, **others: Any) -> Question:
    return Question(services, spots or (WEB, API, DB), **others)


def networks_answer(asked: Question, **forced: Answer) -> dict[Knock, Knocked]:
    """As a machine does whose networks are closed to each other. `forced`: what else a host answers, dots as _."""
    return {knock: Knocked(_answer(asked, knock, forced), 0.001) for knock in plan_knocks(asked)}


def _answer(asked: Question, knock: Knock, forced: Mapping[str, Answer]) -> Answer:
    if (told := forced.get(knock.host.replace(".", "_"))) is not None:
        return told
    source = next(one for one in asked.spots if one.replica == knock.replica)
    for target in asked.spots:
        shared = source.addresses.keys() & target.addresses.keys()
        if (knock.host == target.service and shared) or any(knock.host in target.addresses[net] for net in shared):
            return Answer.OPEN if knock.port in target.ports else Answer.REFUSED
        if knock.host in source.gateways and any(
            one.number == knock.port and _is_open(one) for one in target.published
        ):
            return Answer.OPEN
    if knock.host in source.gateways:
        return Answer.REFUSED
    return Answer.SILENT if "." in knock.host else Answer.NAMELESS


def _is_open(published: HostPort) -> bool:
    return published.host_ip in ("", "0.0.0.0", "::")


def judged(asked: Question, **forced: Answer) -> dict[tuple[str, str, int | None], Pair]:
    found = judge(asked, networks_answer(asked, **forced))
    return {(pair.source, pair.target, pair.port): pair for pair in found}


def wanted(*pairs: Sequence[Any]) -> tuple[Wanted, ...]:
    return tuple(Wanted(*pair) for pair in pairs)
