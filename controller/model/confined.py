"""Networks of ours in the place of a Compose file's own: who is on which, and how they are laid over a template. Pure.

As with limits that follow use, another container is none: the template's fingerprint stays, and so does its revision.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from controller.model.desired import Template

MARK = "controller.network"
"""Label of a network of ours; its value says what it is for."""
POOL, PREFIX = "Pool", "Prefix"
"""Of our requests alone: the addresses out of which the engine's room takes a free subnet, and how large that is."""

MTU = "com.docker.network.driver.mtu"
"""The one option of a network that ours have as well."""
BRIDGES = (None, "", "default", "bridge")
"""Drivers, as they are written, of networks that ours can take the place of."""


@dataclass(frozen=True, slots=True)
class Private:
    """A network of ours. `key`: what it is called within its project; `purpose`: `between`, `outside`, `ingress`,
    `alone`."""

    key: str
    purpose: str
    internal: bool = True
    prefix: int = 28
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Confined:
    """The networks of one service. The first one is that of its default route."""

    project: str
    pool: str
    networks: tuple[Private, ...]
    direct: tuple[Private, ...] = ()
    """Those of its replicas that publish the ingress's ports themselves."""
    beside: tuple[Private, ...] = ()
    """What must exist though it is on none of them: where the ingress has its way out."""
    replaced: frozenset[str] = frozenset()
    """Those of the Compose file that these take the place of, all of the stack's, by Docker's names."""

    own: frozenset[str] = frozenset()
    """Those of the Compose file that it would be on without these."""
    called: frozenset[tuple[str, str]] = frozenset()
    """Services of the stack whose containers have a name of their own (`container_name`), and that name."""
    mtu: str = ""
    """Of all of these networks; "": the engine's default."""

    @property
    def led(self) -> tuple[str, ...]:
        """Docker's names of the networks that the ingress is to be on for its sake."""
        ingress = (one for one in self.networks if one.purpose == "ingress")
        return tuple(sorted(network_name(self.project, one.key) for one in (*ingress, *self.beside)))


class Joining(NamedTuple):
    """How a template joins networks. `replaced`: bridges that Compose makes for it; `kept`: all others."""

    movable: bool = False
    """False: it is on the host's network, on none, on another container's, or nothing is known."""
    shares: bool = False
    """It is on another container's."""
    replaced: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    outside: bool = False
    """From one of those that are replaced there is a way out."""
    publishes: bool = False
    """It has host ports of its own."""
    container: str = ""
    """What its first container is called."""
    mtus: frozenset[str] = frozenset()
    """Of those that are replaced; "" where none is said."""


NO_JOINING = Joining()


def network_name(project: str, key: str) -> str:
    """As Docker calls it. A project's name has no dot in it: none is called so that was given no name of its own."""
    return f"{project}.{key}"


def may_be_ours(project: str, name: str) -> bool:
    """Whether a network of that name can be one of ours, of that project: its label says whether it is."""
    return bool(project) and name.startswith(f"{project}.")


def is_for_one(project: str, name: str, service: str) -> bool:
    """Whether a network of ours of that name is one on which no other service is."""
    purpose = name.removeprefix(f"{project}.{service}.")
    return purpose != name and purpose.partition(".")[0] in ("outside", "alone", "ingress")


@lru_cache(maxsize=4096)
def asked_of_us(networks: tuple[str, ...]) -> frozenset[str]:
    """Names of those among a template's requests for networks that are ours."""
    return frozenset(request["Name"] for request in map(json.loads, networks) if POOL in request)


@lru_cache(maxsize=4096)
def read_joining(body: str, networks: tuple[str, ...]) -> Joining:
    """Of a template's body, and of its requests for networks."""
    if not body:
        return NO_JOINING
    document = json.loads(body)
    host: Mapping[str, Any] = document["create"].get("HostConfig") or {}
    mode = str(host.get("NetworkMode") or "")
    if mode in ("host", "none") or mode.startswith("container:"):
        return Joining(shares=mode.startswith("container:"))
    names = frozenset(_endpoints(document))
    made = {one["Name"]: one for one in map(json.loads, networks)}
    replaced = frozenset(name for name in names if name in made and made[name].get("Driver") in BRIDGES)
    outside = any(not made[name].get("Internal") for name in replaced)
    publishes = any((host.get("PortBindings") or {}).values())
    mtus = frozenset(str((made[name].get("Options") or {}).get(MTU) or "") for name in replaced)
    called = str(document.get("name") or "")
    return Joining(bool(names), False, replaced, names - replaced, outside, publishes, called, mtus)


def _endpoints(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    found = dict((document["create"].get("NetworkingConfig") or {}).get("EndpointsConfig") or {})
    found.update({connect["network"]: connect.get("endpoint") for connect in document["connects"]})
    return {name: endpoint or {} for name, endpoint in found.items()}


@lru_cache(maxsize=1024)
def confine_template(template: Template, confined: Confined, networks: tuple[Private, ...]) -> Template:
    """The same on these networks of ours; what is another's, or no bridge, it is on as before."""
    joining = read_joining(template.body, template.networks)
    if not joining.movable:
        return template
    document = json.loads(template.body)
    before = _endpoints(document)
    endpoints = _confine(before, joining, confined, networks)
    first = next(iter(endpoints))
    document["create"]["NetworkingConfig"] = {"EndpointsConfig": {first: endpoints.pop(first)}}
    document["create"]["HostConfig"]["NetworkMode"] = first
    document["connects"] = [{"network": name, "endpoint": endpoint} for name, endpoint in endpoints.items()]
    kept = (text for text in template.networks if json.loads(text)["Name"] in joining.kept)
    made = (_canonical(make_request(confined, one)) for one in (*networks, *confined.beside))
    return replace(template, body=_canonical(document), networks=(*kept, *dict.fromkeys(made)))


def carry_networks(fresh: Template, laid: Template) -> Template:
    """The former on the networks of the latter, if those are ours."""
    if not fresh.body or not asked_of_us(laid.networks):
        return fresh  # nearly always
    document, other = json.loads(fresh.body), json.loads(laid.body)
    document["create"]["NetworkingConfig"] = other["create"]["NetworkingConfig"]
    document["create"]["HostConfig"]["NetworkMode"] = other["create"]["HostConfig"]["NetworkMode"]
    document["connects"] = other["connects"]
    return replace(fresh, body=_canonical(document), networks=laid.networks)


def add_networks(template: Template, names: Iterable[str]) -> Template:
    """The same on these, which there are, besides: under the names that it has on the first of its own."""
    document = json.loads(template.body)
    first = next(iter(_endpoints(document).values()), {})
    endpoint = {"Aliases": first["Aliases"]} if first.get("Aliases") else {}
    document["connects"] += [{"network": name, "endpoint": endpoint} for name in names]
    return replace(template, body=_canonical(document))


def _confine(
    before: Mapping[str, Mapping[str, Any]], joining: Joining, confined: Confined, networks: tuple[Private, ...]
) -> dict[str, Mapping[str, Any]]:
    """Under the names that it had: those of all networks that are replaced, everywhere."""
    replaced = [before[name] for name in sorted(joining.replaced)]
    aliases = list(dict.fromkeys(alias for one in replaced for alias in one.get("Aliases") or ()))
    links = list(dict.fromkeys(link for one in replaced for link in one.get("Links") or ()))
    endpoints: dict[str, Mapping[str, Any]] = {}
    for one in networks:
        there = [link for link in links if _leads_to(link, confined, one.members)]
        names = {"Aliases": aliases, "Links": there}
        endpoints[network_name(confined.project, one.key)] = {key: value for key, value in names.items() if value}
    return endpoints | {name: before[name] for name in sorted(joining.kept)}


def _leads_to(link: str, confined: Confined, members: Iterable[str]) -> bool:
    """`shop-db-1:database` does to who is on that network, and so does the `container_name` of one who is."""
    container, _, alias = link.partition(":")
    stems = [f"{confined.project}{dash}{member}{dash}" for member in members for dash in "-_"]
    fixed = any((member, container) in confined.called for member in members)
    return fixed or alias in members or any(container.startswith(stem) for stem in stems)


def make_request(confined: Confined, network: Private) -> dict[str, Any]:
    """The create request, with what the subnet is taken from in the place of the subnet."""
    return {
        "Name": network_name(confined.project, network.key),
        "Driver": "bridge",
        "Internal": network.internal,
        "Labels": {
            "com.docker.compose.project": confined.project,
            "com.docker.compose.network": network.key,
            MARK: network.purpose,
        },
        POOL: confined.pool,
        PREFIX: network.prefix,
        **({"Options": {MTU: confined.mtu}} if confined.mtu else {}),
    }


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
