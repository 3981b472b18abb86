"""Which connections to try, so that their answers show who reaches whom. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address
from itertools import permutations
from typing import NamedTuple

from controller.model.desired import DesiredService
from controller.model.reach import Answer, By, HostPort, Knock, Knocked, Spot, Via
from controller.security.edges import Edge, declared_edges
from controller.security.networks import find_edges, owner_of

MOST_PORTS = 16
"""Of one service that are tried."""

NOBODYS = 9
"""Tried of a service that listens nowhere: a refusal tells as well that the way there is open."""


MOST_KNOCKS = 500_000
"""Of one check. Where all are silent they take 40 min."""


class Wanted(NamedTuple):
    """A pair that was asked for; `port` None: every port."""

    source: str
    target: str
    port: int | None = None


class Route(NamedTuple):
    """One way from a replica to a port of another's."""

    knock: Knock
    by: By
    via: Via
    network: str = ""


@dataclass(frozen=True)
class Question:
    """One stack's services, its running replicas, and which pairs are asked for (none: all)."""

    services: Mapping[str, DesiredService]
    spots: Sequence[Spot]
    enforced: bool = False
    wanted: tuple[Wanted, ...] = ()

    @cached_property
    def _edges(self) -> frozenset[Edge]:
        """Under the policy with those between the services whose networks they are on."""
        declared = declared_edges(self.services)
        return declared | find_edges(self.services) if self.enforced else declared

    def declares(self, source: str, target: str) -> bool:
        """An edge joins them, under the policy also as those in whose namespaces they are."""
        if frozenset((source, target)) in self._edges:
            return True
        owners = [owner_of(name, self.services) for name in (source, target)] if self.enforced else [""]
        return "" not in owners and (owners[0] == owners[1] or frozenset(owners) in self._edges)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Services of which something runs."""
        return tuple(sorted(self._by_service))

    @cached_property
    def _by_service(self) -> Mapping[str, tuple[Spot, ...]]:
        found: dict[str, list[Spot]] = defaultdict(list)
        for spot in self.spots:
            found[spot.service].append(spot)
        return {name: tuple(spots) for name, spots in found.items()}

    def of(self, service: str) -> tuple[Spot, ...]:
        return self._by_service.get(service, ())

    def needs(self, source: str, target: str) -> bool:
        """It is `source` that depends on, or connects to, `target`."""
        service = self.services.get(source)
        return service is not None and (target in service.needs or target in service.connects_to)

    def name_of(self, spot: Spot) -> str:
        """By which it is found: of one in another's namespace, the other's; "": by none of ours."""
        return spot.service if spot.space == spot.replica else self._by_replica.get(spot.space, "")

    @cached_property
    def _by_replica(self) -> Mapping[str, str]:
        return {spot.replica: spot.service for spot in self.spots}

    def ports(self, target: str) -> tuple[int, ...]:
        """That are tried: published ones first where there are too many."""
        heard = {port for spot in self.of(target) for port in spot.ports}
        published = {one.target for spot in self.of(target) for one in spot.published}
        kept = sorted(heard, key=lambda port: (port not in published, port))[:MOST_PORTS]
        return tuple(sorted(kept))

    @cached_property
    def size(self) -> int:
        """About how many connections it takes, at most; found out without going through the pairs of all."""
        if not self.wanted:
            return len(self.spots) * sum(self._weight(name, None) for name in self.names)
        return sum(len(self.of(pair.source)) * self._weight(pair.target, pair.port) for pair in self.wanted)

    def _weight(self, target: str, port: int | None) -> int:
        """How many tell all of one replica's way to it."""
        ports = 1 if port else len(self.ports(target)) or 1
        return ports * sum(max(1, sum(map(len, spot.addresses.values()))) for spot in self.of(target))

    def notes(self) -> Iterator[str]:
        """What is left out, or only taken for granted, for people."""
        for name in sorted({target for _, target, _ in self.asked}):
            many = len({port for spot in self.of(name) for port in spot.ports})
            if many > MOST_PORTS:
                yield f"{name} listens on {many} ports, of which {MOST_PORTS} were tried"
            if not all(spot.heard for spot in self.of(name)):
                yield f"on which ports {name} listens cannot be seen: those that its definition names were tried"

    @cached_property
    def asked(self) -> tuple[Wanted, ...]:
        """Each pair with its ports."""
        pairs = self.wanted or tuple(Wanted(source, target) for source, target in permutations(self.names, 2))
        ports = {pair.target: self.ports(pair.target) or (None,) for pair in pairs}
        every = (
            Wanted(pair.source, pair.target, port)
            for pair in pairs
            for port in ((pair.port,) if pair.port else ports[pair.target])
        )
        return tuple(dict.fromkeys(every))


def plan_knocks(question: Question) -> tuple[Knock, ...]:
    """Every connection whose answer `judge` wants to know."""
    routes = (
        route.knock
        for pair in question.asked
        for source in question.of(pair.source)
        for target in question.of(pair.target)
        for route in find_routes(question, pair, source, target)
    )
    return tuple(dict.fromkeys(routes))


def plan_again(question: Question, answers: Mapping[Knock, Knocked]) -> tuple[Knock, ...]:
    """What is tried with more patience before it counts: of needed ones, on a shared network, those that nobody
    answered; and those that came through where no network is shared, since Docker opens all of its bridges to each
    other for an instant whenever anybody makes a network."""
    found = dict.fromkeys(
        route.knock
        for pair in question.asked
        for source in question.of(pair.source)
        for target in question.of(pair.target)
        for route in find_routes(question, pair, source, target)
        if _is_doubtful(question.needs(pair.source, pair.target), route, shared_networks(source, target), answers)
    )
    return tuple(found)


def _is_doubtful(needed: bool, route: Route, shared: Collection[str], answers: Mapping[Knock, Knocked]) -> bool:
    answer = answer_to(answers, route.knock).answer
    if not shared:
        return route.via is Via.NETWORK and answer in (Answer.OPEN, Answer.REFUSED)
    on_it = route.by is By.NAME or route.network in shared
    return needed and on_it and answer in (Answer.SILENT, Answer.NAMELESS)


def shared_networks(source: Spot, target: Spot) -> tuple[str, ...]:
    """Networks that both are on, by Docker's names."""
    return tuple(sorted(source.addresses.keys() & target.addresses.keys()))


def find_routes(question: Question, pair: Wanted, source: Spot, target: Spot) -> tuple[Route, ...]:
    """How `source` could come to that port of `target`; none where both are in one namespace, which needs no trying."""
    if source.space == target.space:
        return ()
    return tuple(_routes(question, pair, source, target))


def _routes(question: Question, pair: Wanted, source: Spot, target: Spot) -> Iterator[Route]:
    port = pair.port or NOBODYS
    if target.on_host:
        for host in source.gateways:
            yield Route(Knock(source.replica, host, port), By.ADDRESS, Via.HOST)
        return
    for network, addresses in sorted(target.addresses.items()):
        for host in addresses:
            yield Route(Knock(source.replica, host, port), By.ADDRESS, Via.NETWORK, network)
    name = question.name_of(target)
    if name and question.needs(pair.source, pair.target) and not source.on_host and target.addresses:
        yield Route(Knock(source.replica, name, port), By.NAME, Via.NETWORK)
    if not question.declares(pair.source, pair.target):
        for host, number in _around(source, target, port):
            yield Route(Knock(source.replica, host, number), By.ADDRESS, Via.HOST)


def _around(source: Spot, target: Spot, port: int) -> Iterator[tuple[str, int]]:
    """Addresses of the machine that lead to that port; one of its loopback leads no container anywhere."""
    for one in target.published:
        if one.target == port:
            yield from ((host, one.number) for host in _hosts(one, source.gateways))


def _hosts(published: HostPort, gateways: Collection[str]) -> Collection[str]:
    if published.host_ip in ("", "0.0.0.0", "::"):  # noqa: S104 - compared, never bound
        six = published.host_ip == "::"
        return [host for host in gateways if not published.host_ip or (":" in host) == six]
    return () if ip_address(published.host_ip).is_loopback else (published.host_ip,)


def answer_to(answers: Mapping[Knock, Knocked], knock: Knock) -> Knocked:
    """UNKNOWN where it was not tried."""
    return answers.get(knock, Knocked(Answer.UNKNOWN, None, "it was not tried"))
