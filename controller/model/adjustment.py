"""Limits that follow use: what takes the place of a Compose file's own, and how it is laid over a template. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from controller.model.names import Instant, ReplicaId
from controller.model.resources import NO_LIMIT, Limit

KilledLife = tuple[ReplicaId, Instant | None]
"""One run of a container that the kernel ended: its id and its start."""

KEPT_BEFORE = 8
"""Former limits of one service that are remembered."""

_SAME_CPU = 0.0005
"""Cores by which two limits may differ and be the same: Compose keeps them as 32-bit floats."""


class Need(NamedTuple):
    """Bytes that one replica was found to need, as it was killed for want of them, and when."""

    memory: int
    at: Instant


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What is remembered of one service's limits; durable. Bytes and cores."""

    original: Limit = NO_LIMIT
    """What the Compose file says of what runs: of another limit there `limit` says nothing."""
    limit: Limit = NO_LIMIT
    """What holds in its place; None: what the file says."""
    since: Instant | None = None
    """When it was changed last, by us or by a person's word."""
    why: str = ""
    """The change with its numbers, for people: `memory 64Mi → 80Mi: uses 61Mi`."""
    before: tuple[Limit, ...] = ()
    """What held before, the newest last: a replica that still has it was changed by no hand."""
    held_over: str | None = None
    """A person undid it: it stays undone while the manifest says this of it."""
    killed: tuple[KilledLife, ...] = ()
    """Lives whose want was answered, each once, as long as they are to be seen."""
    need: Need | None = None
    reached: tuple[ReplicaId, ...] = ()
    """Who was seen to have what holds since the last change: what another limit it has then, a hand set."""
    former: tuple[tuple[Limit, Limit], ...] = ()
    """What the Compose file said before, and what held in its place, the newest last: a way back leads to that."""
    excused: tuple[KilledLife, ...] = ()
    """Lives that were ended under a limit of ours, below what the file says: no fault of theirs."""


def same_limit(one: Limit, other: Limit) -> bool:
    return one.memory == other.memory and same_cpu(one.cpu, other.cpu)


def same_cpu(one: float | None, other: float | None) -> bool:
    """None is no limit."""
    if one is None or other is None:
        return one is other
    return abs(one - other) <= _SAME_CPU


def put(own: Limit, adjustment: Adjustment | None) -> Limit:
    """What holds of a Compose file's `own` limits. What it does not limit stays without one."""
    if adjustment is None:
        return own
    memory, cpu = own
    if memory is not None:
        memory = next((to.memory for of, to in _laid(adjustment) if of.memory == memory), None) or memory
    if cpu is not None:
        cpu = next((to.cpu for of, to in _laid(adjustment) if same_cpu(of.cpu, cpu)), None) or cpu
    return Limit(memory, cpu)


def _laid(adjustment: Adjustment) -> Iterator[tuple[Limit, Limit]]:
    """What the file says or said, and what holds in its place: of two that are alike the first counts."""
    yield adjustment.original, adjustment.limit
    yield from reversed(adjustment.former)


def lay_limit(body: str, own: Limit, limit: Limit) -> str:
    """A template's body with these limits in the place of its `own`; what it does not limit is left so.

    Swap keeps what it had beyond the memory; where the file says nothing of it, it is Docker's: as much again.
    """
    if not body or limit == own:
        return body
    document = json.loads(body)
    host: dict[str, Any] = document["create"]["HostConfig"]
    if limit.memory is not None and host.get("Memory") and limit.memory != own.memory:
        if (swap := host.get("MemorySwap") or 0) > 0:
            host["MemorySwap"] = limit.memory + max(0, swap - host["Memory"])
        host["Memory"] = limit.memory
    if limit.cpu is not None and host.get("NanoCpus") and not same_cpu(limit.cpu, own.cpu):
        host["NanoCpus"] = round(limit.cpu * 1e9)
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def limit_of(body: str) -> Limit:
    """What a template's body limits."""
    host = (json.loads(body)["create"].get("HostConfig") or {}) if body else {}
    return Limit(host.get("Memory") or None, (host.get("NanoCpus") or 0) / 1e9 or None)


def knows_memory(adjustment: Adjustment, replica: ReplicaId, seen: int | None) -> bool:
    """Whether a replica has this limit from here, or from what was there before, and from no hand."""
    return (
        replica not in adjustment.reached and seen is not None and any(one.memory == seen for one in _held(adjustment))
    )


def knows_cpu(adjustment: Adjustment, replica: ReplicaId, seen: float | None) -> bool:
    """The same of cores."""
    return (
        replica not in adjustment.reached
        and seen is not None
        and any(same_cpu(one.cpu, seen) for one in _held(adjustment))
    )


def lacks(adjustment: Adjustment, replica: ReplicaId, seen: Limit, held: Limit) -> tuple[bool, bool]:
    """Of memory and of cores: whether it has another limit than it is to have, and none that a hand set."""
    memory = held.memory is not None and seen.memory != held.memory and knows_memory(adjustment, replica, seen.memory)
    cpu = held.cpu is not None and not same_cpu(seen.cpu, held.cpu) and knows_cpu(adjustment, replica, seen.cpu)
    return memory, cpu


def _held(adjustment: Adjustment) -> tuple[Limit, ...]:
    return (*(limit for pair in _laid(adjustment) for limit in pair), *adjustment.before)


def change(adjustment: Adjustment, limit: Limit, why: str, at: Instant | None = None) -> Adjustment:
    """The same with another limit from now on; `NO_LIMIT`: what the Compose file says. `at` None: for no cool-down."""
    former = () if limit == NO_LIMIT else adjustment.former
    dropped = (to for _, to in adjustment.former) if not former else ()
    before = [one for one in (*adjustment.before, *dropped, adjustment.limit) if one not in (NO_LIMIT, limit)]
    kept, since = tuple(dict.fromkeys(before))[-KEPT_BEFORE:], adjustment.since if at is None else at
    return replace(adjustment, limit=limit, since=since, why=why, before=kept, former=former, reached=())


def rebase(adjustment: Adjustment | None, own: Limit) -> Adjustment:
    """What is remembered, for a Compose file that says this now; what it says otherwise has nothing laid over it.

    What held for what it said before is kept for a way back.
    """
    if adjustment is None:
        return Adjustment(original=own)
    if adjustment.original == own:
        return adjustment
    there = put(own, adjustment)
    memory = there.memory if there.memory != own.memory else None
    cpu = there.cpu if not same_cpu(there.cpu, own.cpu) else None
    others = [pair for pair in adjustment.former if pair[0] not in (own, adjustment.original)]
    former = (*others, (adjustment.original, adjustment.limit))[-KEPT_BEFORE:]
    return replace(adjustment, original=own, limit=Limit(memory, cpu), former=former)


def take_back(present: Adjustment, before: Adjustment | None) -> Adjustment:
    """What was there before; who has the present limit already has it from no hand. What was learned since stays."""
    base = before if before is not None else Adjustment(original=present.original)
    known = [limit for limit in (*base.before, present.limit) if limit not in (NO_LIMIT, base.limit)]
    kept = tuple(dict.fromkeys(known))[-KEPT_BEFORE:]
    learned = (present.killed, present.need, present.excused)
    return replace(base, before=kept, killed=learned[0], need=learned[1], excused=learned[2], reached=())
