"""What the machine has for each of the stacks that share it. Only the loop's thread asks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from controller.decide.leeway import fits, minus, plus, times
from controller.decide.world import World
from controller.model.names import Instant
from controller.model.observed import Replica
from controller.model.resources import NO_ROOM_KNOWN, NOTHING, Admission, Amount, Room
from controller.model.room import Facts
from controller.resources.room import make_room
from controller.resources.survey import Surveyed

RECENT, LONG = 1.0, 15.0
"""Seconds for which what was seen of the machine holds: where somebody is to start and may not fit, and elsewhere."""

AGAIN = 2.0
"""Seconds after which is looked again whether there is room, while somebody waits for it: nothing tells of that."""

SELDOM = 30.0
"""The same where everybody wants more than the machine has as a whole: that takes another machine."""

LookAt = Callable[[Collection[Replica]], Surveyed | None]
Learned = Callable[[str], Mapping[str, int]]
"""Bytes that one replica of each service of a stack usually uses at most."""


class Rooms:
    """`look`: sees the machine with these replicas on it; None: nothing is known of it, and nobody is bounded."""

    def __init__(self, look: LookAt | None, now: Callable[[], Instant], learned: Learned = lambda _: {}) -> None:
        self._look, self._now, self._learned = look, now, learned
        self._worlds: dict[str, World] = {}
        self._seen: Surveyed | None = None
        self._seen_at = float("-inf")

    def add(self, world: World) -> None:
        """From now on its replicas count. The same world for as long as the stack is kept."""
        self._worlds[world.desired.name] = world
        if self._seen is not None:
            world.measure(self._room_of(world), self._learned(world.desired.name))

    @property
    def facts(self) -> Facts | None:
        """What was seen of the machine last."""
        return None if self._seen is None else self._seen.facts

    def before(self, world: World) -> None:
        """Say what there is for this stack, which is about to be decided: by a new look only where that matters."""
        if world.desired.policy.admission is Admission.ENFORCE:
            self._measure(world, LONG if self._is_ample(world) else RECENT)

    def after(self, world: World) -> None:
        """The same for a stack that is only told, once what was decided is under way."""
        if world.desired.policy.admission is Admission.WARN and world.most != NOTHING:
            self._measure(world, LONG)

    def _measure(self, world: World, recent: float) -> None:
        if self._look is None:
            return
        if abs(self._now() - self._seen_at) > recent:
            self._survey(self._look)
        world.room = self._room_of(world)

    def _survey(self, look: LookAt) -> None:
        asked = any(world.most != NOTHING for world in self._worlds.values())
        self._seen = look(tuple(_running(self._worlds.values())) if asked else ())
        self._seen_at = self._now()
        for name, world in self._worlds.items():
            world.measure(self._room_of(world), self._learned(name))

    def _room_of(self, world: World) -> Room:
        if self._seen is None:
            return NO_ROOM_KNOWN
        others = NOTHING
        for other in self._worlds.values():
            if other is not world:
                others = plus(others, _promised(other))
        return make_room(*self._seen, others, world.desired.policy.reserve)

    @staticmethod
    def _is_ample(world: World) -> bool:
        """By what was seen last: all could start twice over."""
        room = world.room
        if room.memory is None or room.cpu is None:
            return False
        left = minus(Amount(room.memory, room.cpu), plus(world.tally.total, world.tally.vacant))
        return fits(times(2, world.most), left)


def _promised(world: World) -> Amount:
    """What its services have, or will have once anybody has looked at them."""
    if world.views:
        return plus(world.tally.total, world.tally.vacant)
    return Amount(world.most.memory // 2, world.most.cpu / 2)


def _running(worlds: Iterable[World]) -> Iterable[Replica]:
    for world in worlds:
        for view in world.views.values():
            yield from (replica for replica in view.replicas if replica.running)
