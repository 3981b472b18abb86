"""What is to be behind one stack's ingress: it follows from what is wanted, and from what runs still. Pure.

A release may have other ports than the one before, or none behind the ingress: what runs is led to where it listens,
for as long as it runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from controller.decide.case import ALIVE
from controller.decide.identity import Known, made_from, publishes_itself
from controller.decide.lacking import made_with
from controller.decide.world import World
from controller.ingress.proxy import Wanted
from controller.ingress.routes import Targets
from controller.model.desired import DesiredService
from controller.model.names import ReplicaId
from controller.model.observed import Health, Replica, ReplicaPhase, ServiceView
from controller.model.routes import Frontend, RouteState

PLAIN = Wanted((), ())


@dataclass(frozen=True, slots=True)
class Plan:
    """What the proxy is to do: `wanted` now; `coming` as soon as those have gone that have its host ports still."""

    wanted: Wanted
    coming: Wanted | None = None


class Behind(NamedTuple):
    """One service before its ingress: what it aims at, its replicas, and what each of them was made from.

    `runs`: it is to have replicas; `updates`: they are being replaced; `paused`: a person wants it left as it is.
    """

    want: DesiredService
    view: ServiceView
    known: Known
    frontends: tuple[Frontend, ...]
    runs: bool = True
    updates: bool = False
    paused: bool = False

    @property
    def replicas(self) -> tuple[Replica, ...]:
        return tuple(replica for replica in self.view.replicas if replica.phase is not ReplicaPhase.REMOVING)

    def is_in(self, wanted: Wanted | None) -> bool:
        return wanted is not None and any(front.service == self.want.name for front in wanted.frontends)

    def fronts_of(self, replica: Replica) -> tuple[Frontend, ...]:
        return made_from(replica, self.want, self.known).frontends or self.want.frontends or self.frontends

    @property
    def claimed(self) -> tuple[Frontend, ...]:
        """All frontends that the service has, had or is to have."""
        every = [*self.frontends, *self.want.frontends, *(f for r in self.view.replicas for f in self.fronts_of(r))]
        return tuple(dict.fromkeys(every))

    @property
    def own(self) -> tuple[Replica, ...]:
        """Those that have, or would have, a host port of it themselves."""
        asked = replace(self.want, frontends=self.claimed)
        return tuple(replica for replica in self.replicas if publishes_itself(replica, asked))

    @property
    def led(self) -> tuple[Replica, ...]:
        """Those that run and can be reached through a proxy alone."""
        own = {replica.id for replica in self.own}
        return tuple(replica for replica in self.replicas if replica.phase in ALIVE and replica.id not in own)


def see_behind(world: World, views: Mapping[str, ServiceView]) -> Mapping[str, Behind]:
    """Of the services of these views every one that has to do with the ingress, by name."""
    found = {}
    for name, view in views.items():
        if (want := world.desired.services.get(name)) is None:
            continue
        one = _see_one(want, view, world)
        if one.claimed:
            found[name] = one
    return found


def _see_one(want: DesiredService, view: ServiceView, world: World) -> Behind:
    decision = world.decisions.get(want.name)
    if decision is None:
        return Behind(want, view, world.known, want.frontends, want.leaving is None and want.replicas > 0)
    updates, paused = decision.history.updating, decision.history.paused
    return Behind(want, view, world.known, decision.frontends, decision.desired > 0, updates, paused)


def plan_ingress(services: Mapping[str, Behind], before: Wanted | None, template: Wanted = PLAIN) -> Plan | None:
    """What the proxy is to do. `template`: what of it does not follow from services.

    Behind the ingress is a service whose replicas do not publish their ports themselves; once it is, it stays.

    None: the first look was half a look, which does not say what a proxy that runs already is for.

    While one of them still has a host port, the proxy cannot; it is prepared, so that only its start is left. Where all
    would have their own, and have ended, they are to come back as they were. What leaves the ingress stays behind it
    until one comes that has its own port, or none runs any more.
    """
    if before is None and not all(one.view.complete for one in services.values()):
        return None
    already = {front.service for front in before.frontends} if before is not None else set()
    now: list[Behind] = []
    soon: list[Behind] = []
    for name, one in services.items():
        own, others = one.own, len(one.replicas) - len(one.own)
        if not one.view.complete:
            now += [one] if name in already else []
        elif any(replica.phase in ALIVE for replica in own):
            soon += [one] if one.frontends and one.runs and (others or one.updates) else []
        elif (one.frontends and one.runs and (name in already or others)) or (one.led and not own):
            now.append(one)
    wanted = _want(now, before, template)
    return Plan(wanted, _want([*now, *soon], before, template) if soon else None)


def _want(services: Sequence[Behind], before: Wanted | None, template: Wanted) -> Wanted:
    fronts = sorted({front for one in services for front in lay_out(one)})
    networks = sorted({network for one in services for network in _find_networks(one, before)})
    confined = (one.want.confined for one in services)
    replaced = frozenset(name for one in confined if one is not None for name in one.replaced)
    replaced -= set(networks)
    return replace(template, frontends=tuple(fronts), networks=tuple(networks), replaced=replaced)


def _find_networks(one: Behind, before: Wanted | None) -> Iterator[str]:
    """Those of its definitions; of one that is left where it is those on which it is led to now. While the proxy does
    not say which those are, they are among those `before`."""
    routes = [replica.route for replica in one.led]
    ways = [route.via if route is not None else () for route in routes]
    unsure = any(route is not None and route.state is RouteState.UNKNOWN for route in routes)
    if one.paused and unsure and before is not None and one.is_in(before):
        yield from before.networks
    elif one.paused and ways and all(ways):
        yield from (network for via in ways for network in via)
    else:
        yield from (network for want in _definitions(one) for network in want.networks)


def _definitions(one: Behind) -> Iterator[DesiredService]:
    yield one.want
    yield from (made_with(replica, one.want, one.known) for replica in one.led)


def lay_out(one: Behind) -> tuple[Frontend, ...]:
    """What is asked for; of a service that leaves the ingress what still runs behind it."""
    return one.frontends or tuple(dict.fromkeys(front for replica in one.led for front in one.fronts_of(replica)))


def find_targets(services: Mapping[str, Behind]) -> Targets:
    """Where each replica behind the ingress listens for what comes to a host port, if that is elsewhere than asked."""
    found: dict[ReplicaId, Mapping[int, int]] = {}
    for one in services.values():
        asked = {(front.host_port, front.host_ip): front.target for front in lay_out(one)}
        for replica in one.led:
            own = {(front.host_port, front.host_ip): front.target for front in one.fronts_of(replica)}
            other = {target: own[place] for place, target in asked.items() if own.get(place, target) != target}
            if other:
                found[replica.id] = other
    return found


def first_routes(services: Mapping[str, Behind]) -> Mapping[ReplicaId, RouteState]:
    """Where there was no proxy, whoever is ready is led to at once."""
    return {
        replica.id: RouteState.IN if _is_ready(replica) else RouteState.OUT
        for one in services.values()
        for replica in one.view.replicas
    }


def _is_ready(replica: Replica) -> bool:
    return replica.running and (replica.health is Health.NONE or replica.ready_since is not None)
