"""Whether the machine has room for what is about to start: start, start fewer, wait, or never. Pure.

Asked before the first replica of an update is stopped, too: what was stopped and may not start again serves nobody.
"""

from __future__ import annotations

from collections.abc import Sequence

from controller.decide.case import ALIVE, Case, Parts, host_ports, soonest
from controller.decide.heal import holds_slot, is_coming
from controller.decide.leeway import Leeway, tell_kept
from controller.decide.moves import Moves
from controller.model.decision import Shortage
from controller.model.desired import Order
from controller.model.quantities import tell_octets
from controller.model.steps import Build, Create, Pull, Start, Step

NO_MEMORY, NO_CPU, NO_DISK = "InsufficientMemory", "InsufficientCPU", "InsufficientDisk"
VOLUME_IN_USE, PORT_TAKEN, EXCEEDS = "VolumeInUse", "PortTaken", "ExceedsMachine"

SHORT_OF_ROOM = frozenset({NO_MEMORY, NO_CPU, NO_DISK, VOLUME_IN_USE, PORT_TAKEN, EXCEEDS})
"""Reasons of services that wait for the machine."""

PORT_AGAIN = 2.0
"""Seconds after which is looked again whether a host port is free."""

LEAST_DISK, LEAST_FOR_IMAGE = 2**20, 2**26
"""Bytes without which no container can be made (its layer and its log have to be somewhere), and no image fetched: how
large one is, is not known before."""


def admit(case: Case, parts: Parts, moves: Moves) -> Moves:
    """These moves without what there is no room for, and why that waits."""
    if not moves.steps:
        return moves
    moves = _admit_disk(case, moves)
    starts = _find_starts(case, moves.steps)
    if shut_out := _find_shut_out(case, starts):
        moves = _without(case, parts, moves, shut_out, tell_ports(case))
        starts = tuple(step for step in starts if step not in shut_out)
    grown = _find_grown(case, moves.steps)
    if not starts and not grown:
        return moves
    barred, leeway = _find_barred(case.leeway, (*starts, *grown))
    return _without(case, parts, moves, barred, tell_short(leeway)) if barred else moves


def _find_barred(leeway: Leeway, steps: Sequence[Start | Create]) -> tuple[list[Step], Leeway]:
    """Those that have no room beside the ones before them, and what was left for the first of them."""
    barred: list[Step] = []
    told = leeway
    for step in steps:
        asked = leeway.others.get(step.replica, leeway.asked) if isinstance(step, Start) else leeway.asked
        if leeway.admits(asked):
            leeway = leeway.less(asked)
            continue
        told = told if barred else leeway._replace(asked=asked)
        barred.append(step)
    return barred, told


def find_no_room(case: Case, parts: Parts) -> Moves | None:
    """Why nobody who serves may be replaced now; None: somebody may. Who shares a namespace follows its owner."""
    leeway, start_first = case.leeway, case.want.update.order is Order.START_FIRST
    if not parts.stale_serve or case.want.namespace_of is not None or leeway.admits(leeway.asked):
        return None
    if leeway.may_swap and not start_first:
        return None
    short = tell_short(leeway)
    if leeway.may_swap:
        short = Shortage(short.reason, f"{short.message}; fits with order: stop-first")
    return Moves(reason=short.reason, message=short.message, short=short, shut=True)


def count_going(case: Case, allowed: int) -> tuple[int, Shortage | None]:
    """How many of those that may go now could come back as new ones, and what is short for the others."""
    swaps = case.leeway.swaps
    if case.want.update.order is Order.START_FIRST or swaps is None or swaps >= allowed:
        return allowed, None
    return swaps, tell_short(case.leeway)


def _find_starts(case: Case, steps: Sequence[Step]) -> tuple[Start, ...]:
    """Of replicas that do not run: a paused one holds what it holds."""
    starts = tuple(step for step in steps if isinstance(step, Start))
    if not starts:
        return ()
    alive = {replica.id for replica in case.seen.replicas if replica.phase in ALIVE}
    return tuple(step for step in starts if step.replica not in alive)


def _find_grown(case: Case, steps: Sequence[Step]) -> tuple[Create, ...]:
    """What is made in an update is to start as well, and begins nothing that it cannot finish."""
    if case.history.attempt is None:
        return ()
    return tuple(step for step in steps if isinstance(step, Create))


def _find_shut_out(case: Case, starts: Sequence[Start]) -> list[Start]:
    """Those that would have a host port which somebody has."""
    if not case.seen.taken_ports:
        return []  # nearly always
    taken = frozenset(case.seen.taken_ports)
    shut_out = {replica.id for replica in case.seen.replicas if not taken.isdisjoint(host_ports(replica))}
    return [step for step in starts if step.replica in shut_out]


def _without(case: Case, parts: Parts, moves: Moves, barred: Sequence[Step], short: Shortage) -> Moves:
    """What is left of them, with its wakes; with nothing left to do, the wait is what is told."""
    left = tuple(step for step in moves.steps if step not in barred)
    gone = {step.replica for step in barred if isinstance(step, Start)}
    grants = {replica: grant for replica, grant in moves.grants.items() if replica not in gone}
    wake = soonest(moves.wake_at, case.now + PORT_AGAIN) if short.reason == PORT_TAKEN else moves.wake_at
    moves = moves._replace(steps=left, grants=grants, wake_at=wake, short=short)
    if left:
        return moves
    holds = any(is_coming(case, replica) and holds_slot(case, replica) for replica in parts.fresh)
    return moves._replace(reason=short.reason, message=short.message, asks_slot=holds, shut=True)


def tell_short(leeway: Leeway) -> Shortage:
    """The wait for room, in words with its numbers."""
    reason, message = _tell(leeway)
    return Shortage(reason, f"{message}; {leeway.relief}" if leeway.relief else message)


def _tell(leeway: Leeway) -> tuple[str, str]:
    if leeway.volume is not None:
        volume, user = leeway.volume
        return VOLUME_IN_USE, f"volume {volume} is exclusive, and {user}"
    of_memory = leeway.asked.memory > max(0, leeway.free.memory) or leeway.asked.cpu <= max(0.0, leeway.free.cpu)
    if leeway.never:
        return EXCEEDS, f"{_needs(leeway, of_memory)}, more than this machine has: {_has(leeway, of_memory)}"
    reason = NO_MEMORY if of_memory else NO_CPU
    if leeway.behind:
        return reason, f"what is free is left to {leeway.behind}, which has a higher priority and is to have it first"
    return reason, f"{_needs(leeway, of_memory)}, {_has(leeway, of_memory)}: short {_short(leeway, of_memory)}"


def _needs(leeway: Leeway, of_memory: bool) -> str:
    return f"needs {tell_octets(leeway.asked.memory)} of memory" if of_memory else f"needs {leeway.asked.cpu:g} cores"


def _has(leeway: Leeway, of_memory: bool) -> str:
    free = tell_octets(max(0, leeway.free.memory)) if of_memory else f"{max(0.0, round(leeway.free.cpu, 3)):g} cores"
    beside = tell_kept(leeway.kept.memory) if of_memory else tell_kept(leeway.kept.cpu, "{:g}".format)
    return f"{free} {'would be' if leeway.never else 'is' if of_memory else 'are'} free{beside}"


def _short(leeway: Leeway, of_memory: bool) -> str:
    if of_memory:
        return tell_octets(leeway.asked.memory - max(0, leeway.free.memory))
    return f"{round(leeway.asked.cpu - max(0.0, leeway.free.cpu), 3):g} cores"


def tell_ports(case: Case) -> Shortage:
    """Which host ports are taken, and by whom as far as that is known."""
    taken, holders = case.seen.taken_ports, case.seen.holders
    held = [f"{port} is held by {holders[port]}" for port in taken if port in holders]
    unknown = [port for port in taken if port not in holders]
    held += [f"{', '.join(unknown)} is already in use"] if unknown else []
    return Shortage(PORT_TAKEN, f"host port {', and '.join(held)}; free it, or publish another one")


def _admit_disk(case: Case, moves: Moves) -> Moves:
    """Nothing is fetched that would fill the disk, and nothing made where it is full; what is there may start."""
    free = case.leeway.disk
    if free is None:
        return moves
    barred = [step for step in moves.steps if free < _least_for(step)]
    if not barred:
        return moves
    need = max(_least_for(step) for step in barred)
    what = "its image" if need == LEAST_FOR_IMAGE else "a container"
    there = f"{tell_octets(max(0, free))} is free{tell_kept(case.leeway.kept.disk)}"
    message = f"{what} takes {tell_octets(need)} of disk at least, {there}"
    left = tuple(step for step in moves.steps if step not in barred)
    short = Shortage(NO_DISK, message)
    if left:
        return moves._replace(steps=left, short=short)
    return moves._replace(steps=(), reason=NO_DISK, message=message, short=short, shut=True)


def _least_for(step: Step) -> int:
    match step:
        case Pull() | Build():
            return LEAST_FOR_IMAGE
        case Create():
            return LEAST_DISK
        case _:
            return 0
