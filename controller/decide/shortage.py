"""What of a stack waits for the machine, and whether the machine has what was promised: in words. Pure."""

from __future__ import annotations

from controller.decide.world import World
from controller.model.quantities import tell_octets
from controller.model.resources import Admission


def tell_waiting(world: World) -> tuple[str, str] | None:
    """The reason of the first service that waits for room, and all of them in a sentence; None: nobody does."""
    names = sorted(world.short, key=world.turns.__getitem__)
    known = [world.decisions[name] for name in names if name in world.decisions]
    if not known:
        return None
    return known[0].reason, "; ".join(f"{one.service} {one.message}" for one in known)


def tell_overcommitment(world: World) -> str | None:
    """Where what runs may come to need more than there is; None: there is enough, or nothing is known of it."""
    room = world.room
    if world.desired.policy.admission is Admission.OFF or room.memory is None:
        return None
    short = world.total.memory - room.memory
    if short <= 0:
        return None
    promised, has, kept = (tell_octets(max(0, n)) for n in (world.total.memory, room.memory, room.reserve.memory))
    beside = f" beside the {kept} kept for the host" if room.reserve.memory else ""
    return f"what runs may use {promised} of memory, {has} is there{beside}: short {tell_octets(short)}"
