"""What of a stack waits for the machine, and whether the machine has what was promised: in words. Pure."""

from __future__ import annotations

from controller.decide.admission import EXCEEDS
from controller.decide.demand import Held, demand
from controller.decide.lacking import made_with
from controller.decide.leeway import tell_kept
from controller.decide.world import World
from controller.model.decision import Decision
from controller.model.desired import DesiredService
from controller.model.quantities import tell_octets
from controller.model.resources import Admission
from controller.model.room import Facts, RoomReport, ServiceRoom


def report_room(world: World, facts: Facts | None) -> RoomReport:
    """By turns. From any thread: what the loop changes meanwhile is seen before or after that."""
    tally, decisions, turns = world.tally, dict(world.decisions), world.turns
    wanted = [(name, want) for name, want in world.desired.services.items() if want.leaving is None or tally.find(name)]
    wanted.sort(key=lambda pair: turns.get(pair[0], len(turns)))
    services = (_report(world, want, tally.of(name), decisions.get(name)) for name, want in wanted)
    policy = world.desired.policy
    return RoomReport(world.desired.name, policy.admission, world.room, world.tally.total, tuple(services), facts)


def _report(world: World, want: DesiredService, held: Held, decision: Decision | None) -> ServiceRoom:
    view = world.views.get(want.name)
    used = [world.room.used.get(one.id) for one in view.replicas if one.running] if view is not None else []
    known = [one for one in used if one is not None]
    return ServiceRoom(
        name=want.name,
        priority=want.priority,
        asked=demand(want, world.scales),
        learned=world.learned.get(want.name),
        places=held.places,
        wanted=want.replicas,
        held=held.amount,
        used=sum(known) if known else None,
        waits=decision.short.message if decision is not None and decision.short is not None else "",
    )


def tell_waiting(world: World) -> tuple[str, str] | None:
    """The reason of the first service that waits for room, and all of them in a sentence; None: nobody does."""
    names = sorted(world.short, key=world.turns.__getitem__)
    decisions = (world.decisions.get(name) for name in names)
    known = [(one.service, one.short) for one in decisions if one is not None and one.short is not None]
    if not known:
        return None
    return known[0][1].reason, "; ".join(f"{name} {short.message}" for name, short in known)


def is_hopeless(world: World) -> bool:
    """All of it that waits wants more than there is on this machine as a whole."""
    known = (world.decisions.get(name) for name in world.short)
    return all(one is not None and one.short is not None and one.short.reason == EXCEEDS for one in known)


def tell_overcommitment(world: World) -> str | None:
    """Where what runs may come to need more than there is; None: there is enough, or nothing is known of it."""
    room = world.room
    if (
        world.desired.policy.admission is Admission.OFF
        or room.memory is None
        or world.tally.total.memory <= room.memory
    ):
        return None  # nearly always
    promised = _count_firm(world)
    short = promised - room.memory
    if not promised or short <= 0:
        return None
    there = f"{tell_octets(max(0, room.memory))} is there{tell_kept(room.reserve.memory)}"
    return f"what runs may use {tell_octets(promised)} of memory, {there}: short {tell_octets(short)}"


def _count_firm(world: World) -> int:
    """Bytes that replicas were promised, or use: a limit alone promises nothing."""
    whole = 0
    for name, want in world.desired.services.items():
        view = world.views.get(name)
        for replica in view.replicas if view is not None else ():
            if replica.running:
                claims = made_with(replica, want, world.known).claims
                asked = max(claims.reserved.memory, world.learned.get(name, 0))
                whole += max(asked, world.room.used.get(replica.id, 0))
    return whole
