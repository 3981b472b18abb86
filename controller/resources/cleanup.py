"""What of an engine's holdings is of no use to a stack any more, and surely nobody else's. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from controller.model.cleanup import CacheRecord, ContainerSeen, Had, Inventory, Item, Kept, Rubbish
from controller.model.names import Instant
from controller.model.observed import ReplicaPhase
from controller.model.resources import CleanupPolicy
from controller.resources.superseded import find_superseded

IN_THE_MAKING = 10.0
"""Seconds after its making in which nobody can have begun to use a network: `docker compose up` makes them first."""

HALF_MADE = 3600.0
"""The same of a container that was never started: whoever makes it may wait for others, or for a person."""

BIG_LOG = 10 * 2**20
"""Bytes from which on a log that grows without bound is told."""

CACHE = "build-cache"
"""The id of the one item that stands for all records of the build cache that would go."""

_AT_REST = frozenset({ReplicaPhase.CREATED, ReplicaPhase.EXITED, ReplicaPhase.DEAD})


def find_rubbish(inventory: Inventory, had: Had, kept: Kept, policy: CleanupPolicy, now: Instant) -> tuple[Item, ...]:
    """What would go, of each kind the largest first, and what is only to be told; in the order in which it can go.

    What only leftovers use goes after them. Where one of them stays after all, the engine refuses to remove the rest.
    """
    leftovers = _largest_first(_find_containers(inventory, kept, policy, now))
    going = {item.id for item in leftovers}
    rest = replace(inventory, containers=tuple(one for one in inventory.containers if one.id not in going))
    return (
        *leftovers,
        *find_superseded(rest, had, kept, policy, now),
        *_largest_first(_find_networks(rest, kept, policy, now)),
        *_find_cache(inventory, policy, now),
        *_largest_first(_find_logs(inventory, policy)),
    )


def _largest_first(items: Iterator[Item]) -> list[Item]:
    return sorted(items, key=lambda item: (-(item.bytes or 0), item.name))


def _is_old(since: Instant, policy: CleanupPolicy, now: Instant, least: float = 0.0) -> bool:
    return since <= now - max(policy.older_than, least)


def _find_containers(inventory: Inventory, kept: Kept, policy: CleanupPolicy, now: Instant) -> Iterator[Item]:
    """Leftovers of the project that are no replicas. What a `docker compose` is about to use is younger than that."""
    held = {one.holder for one in inventory.containers}
    taken = {one.name for one in inventory.containers if not one.one_off}
    for one in inventory.containers:
        why = _tell_leftover(one, taken)
        mine = one.project == inventory.stack and one.phase in _AT_REST and one.id not in kept.replicas
        if not why or not mine or one.id in held or one.name in held:
            continue
        since = one.created_at if one.ended_at is None else one.ended_at
        least = HALF_MADE if one.ended_at is None else 0.0
        if _is_old(since, policy, now, least) and (one.bytes is None or one.bytes >= policy.larger_than):
            yield Item(Rubbish.CONTAINER, one.id, one.name, one.bytes, why, since)


def _tell_leftover(one: ContainerSeen, taken: set[str]) -> str:
    """Why it is none that anybody waits for; "": it is not known to be such a one."""
    if one.one_off:
        how = "never started" if one.ended_at is None else f"exited ({one.exit_code})"
        return f"one-off of {one.service or one.project}, {how}"
    if one.phase is ReplicaPhase.CREATED and one.stands_for in taken:
        return f"half-made, its name has {one.stands_for}"
    return ""


def _find_networks(inventory: Inventory, kept: Kept, policy: CleanupPolicy, now: Instant) -> Iterator[Item]:
    """What stopped containers are on stays too: without it they would never start again."""
    used = frozenset[str]().union(*(one.networks for one in inventory.containers))
    for one in inventory.networks:
        mine = one.project == inventory.stack and one.name not in kept.networks
        if mine and used.isdisjoint((one.id, one.name)) and _is_old(one.created_at, policy, now, IN_THE_MAKING):
            yield Item(Rubbish.NETWORK, one.id, one.name, 0, "no container is on it", one.created_at)


def _find_cache(inventory: Inventory, policy: CleanupPolicy, now: Instant) -> Iterator[Item]:
    """The engine itself takes what was not used for the longest time, until it keeps no more than it may."""
    own = [record for record in inventory.cache or () if not record.shared]
    surplus = sum(record.bytes for record in own) - policy.keep_storage
    if not policy.build_cache or surplus <= 0:
        return
    idle = [record for record in own if not record.in_use and _is_old(record.last_used_at, policy, now)]
    gone = list(_until(sorted(idle, key=lambda record: (record.last_used_at, record.id)), surplus))
    freed = sum(record.bytes for record in gone)
    if gone and freed >= policy.larger_than:
        name = f"{len(gone)} of {len(inventory.cache or ())} records"
        yield Item(Rubbish.CACHE, CACHE, name, freed, "build cache of the whole engine", gone[-1].last_used_at)


def _until(records: list[CacheRecord], surplus: int) -> Iterator[CacheRecord]:
    freed = 0
    for record in records:
        if freed >= surplus:
            return
        freed += record.bytes
        yield record


def _find_logs(inventory: Inventory, policy: CleanupPolicy) -> Iterator[Item]:
    for log in inventory.logs:
        if not log.bounded and log.bytes >= max(BIG_LOG, policy.larger_than):
            why = f"only told: output of {log.service or log.name}, kept without bound"
            yield Item(Rubbish.LOG, log.replica, log.name, log.bytes, why, removable=False)
