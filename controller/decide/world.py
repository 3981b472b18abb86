"""All that deciding a stack looks at, kept per service and replaced per service, never rebuilt as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from controller.decide.demand import NOBODY_HELD, Held, Scales, count_held, first_places, most_of
from controller.decide.graph import Graph, build_graph
from controller.decide.identity import Known
from controller.decide.strays import Strays
from controller.decide.tally import Tally
from controller.model.decision import Decision, History, Hold, Offers
from controller.model.desired import DesiredStack, StartupMode
from controller.model.names import Instant, Release
from controller.model.observed import ServiceView
from controller.model.resources import NO_ROOM_KNOWN, NOTHING, Amount, Room
from controller.model.steps import Row

WATCH_AFTER_RECONNECT = 5.0
"""Seconds after a reconnect to the engine in which what fell over is only watched."""


@dataclass(slots=True)
class World:
    """One stack. The loop (or a rehearsal) owns it; a pass only reads it and returns what is to be absorbed.

    `busy`: services with calls in flight. `fetching`: services and the images that are pulled or built for them: that
    takes long, and holds up nothing but what needs the image. `only`: services that a person selected (None: all).
    `started`: `controller start` lifted `autoStart: false`. `heals_at`: until then what fell over is only watched.
    `hurried`: services that a person stops without grace (`stop --now`). `slots`: services that may be starting at once
    for the machine's sake (None: as many as there are).

    `room`: what the machine has for all of them; `learned`: bytes that a replica of each service usually uses at most.
    `tally`: what each has of that; `most`: what all could come to have; `short`: services that wait for room.
    `raised`: bytes by which memory limits were raised since the machine was looked at.
    `parting`: services that stay on a network for the sake of others, until those can do without.
    `has_exclusive`: some have volumes that nobody else may have at once.
    `views` change by `see`, and by `adopt`, which wants something else too: `strays` are found anew by either.
    """

    desired: DesiredStack
    graph: Graph
    turns: Mapping[str, int]
    """Who gets a free start slot first: by priority, then the longest way ahead (or in order)."""
    views: dict[str, ServiceView] = field(default_factory=dict)
    histories: dict[str, History] = field(default_factory=dict)
    offers: dict[str, Offers] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    starting: set[str] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)
    busy: set[str] = field(default_factory=set)
    fetching: set[Row] = field(default_factory=set)
    hold: Hold | None = None
    only: frozenset[str] | None = None
    started: bool = False
    heals_at: Instant | None = None
    hurried: frozenset[str] = frozenset()
    slots: int | None = None
    known: Known = field(default_factory=dict)
    settled: Mapping[str, Release] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    room: Room = NO_ROOM_KNOWN
    learned: Mapping[str, int] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    most: Amount = NOTHING
    raised: int = 0
    short: set[str] = field(default_factory=set)
    parting: set[str] = field(default_factory=set)
    has_exclusive: bool = False
    strays: Strays = field(default_factory=Strays)

    def see(self, views: Mapping[str, ServiceView]) -> None:
        """These services were looked at."""
        self.views.update(views)
        self.strays.note(views)

    def sees(self, name: str) -> bool:
        """Whether the last look at the service was whole; nothing may be concluded from half a list."""
        view = self.views.get(name)
        return view is not None and view.complete

    @property
    def limit(self) -> int | None:
        """Services that may be starting at once; None: no bound."""
        return min((bound for bound in (self.chosen_limit, self.slots) if bound is not None), default=None)

    @property
    def chosen_limit(self) -> int | None:
        """The same by the manifest alone, which holds for what is healed too."""
        policy = self.desired.policy
        return 1 if policy.mode is StartupMode.SEQUENTIAL else policy.max_parallel

    def rank(self, name: str) -> float:
        """The higher, the sooner its calls are made: the seconds of the longest way ahead, else its place in order."""
        ahead = self.desired.policy.optimization.longest_path_first
        return self.graph.rank[name] if ahead else -float(self.graph.index[name])

    @property
    def awaits_image(self) -> bool:
        """Whether an image is on its way that is wanted still."""
        wanted = ((self.desired.services.get(name), image) for name, image in self.fetching)
        return any(want is not None and want.leaving is None and want.image == image for want, image in wanted)

    def acts_on(self, name: str) -> bool:
        """Whether any call for the service is in flight."""
        return name in self.busy or any(service == name for service, _ in self.fetching)

    def remember(self, name: str, history: History) -> None:
        """What is remembered of one service from now on."""
        self.histories[name] = history
        (self.failed.add if history.failed else self.failed.discard)(name)

    def forget(self, names: Iterable[str]) -> None:
        """These services are gone for good."""
        for name in names:
            self.histories.pop(name, None)
            self.failed.discard(name)

    def absorb(self, decisions: Mapping[str, Decision]) -> None:
        """Take over what a pass decided."""
        for name, decision in decisions.items():
            self.remember(name, decision.history)
            self.offers[name] = decision.offers
            self.decisions[name] = decision
            note_slot(decision, self.starting, self.waiting)
            (self.short.add if decision.short else self.short.discard)(name)
            (self.parting.add if decision.parts_from else self.parting.discard)(name)
            if self.counts:
                self.count(name, decision, self.tally)

    @property
    def counts(self) -> bool:
        """Whether it matters what each of them has."""
        return self.room.bounds_starts or self.has_exclusive

    def measure(self, room: Room, learned: Mapping[str, int]) -> None:
        """The machine was looked at again."""
        self.room, self.learned, self.raised = room, learned, 0
        self.recount()

    def recount(self) -> None:
        """Something else is wanted, or is known of what there was."""
        services = self.desired.services
        self.has_exclusive = any(want.claims.exclusive for want in services.values())
        self.most = most_of(services.values(), self.scales)
        if self.counts:
            for name in services:
                self.count(name, self.decisions.get(name), self.tally)
        self.tally.keep_only(services)

    def count(self, name: str, decision: Decision | None, tally: Tally) -> tuple[Held, Held]:
        """Note what a service has by this decision; what it had before, and has now. Who is new has what ran once."""
        want, view = self.desired.services.get(name), self.views.get(name)
        if want is None:
            return NOBODY_HELD, NOBODY_HELD
        known = tally.find(name)
        before = first_places(want, view, self.histories.get(name)) if known is None else known
        now = count_held(want, view, decision, before, self.scales)
        return tally.note(name, now), now

    @property
    def scales(self) -> Scales:
        return Scales(self.known, self.room.used, self.learned, self.room.most.memory)

    def adopt(self, desired: DesiredStack, seconds: Callable[[str], float] = lambda _: 1.0) -> None:
        """A newer generation takes the place of the present one; what was seen and learned stays."""
        for name, service in desired.services.items():
            before = self.desired.services.get(name)
            if name in self.offers and (before is None or before.revision != service.revision):
                self.offers[name] = self.offers[name]._replace(settled=False, updated=False)
        self.desired = desired
        self.graph = build_graph({name: service.needs for name, service in desired.services.items()}, seconds)
        self.turns = _rank_turns(desired, self.graph)
        gone = set(self.decisions) - set(desired.services)
        for name in gone:
            for memory in (self.decisions, self.offers, self.views):
                memory.pop(name, None)
            self.starting.discard(name)
            self.waiting.discard(name)
            self.short.discard(name)
            self.parting.discard(name)
        self.recount()


def make_world(desired: DesiredStack, seconds: Callable[[str], float] = lambda _: 1.0) -> World:
    """A world in which nothing has been seen yet. `seconds`: usual time to ready, for the critical path."""
    graph = build_graph({name: service.needs for name, service in desired.services.items()}, seconds)
    world = World(desired, graph, _rank_turns(desired, graph))
    world.measure(NO_ROOM_KNOWN, {})
    return world


def _rank_turns(desired: DesiredStack, graph: Graph) -> Mapping[str, int]:
    policy = desired.policy
    in_order = policy.mode is StartupMode.SEQUENTIAL or not policy.optimization.longest_path_first

    def turn_of(name: str) -> tuple[int, float, int]:
        ahead = 0.0 if in_order else -graph.rank[name]
        return (-desired.services[name].priority, ahead, graph.index[name])

    return {name: number for number, name in enumerate(sorted(graph.order, key=turn_of))}


def note_slot(decision: Decision, starting: set[str], waiting: set[str]) -> None:
    """Who holds a start slot and who waits for one, after this decision."""
    name = decision.service
    (waiting.add if decision.denied else waiting.discard)(name)
    (starting.add if decision.starting and not decision.denied else starting.discard)(name)
