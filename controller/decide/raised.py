"""Whether the machine has room for what a limit is to be raised by. Pure."""

from __future__ import annotations

from controller.decide.case import ALIVE
from controller.decide.leeway import tell_kept
from controller.decide.world import World
from controller.model.quantities import tell_octets
from controller.model.resources import Admission


def find_no_room_to_raise(world: World, name: str, before: float, after: float) -> str:
    """Why the memory limit of a service is not raised from `before` to `after` bytes; "": there is room, or no bound.

    Who is at its limit will soon use all of a higher one: that is not there for who was promised it.
    """
    room = world.room
    if world.desired.policy.admission is not Admission.ENFORCE or room.memory is None or after <= before:
        return ""
    taken = world.tally.total.memory + world.tally.vacant.memory + world.raised
    more, free = _count_more(world, name, before, after), max(0, room.memory - taken)
    if more <= free:
        return ""
    there = f"{tell_octets(free)} is free{tell_kept(room.reserve.memory)}"
    return f"needs {tell_octets(more)} more of memory, {there}: short {tell_octets(more - free)}"


def note_raise(world: World, name: str, before: float, after: float) -> None:
    """It is raised: what that may take is there for nobody else, until the machine is looked at again."""
    world.raised += max(0, _count_more(world, name, before, after))


def _count_more(world: World, name: str, before: float, after: float) -> int:
    """For all its places: who was killed, or is about to start, will run under it as well."""
    view = world.views.get(name)
    running = sum(replica.phase in ALIVE for replica in view.replicas) if view is not None else 0
    return round((after - before) * max(1, running, world.tally.of(name).places))
