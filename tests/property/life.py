"""A world as a value: a stack, how its containers behave, what fails, and everything that happens to it, dated.

Chance has spoken when a life is drawn; living it is the same every time, so that it can be replayed and shrunk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from controller.engines.simulated_behaviour import Behaviour, crash_after
from controller.engines.simulated_faults import Faults
from controller.engines.simulated_hands import Hands
from controller.model.decision import Hold
from controller.model.desired import DesiredStack, Leaving
from controller.model.names import ReplicaId, Revision
from controller.model.observed import ServiceView
from controller.model.timings import Timings
from tests.builders import NOW, template
from tests.property.play import Play


@dataclass(frozen=True, slots=True)
class Event:
    """At `at` seconds somebody does something: `act` is a method of `Fate`.

    `number` picks a container, gives a number of replicas, of a revision or of seconds; `lasts`: seconds until it is
    taken back.
    """

    at: float
    act: str
    service: str = ""
    number: float = 0
    lasts: float = 0.0


@dataclass(frozen=True, slots=True)
class Life:
    """`events` in any order; `until`: seconds after which it is judged; `behaviours` by service and revision."""

    stack: DesiredStack
    timings: Timings
    events: tuple[Event, ...] = ()
    behaviours: Mapping[tuple[str, str], Behaviour] = field(default_factory=dict)
    faults: Faults | None = None
    views: Mapping[str, ServiceView] | None = None
    until: float = 600.0

    def named(self, act: str) -> tuple[Event, ...]:
        return tuple(event for event in self.events if event.act == act)


def begin(life: Life) -> Play:
    """A play in which everything of this life will happen; time stands at the beginning."""
    play = Play(life.stack, life.timings, life.faults, life.views)
    for (service, revision), behaviour in life.behaviours.items():
        play.simulation.behave(service, behaviour, Revision(revision))
    fate = Fate(play)
    for event in life.events:
        play.at(NOW + event.at, lambda event=event: fate.strike(event))
    return play


class Fate:
    """What happens to a stack from outside. Who is not there (any more) is left alone."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.hands = Hands(play.simulation)

    def strike(self, event: Event) -> None:
        if not event.service or event.service in self.play.world.desired.services:
            getattr(self, event.act)(event)

    # --- people and accidents

    def kill(self, event: Event) -> None:
        for replica in self._pick(event):
            self.hands.kill(replica, self.play.now)

    def crash(self, event: Event) -> None:
        for replica in self._pick(event):
            self.hands.crash(replica, self.play.now)

    def remove(self, event: Event) -> None:
        for replica in self._pick(event):
            self.hands.remove(replica, self.play.now)

    def freeze(self, event: Event) -> None:
        for replica in self._pick(event):
            self.hands.pause(replica, self.play.now)

    def sicken(self, event: Event) -> None:
        for replica in self._pick(event):
            self.hands.sicken(replica, self.play.now)

    def spoil(self, event: Event) -> None:
        """From now on, new containers of the revision of that number exit as soon as they run."""
        self.play.simulation.behave(event.service, crash_after(0.3), Revision(f"v{event.number:g}"))

    # --- the controller, its clock and its person

    def die(self, event: Event) -> None:
        """The controller is killed and comes back at once, or after `lasts` seconds."""
        self.play.restart(event.lasts)

    def fall(self, event: Event) -> None:
        """The controller is killed at the `number`-th place between a write or call and the next one, from here."""
        self.play.deadly = {*self.play.deadly, self.play.points + int(event.number)}

    def set_clock(self, event: Event) -> None:
        """By `number` seconds, back or forth, for engine and controller alike."""
        self.play.set_clock(event.number)

    def stop(self, event: Event) -> None:
        self.play.wish(event.service, stopped="StoppedByUser")
        self._later(event, lambda: self._wish(event.service, stopped=""))

    def pause(self, event: Event) -> None:
        self.play.wish(event.service, paused=True)
        self._later(event, lambda: self._wish(event.service, paused=False))

    def hold(self, event: Event) -> None:
        """The whole stack is left as it is."""
        self.play.put_on_hold(Hold("AdoptionHeld", "somebody is to be asked"))
        self._later(event, lambda: self.play.put_on_hold(None))

    # --- newer generations

    def edit(self, event: Event) -> None:
        """The revision of that number is wanted."""
        self._change(event.service, revision=Revision(f"v{event.number:g}"))

    def scale(self, event: Event) -> None:
        self._change(event.service, replicas=int(event.number))

    def leave(self, event: Event) -> None:
        """Out of the profile, and back again."""
        before = self.play.world.desired.services[event.service]
        if before.leaving is None:
            self._change(event.service, leaving=Leaving.OUT_OF_PROFILE, replicas=0)
            self._later(event, lambda: self._change(event.service, leaving=None, replicas=before.replicas))

    def _change(self, name: str, **fields: object) -> None:
        desired = self.play.world.desired
        if name not in desired.services:
            return
        changed = replace(desired.services[name], **fields)
        made = template(name, changed.revision, namespace_of=changed.namespace_of)
        services = {**desired.services, name: replace(changed, template=made)}
        self.play.retarget(replace(desired, services=services, generation=desired.generation + 1))

    def _wish(self, name: str, **fields: object) -> None:
        if name in self.play.world.desired.services:
            self.play.wish(name, **fields)

    def _later(self, event: Event, act: object) -> None:
        if event.lasts > 0.0:
            self.play.at(self.play.now - self.play.shifted + event.lasts, act)

    def _pick(self, event: Event) -> tuple[ReplicaId, ...]:
        records = list(self.play.simulation.containers.of(event.service))
        return (records[int(event.number) % len(records)].base.id,) if records else ()
