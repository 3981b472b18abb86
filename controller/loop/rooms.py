"""What the machine has for each of the stacks that share it. Only the loop's thread asks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from controller.decide.leeway import plus
from controller.decide.world import World
from controller.model.names import Instant, ReplicaId
from controller.model.observed import Replica
from controller.model.resources import NO_ROOM_KNOWN, NOTHING, Admission, Amount, Limit, Reserve, Room
from controller.model.room import Facts
from controller.resources.survey import Surveyed

RECENT = 1.0
"""Seconds for which what was seen of the machine holds, while somebody is to start."""

AGAIN = 2.0
"""Seconds after which is looked again whether there is room, while somebody waits for it: nothing tells of that."""

LookAt = Callable[[Collection[Replica]], Surveyed]
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

    @property
    def facts(self) -> Facts | None:
        """What was seen of the machine last."""
        return None if self._seen is None else self._seen.facts

    def measure(self, world: World) -> frozenset[str]:
        """Say what there is for this stack now. The services that wait for room, if there is more than before."""
        if self._look is None or world.desired.policy.admission is Admission.OFF:
            return frozenset()
        before = world.room
        if abs(self._now() - self._seen_at) > RECENT:
            self._survey(self._look)
        world.room = self._room_of(world)
        return frozenset(world.short) if _has_more(before, world.room) else frozenset()

    def _survey(self, look: LookAt) -> None:
        asked = any(world.most != NOTHING for world in self._worlds.values())
        self._seen = look(tuple(_running(self._worlds.values())) if asked else ())
        self._seen_at = self._now()
        for name, world in self._worlds.items():
            world.measure(self._room_of(world), self._learned(name))

    def _room_of(self, world: World) -> Room:
        """What is available, with what all of ours use, but for what the other stacks were promised."""
        if self._seen is None:
            return NO_ROOM_KNOWN
        facts, used = self._seen
        others = NOTHING
        for other in self._worlds.values():
            if other is not world:
                others = plus(others, other.total)
        return make_room(facts, used, others, world.desired.policy.reserve)


def make_room(facts: Facts, used: Mapping[ReplicaId, int], others: Amount, reserve: Reserve) -> Room:
    """Pure. Where nobody tells what is available, all that the machine has is taken to be."""
    total, available = facts.memory_total, facts.memory_available
    whole = total if available is None else available + sum(used.values())
    memory = None if whole is None else whole - reserve.memory - others.memory
    cpu = None if facts.cores is None else facts.cores - reserve.cpu - others.cpu
    disk = None if facts.disk_free is None else facts.disk_free - reserve.disk
    if facts.inodes_free == 0:
        disk = min(0, disk or 0)
    return Room(
        memory=memory,
        cpu=cpu,
        disk=disk,
        most=Limit(
            None if total is None else total - reserve.memory,
            None if facts.cores is None else facts.cores - reserve.cpu,
        ),
        used=used,
        reserve=reserve,
    )


def _has_more(before: Room, now: Room) -> bool:
    """In any respect; what is not known any more bounds nobody."""
    pairs = ((before.memory, now.memory), (before.cpu, now.cpu), (before.disk, now.disk))
    return any(then is not None and (there is None or there > then) for then, there in pairs)


def _running(worlds: Iterable[World]) -> Iterable[Replica]:
    for world in worlds:
        for view in world.views.values():
            yield from (replica for replica in view.replicas if replica.running)
