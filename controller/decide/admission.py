"""Whether the machine has room for what is about to start: start, start fewer, wait, or never. Pure.

Asked before the first replica of an update is stopped, too: what was stopped and may not start again serves nobody.
"""

from __future__ import annotations

from collections.abc import Sequence

from controller.decide.case import ALIVE, Case, Parts
from controller.decide.leeway import Leeway
from controller.decide.moves import Moves
from controller.model.desired import Order
from controller.model.quantities import tell_octets
from controller.model.steps import Build, Create, Pull, Start, Step

NO_MEMORY, NO_CPU, NO_DISK = "InsufficientMemory", "InsufficientCPU", "InsufficientDisk"
VOLUME_IN_USE, PORT_TAKEN, EXCEEDS = "VolumeInUse", "PortTaken", "ExceedsMachine"

SHORT_OF_ROOM = frozenset({NO_MEMORY, NO_CPU, NO_DISK, VOLUME_IN_USE, EXCEEDS})
"""Reasons of services that wait for the machine."""

PORT_AGAIN = 2.0
"""Seconds after which is looked again whether a host port is free."""

LEAST_DISK, LEAST_FOR_IMAGE = 2**20, 2**26
"""Bytes without which no container can be made (its layer and its log have to be somewhere), and no image fetched: how
large one is, is not known before."""


def admit(case: Case, moves: Moves) -> Moves:
    """These moves without what there is no room for, and why that waits."""
    if not moves.steps:
        return moves
    moves = _admit_disk(case, moves)
    starts = _find_starts(case, moves.steps)
    if not starts:
        return moves
    if case.seen.taken_ports:
        return _without(moves, starts, _tell_port(case))
    barred = _find_barred(case.leeway, starts)
    return _without(moves, barred, tell_short(case.leeway)) if barred else moves


def _find_barred(leeway: Leeway, starts: Sequence[Start]) -> list[Start]:
    """Those that have no room beside the ones before them."""
    barred: list[Start] = []
    for step in starts:
        asked = leeway.others.get(step.replica, leeway.asked)
        if leeway.admits(asked):
            leeway = leeway.less(asked)
        else:
            barred.append(step)
    return barred


def find_no_room(case: Case, parts: Parts) -> Moves | None:
    """Why nobody who serves may be replaced now; None: somebody may."""
    leeway = case.leeway
    if leeway.admits(leeway.asked) or not parts.stale_serve:
        return None
    if case.want.update.order is Order.STOP_FIRST and leeway.swap:
        return None
    short = tell_short(leeway)
    if case.want.update.order is Order.START_FIRST and leeway.swap:
        short = short._replace(message=f"{short.message}; fits with order: stop-first")
    return short


def _find_starts(case: Case, steps: Sequence[Step]) -> tuple[Start, ...]:
    """Of replicas that do not run: a paused one holds what it holds."""
    starts = tuple(step for step in steps if isinstance(step, Start))
    if not starts:
        return ()
    alive = {replica.id for replica in case.seen.replicas if replica.phase in ALIVE}
    return tuple(step for step in starts if step.replica not in alive)


def _without(moves: Moves, barred: Sequence[Step], short: Moves) -> Moves:
    """What is left of them; with nothing left, only the wait."""
    left = tuple(step for step in moves.steps if step not in barred)
    gone = {step.replica for step in barred if isinstance(step, Start)}
    grants = {replica: grant for replica, grant in moves.grants.items() if replica not in gone}
    if left:
        return moves._replace(steps=left, grants=grants, short=short.short)
    return short._replace(carried=moves.carried, stays=moves.stays, tries=0)


def tell_short(leeway: Leeway) -> Moves:
    """The wait for room, in words with its numbers."""
    reason, message = _tell(leeway)
    if leeway.relief:
        message = f"{message}; {leeway.relief}"
    return Moves(reason=reason, message=message, short=True, shut=True)


def _tell(leeway: Leeway) -> tuple[str, str]:
    if leeway.volume is not None:
        volume, user = leeway.volume
        return VOLUME_IN_USE, f"volume {volume} is exclusive, and in use by {user}"
    asked, free = leeway.asked, leeway.free
    of_memory = asked.memory > free.memory
    if leeway.never:
        return EXCEEDS, f"{_needs(leeway, of_memory)}, more than this machine has: {_has(leeway, of_memory)}"
    reason = NO_MEMORY if of_memory else NO_CPU
    if leeway.behind:
        return NO_MEMORY, f"what is free is left to {leeway.behind}, which has a higher priority and waits for room"
    return reason, f"{_needs(leeway, of_memory)}, {_has(leeway, of_memory)}: short {_short(leeway, of_memory)}"


def _needs(leeway: Leeway, of_memory: bool) -> str:
    return f"needs {tell_octets(leeway.asked.memory)} of memory" if of_memory else f"needs {leeway.asked.cpu:g} cores"


def _has(leeway: Leeway, of_memory: bool) -> str:
    free = tell_octets(max(0, leeway.free.memory)) if of_memory else f"{max(0.0, round(leeway.free.cpu, 3)):g} cores"
    kept = tell_octets(leeway.kept.memory) if of_memory else f"{leeway.kept.cpu:g}"
    beside = f" beside the {kept} kept for the host" if (leeway.kept.memory if of_memory else leeway.kept.cpu) else ""
    return f"{free} {'would be' if leeway.never else 'is' if of_memory else 'are'} free{beside}"


def _short(leeway: Leeway, of_memory: bool) -> str:
    if of_memory:
        return tell_octets(leeway.asked.memory - max(0, leeway.free.memory))
    return f"{round(leeway.asked.cpu - max(0.0, leeway.free.cpu), 3):g} cores"


def _tell_port(case: Case) -> Moves:
    return Moves(wake_at=case.now + PORT_AGAIN, reason=PORT_TAKEN, message=tell_ports(case), shut=True)


def tell_ports(case: Case) -> str:
    """Which host ports are taken, and by whom as far as that is known."""
    taken, holders = case.seen.taken_ports, case.seen.holders
    held = [f"{port} is held by {holders[port]}" for port in taken if port in holders]
    unknown = [port for port in taken if port not in holders]
    held += [f"{', '.join(unknown)} is already in use"] if unknown else []
    return f"host port {', and '.join(held)}; free it, or publish another one"


def _admit_disk(case: Case, moves: Moves) -> Moves:
    """Nothing is fetched that would fill the disk, and nothing begun where it is full."""
    free = case.leeway.disk
    if free is None:
        return moves
    barred = [step for step in moves.steps if free < _least_for(step)]
    if not barred:
        return moves
    need = max(_least_for(step) for step in barred)
    beside = f" beside the {tell_octets(case.leeway.kept.disk)} kept for the host" if case.leeway.kept.disk else ""
    what = "its image" if need == LEAST_FOR_IMAGE else "a container"
    message = f"{what} takes {tell_octets(need)} of disk at least, {tell_octets(max(0, free))} is free{beside}"
    return _without(moves, barred, Moves(reason=NO_DISK, message=message, short=True, shut=True))


def _least_for(step: Step) -> int:
    match step:
        case Pull() | Build():
            return LEAST_FOR_IMAGE
        case Create() | Start():
            return LEAST_DISK
        case _:
            return 0
