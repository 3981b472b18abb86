"""Networks by declared edges: each replica is led from those that it is on to those that it is to be on, as it runs.

First all of them are on the new ones, then each leaves the old ones: two that are to share a network share one at every
instant. Nobody is replaced for it, and whatever is to become of drift: that its networks are others is no hand's work.
The same way leads back to the Compose file's own. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from controller.decide.case import ALIVE, Case, tried_again_at
from controller.decide.identity import Known
from controller.decide.joined import is_moved, strange_networks
from controller.decide.lacking import made_with
from controller.decide.moves import Moves
from controller.decide.said import TRUE, Said
from controller.decide.touched import repairs
from controller.decide.world import World
from controller.model.confined import read_joining
from controller.model.decision import Decision
from controller.model.desired import DesiredService, Template
from controller.model.names import ReplicaId
from controller.model.observed import Replica, ReplicaPhase, ServiceView
from controller.model.routes import RouteState
from controller.model.steps import Connect, Disconnect, Restart, Start, Step

Kept = Mapping[tuple[ReplicaId, str], str]
"""Networks that a replica may not leave yet, and for whose sake."""


class Way(NamedTuple):
    """From the networks that one replica is on to those that it is to be on."""

    template: Template
    joins: tuple[str, ...]
    leaves: tuple[str, ...]
    others: tuple[str, ...] = ()
    """Those of `joins` that are another's: nobody waits for these, as they may be gone for good."""

    @property
    def is_open(self) -> bool:
        return bool(self.leaves) or not {*self.joins} <= {*self.others}


def find_way(replica: Replica, want: DesiredService, known: Known) -> Way | None:
    """None: its networks are not ours to choose."""
    if not is_moved(replica, want):
        return None  # nearly always
    template = _made_with(replica, want, known)
    joining = read_joining(template.body, template.networks)
    if not joining.movable:
        return None
    on, wanted = frozenset(replica.joined or ()), joining.replaced | joining.kept
    leaves = (on - wanted).intersection((*replica.ours, *_replaced(want)))
    return Way(template, *(tuple(sorted(names)) for names in (wanted - on, leaves, joining.kept - on)))


def _made_with(replica: Replica, want: DesiredService, known: Known) -> Template:
    """What it would be made from now."""
    if want.direct is not None and replica.revision == want.direct.revision:
        return want.direct.template
    return made_with(replica, want, known).template


def _replaced(want: DesiredService) -> frozenset[str]:
    """The Compose file's own, where others are in their place."""
    return want.confined.replaced if want.confined is not None else frozenset()


def lacks_networks(case: Case, replica: Replica) -> bool:
    """Some of those that it is to be on it is not on yet."""
    way = find_way(replica, case.want, case.known)
    return way is not None and bool({*way.joins} - {*way.others})


def is_under_way(case: Case) -> bool:
    """Some of what runs is not on all networks that it is to be on, or still on others that are ours to choose."""
    if case.want.leaving is not None:
        return False
    ways = (find_way(one, case.want, case.known) for one in case.seen.replicas if one.phase in ALIVE)
    return any(way is not None and way.is_open for way in ways)


# --- the steps


def connect_first(case: Case, moves: Moves) -> Moves:
    """The same moves; who is started is on its networks before, and has them made again where they have gone."""
    there = {replica.id: replica for replica in case.seen.replicas if is_moved(replica, case.want)}
    if not there or not any(isinstance(step, Start | Restart) and step.replica in there for step in moves.steps):
        return moves  # nearly always
    steps: list[Step] = []
    for step in moves.steps:
        replica = there.get(step.replica) if isinstance(step, Start | Restart) else None
        if replica is not None and not _was_just_refused(case) and (connect := _connect(case, replica)) is not None:
            steps.append(connect)
        if replica is not None and isinstance(step, Start):
            way = find_way(replica, case.want, case.known)
            step = replace(step, template=way.template if way is not None else None)  # noqa: PLW2901 - the same step
        steps.append(step)
    return moves._replace(steps=tuple(steps))


def _was_just_refused(case: Case) -> bool:
    trouble = case.seen.trouble
    kinds = (Connect.__name__, Disconnect.__name__)
    return trouble is not None and trouble.reason in kinds and tried_again_at(case, trouble) is not None


def move(case: Case, replica: Replica) -> Iterator[Connect | Disconnect]:
    """What brings it there, as far as it may go now: no network of another's that is gone holds up ours.

    One that Docker is about to start again is taken off none: the engine (20.10) says that it is on none meanwhile.
    """
    way = find_way(replica, case.want, case.known)
    ours = tuple(name for name in way.joins if name not in way.others) if way is not None else ()
    connect = _connect(case, replica, ours)
    if connect is not None:
        yield connect
    if not ours and replica.phase is not ReplicaPhase.RESTARTING and (step := _disconnect(case, replica)) is not None:
        yield step


def _connect(case: Case, replica: Replica, only: tuple[str, ...] = ()) -> Connect | None:
    """To all that it lacks, or these alone."""
    way = find_way(replica, case.want, case.known)
    if way is None or not way.joins:
        return None
    joins = only or way.joins
    because = f"{_WHY if case.want.confined else _BACK} is to be on {', '.join(joins)}"
    return Connect(case.want.name, replica.id, replica.number, way.template, because, joins, follows=True)


def _disconnect(case: Case, replica: Replica) -> Disconnect | None:
    """Also where a hand connected it, if that is to be set back."""
    way = find_way(replica, case.want, case.known)
    leaves = [one for one in (way.leaves if way is not None else ()) if (replica.id, one) not in case.kept_on]
    because = [f"{_WHY if case.want.confined else _BACK} has nothing to do on {', '.join(leaves)}"] if leaves else []
    strange = []
    for one in strange_networks(replica, case.want):
        if case.heals and repairs(case.want, f"Networks.{one}") and (replica.id, one) not in case.kept_on:
            strange.append(one)
            because.append(f"Networks.{one} is connected, which no edge asks for")
    if not because:
        return None
    return Disconnect(case.want.name, replica.id, replica.number, "; ".join(because), (*leaves, *strange))


_WHY, _BACK = "networkPolicy: it", "without networkPolicy it"


def move_the_down(case: Case) -> Moves:
    """Who does not run is led along, too: a `docker compose up` by hand looks at what it is on."""
    return _move_all(case, (replica for replica in case.seen.replicas if replica.phase not in ALIVE))


def move_the_orphan(case: Case) -> Moves:
    """It goes on running, and is led back where networks of ours go."""
    return _move_all(case, case.seen.replicas)


def move_the_job(case: Case, moves: Moves) -> Moves:
    """One that runs for long is led along in the middle of it, where nothing else is to be done."""
    return moves if moves.steps else moves._replace(steps=_move_all(case, case.seen.replicas).steps)


def _move_all(case: Case, replicas: Iterable[Replica]) -> Moves:
    return Moves(steps=tuple(step for replica in replicas for step in move(case, replica)))


# --- who waits for whom


def keep_on(world: World, name: str) -> Kept:
    """The networks of its replicas that somebody else of the stack needs to reach them on for now."""
    view, want = world.views.get(name), world.desired.services[name]
    if view is None or not any(is_moved(replica, want) for replica in view.replicas):
        return _NOTHING  # nearly always
    kept: dict[tuple[ReplicaId, str], str] = {}
    for replica in view.replicas:
        if (way := find_way(replica, want, world.known)) is not None:  # also of one that is about to be put up again
            leaves = frozenset((*way.leaves, *strange_networks(replica, want)))
            kept.update(_needed(world, replica, way, leaves))
            kept.update(((replica.id, network), INGRESS) for network in leaves if _is_led_by(replica, network))
    return kept


_NOTHING: Kept = {}
INGRESS = "the ingress"


def _is_led_by(replica: Replica, network: str) -> bool:
    """The ingress leads to it on that network, or may: unknown is not "not"."""
    route = replica.route
    return route is not None and (route.state is RouteState.UNKNOWN or network in route.via)


def _needed(
    world: World, replica: Replica, way: Way, leaves: frozenset[str]
) -> Iterator[tuple[tuple[ReplicaId, str], str]]:
    """Those on which is one whom it is to share another network with, and does not yet."""
    mine, on = way.template.joins(), frozenset(replica.joined or ())
    for other, view in world.views.items() if leaves else ():
        want = world.desired.services.get(other)
        if other == replica.service or want is None:
            continue
        common = mine & want.template.joins()
        for one in view.replicas:
            there = frozenset(one.joined or ())
            if common and one.phase in ALIVE and not common & on & there:
                yield from (((replica.id, network), other) for network in leaves & there)


# --- what is to be known of it


PENDING = "NetworksPending"
"""The reason of who is not on its networks alone yet; who only lacks one that is another's has `NetworkMissing`."""


def tell_unconfined(world: World, decision: Decision, view: ServiceView) -> Iterator[Said]:
    """That it reaches others than it is to, or does not reach them yet, and why that stays so for now."""
    want = world.desired.services[decision.service]
    if want.confined is None and not any(replica.ours for replica in view.replicas):
        return  # nearly always
    kept = keep_on(world, want.name)
    told = [
        line for replica in view.replicas for line in _tell_way(replica, find_way(replica, want, world.known), kept)
    ]
    if not told:
        return
    trouble = view.trouble
    if trouble is not None and trouble.reason in (Connect.__name__, Disconnect.__name__):
        told.append(trouble.message)
    yield Said("Unconfined", TRUE, PENDING if decision.unconfined else "NetworkMissing", "; ".join(told))


def _tell_way(replica: Replica, way: Way | None, kept: Kept) -> Iterator[str]:
    if way is None or replica.phase not in ALIVE:
        return
    if way.joins:
        yield f"{replica.name} is not on {', '.join(way.joins)}"
    for network in way.leaves:
        whom = kept.get((replica.id, network))
        again = ", until it runs again" if replica.phase is ReplicaPhase.RESTARTING else ""
        yield f"{replica.name} is on {network}" + (f", for the sake of {whom}" if whom else again)
