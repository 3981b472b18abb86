"""Which networks a stack needs so that two of its services share one if and only if an edge is declared. Pure.

One network for each edge; where there are many, one for services of which each speaks with each (a clique). The same
edges give the same networks, whatever their order, and up to `MERGE_ABOVE` of them an edge more or less changes no
other network.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from ipaddress import IPv4Network, ip_network
from itertools import combinations
from typing import NamedTuple

from controller.model.confined import Confined, Joining, Private, read_joining
from controller.model.desired import DesiredService, DesiredStack, Order
from controller.security.edges import Edge, declared_edges
from controller.security.former import NO_FORMER, Former

MERGE_ABOVE = 64
"""Edges up to which each has a network of its own."""
MOST = 256
"""Networks of one stack: each costs the kernel eight packet filter rules, and every later one takes longer to make."""

_SMALLEST, _LARGEST = 28, 22
_RESERVED = 3
"""Addresses of each subnet that nobody gets: its own, its broadcast, the gateway's."""
_PROXIES = 2
"""The ingress, and the one that is to take its place."""


@dataclass(frozen=True, slots=True)
class Networks:
    """`services`: what each is confined to; `all`: every network; `fault`: why that cannot be, with its mend."""

    services: Mapping[str, Confined] = field(default_factory=dict)
    all: tuple[Private, ...] = ()
    fault: tuple[str, str] | None = None


NONE = Networks()


class _Member(NamedTuple):
    """A service that has networks of its own to join."""

    service: DesiredService
    joining: Joining
    size: int


def plan_networks(stack: DesiredStack, former: Former = NO_FORMER) -> Networks:
    """Of a stack as its files say it, and of what still runs of before, as far as that can be.

    None without `networkPolicy: dependencies`.
    """
    if not stack.policy.address_pool:
        return NONE
    planned = _plan(stack, former)
    return planned if planned.fault is None or former == NO_FORMER else _plan(stack, NO_FORMER)


def _plan(stack: DesiredStack, former: Former) -> Networks:
    pool = stack.policy.address_pool
    members = _find_members(stack.services, former)
    edges = find_edges(stack.services, former)
    cover = merge_edges(edges) if len(edges) > MERGE_ABOVE else sorted(tuple(sorted(edge)) for edge in edges)
    mtu = find_mtu(member.joining for member in members.values())
    found = _with_keys(mtu, [*(_between(group, members) for group in cover), *_own(members, cover)])
    if fault := _find_fault(found, pool):
        return Networks(all=found, fault=fault)
    replaced = frozenset(name for one in members.values() for name in one.joining.replaced)
    base = Confined(stack.name, pool, (), replaced=replaced, called=_find_called(stack.name, members), mtu=mtu)
    return Networks({name: _confine(name, base, found, members) for name in members}, found)


def _find_called(project: str, members: Mapping[str, _Member]) -> frozenset[tuple[str, str]]:
    """Those whose containers are not called as Compose calls them by itself."""
    called = ((name, member.joining.container) for name, member in members.items())
    return frozenset((name, one) for name, one in called if one not in (f"{project}-{name}-1", f"{project}_{name}_1"))


def _find_members(services: Mapping[str, DesiredService], former: Former) -> dict[str, _Member]:
    return {name: _member(one) for name, one in sorted(services.items()) if _is_member(one, former)}


def _is_member(service: DesiredService, former: Former) -> bool:
    """It has networks of ours; who leaves stays where it is, for as long as it runs."""
    return _joining(service).movable and (service.leaving is None or service.name in former.staying)


def find_edges(services: Mapping[str, DesiredService], former: Former = NO_FORMER) -> frozenset[Edge]:
    """The declared ones between those that have networks; who is on another's is reached, and reaches, as that one."""
    owners = {name: owner_of(name, services, former) for name in services}
    joined = (frozenset(owners[name] for name in edge) for edge in declared_edges(services) | former.edges)
    return frozenset(edge for edge in joined if len(edge) == 2 and "" not in edge)


def owner_of(name: str, services: Mapping[str, DesiredService], former: Former = NO_FORMER) -> str:
    """Whose networks it is on; "": on none of ours."""
    seen: set[str] = set()
    while name in services and name not in seen:
        seen.add(name)
        service = services[name]
        if _is_member(service, former):
            return name
        if not _joining(service).shares or service.namespace_of is None:
            break
        name = service.namespace_of
    return ""


def _joining(service: DesiredService) -> Joining:
    return read_joining(service.template.body, service.template.networks)


def _member(service: DesiredService) -> _Member:
    update = service.update
    surge = (update.parallelism or service.replicas) if update.order is Order.START_FIRST else 1
    return _Member(service, _joining(service), service.replicas + surge)


def merge_edges(edges: Iterable[Edge]) -> list[tuple[str, ...]]:
    """Cliques that cover all edges and nothing else: each begins with the first edge that is not covered yet.

    No more than one above the most that there may be: then nothing comes of it.
    """
    graph: dict[str, set[str]] = {}
    for one, other in map(sorted, edges):
        graph.setdefault(one, set()).add(other)
        graph.setdefault(other, set()).add(one)
    covered: set[tuple[str, str]] = set()
    cliques: list[tuple[str, ...]] = []
    for edge in sorted((one, other) for one, others in graph.items() for other in others if one < other):
        if edge in covered:
            continue
        clique = list(edge)
        for other in sorted(graph[edge[0]] & graph[edge[1]]):
            if graph[other].issuperset(clique):
                clique.append(other)
        cliques.append(tuple(sorted(clique)))
        if len(cliques) > MOST:
            break
        covered.update(combinations(cliques[-1], 2))
    return cliques


def _between(group: tuple[str, ...], members: Mapping[str, _Member]) -> Private:
    key = "--".join(group) if len(group) == 2 else f"group.{_digest(group)}"
    return Private(key, "between", prefix=_fit(sum(members[name].size for name in group)), members=group)


def _own(members: Mapping[str, _Member], cover: Iterable[tuple[str, ...]]) -> Iterator[Private]:
    """What each has for itself: its way out, the ingress's way to it; a network at all, where it has no other."""
    connected = {name for group in cover for name in group}
    led = [name for name, member in members.items() if member.service.frontends]
    for name, member in members.items():
        size = member.size
        if needs_outside(member.service) or _publishes_meanwhile(member):
            yield Private(f"{name}.outside", "outside", internal=False, prefix=_fit(size), members=(name,))
        elif name not in connected and name not in led and not member.joining.kept:
            yield Private(f"{name}.alone", "alone", prefix=_fit(size), members=(name,))
        if name in led:
            yield Private(f"{name}.ingress", "ingress", prefix=_fit(size + _PROXIES), members=(name,))
    if led:
        yield Private("ingress", "way-out", internal=False)


def needs_outside(service: DesiredService) -> bool:
    """The manifest says so, or says nothing and it has a way out on its Compose networks."""
    return _joining(service).outside if service.egress is None else service.egress


def _publishes_meanwhile(member: _Member) -> bool:
    """Replicas that have the ingress's ports themselves, on a network from which a machine publishes."""
    return member.service.direct is not None and member.joining.outside


def _fit(size: int) -> int:
    """The length of the prefix of a subnet with so many addresses to give."""
    prefix = _SMALLEST
    while 2 ** (32 - prefix) - _RESERVED < size:
        prefix -= 1
    return prefix


def find_mtu(joinings: Iterable[Joining]) -> str:
    """What all networks that are replaced have; "": none is said, or not the same of all."""
    found = {mtu for joining in joinings for mtu in joining.mtus}
    return found.pop() if len(found) == 1 else ""


def _with_keys(mtu: str, found: Iterable[Private]) -> tuple[Private, ...]:
    """Each with a key of its own: of another size it is another network, and no two services' names make one key."""
    sized = [one if one.prefix == _SMALLEST else replace(one, key=f"{one.key}.{one.prefix}") for one in found]
    sized = [replace(one, key=f"{one.key}.mtu{mtu}") for one in sized] if mtu else sized
    times = Counter(one.key for one in sized)
    return tuple(
        one if times[one.key] == 1 else replace(one, key=f"{one.key}.{_digest((one.purpose, *one.members))}")
        for one in sized
    )


def _digest(words: Iterable[str]) -> str:
    return sha256("/".join(words).encode()).hexdigest()[:8]


def _find_fault(found: tuple[Private, ...], pool: str) -> tuple[str, str] | None:
    """Where nothing of it could be done."""
    if len(found) > MOST:
        message = f"networkPolicy needs more than {MOST} networks, and {MOST} is the most for one stack"
        return message, "declare fewer edges, set egress: false where nothing outside is needed, or split the stack"
    for one in found:
        if one.prefix < _LARGEST:
            message = f"more than {2 ** (32 - _LARGEST) - _RESERVED} containers may come to be on network {one.key}"
            return (
                message,
                "have fewer replicas, or fewer of them in one step (update.parallelism)",
            )
    subnet = ip_network(pool)
    needed = sum(2 ** (32 - one.prefix) for one in found)
    if isinstance(subnet, IPv4Network) and subnet.num_addresses >= needed:
        return None
    message = f"networkPolicy needs {len(found)} networks, for which the address pool {pool} is too small"
    if not isinstance(subnet, IPv4Network):
        message = f"the address pool {pool} is none of IPv4"
    return message, "set security.addressPool to a free private network, as 10.201.0.0/16"


def _confine(name: str, base: Confined, found: tuple[Private, ...], members: Mapping[str, _Member]) -> Confined:
    mine = [one for one in found if name in one.members]
    direct = tuple(sorted(mine, key=lambda one: (one.purpose != "outside", one.key)))
    led = bool(members[name].service.frontends)
    out = needs_outside(members[name].service)
    networks = tuple(one for one in direct if out or one.purpose != "outside")
    beside = tuple(one for one in found if led and one.purpose == "way-out")
    joining = members[name].joining
    return replace(base, networks=networks, direct=direct, beside=beside, own=joining.replaced | joining.kept)
