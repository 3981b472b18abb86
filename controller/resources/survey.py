"""Senses: what the machine of an engine has now, and what its replicas use of it: together, so that both add up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from controller.engines.base import Engine
from controller.model.names import Instant, ReplicaId
from controller.model.observed import Replica
from controller.model.room import Facts
from controller.model.usage import HostUsage
from controller.resources.host import read_host
from controller.resources.room import make_facts
from controller.resources.standing import Standing

PATIENCE = 0.5
"""Seconds that the engine has to say what replicas use: who is started meanwhile waits for that."""


class Surveyed(NamedTuple):
    """`used`: bytes of memory by replica, as far as they are known."""

    facts: Facts
    used: Mapping[ReplicaId, int]


class Survey:
    """Not safe from several threads."""

    def __init__(self, engine: Engine, now: Callable[[], Instant], standing: Standing) -> None:
        self._engine, self._now, self._standing = engine, now, standing
        self._used: Mapping[ReplicaId, int] = {}

    def __call__(self, replicas: Collection[Replica]) -> Surveyed | None:
        """These are the ones that run. None: the engine has not said yet what it has.

        Of a replica whose use cannot be had in time, what it used last.
        """
        said = self._standing.look()
        told = said.engine
        if told is None:
            return None
        host = read_host(said.disk_path).now if told.shares_host else HostUsage()
        counters = self._engine.usage(replicas, deadline=PATIENCE) if replicas else {}
        found = {name: one.memory for name, one in counters.items() if one.memory is not None}
        ids = {replica.id for replica in replicas}
        self._used = {**{name: size for name, size in self._used.items() if name in ids}, **found}
        known = sum(self._used.values()) if len(self._used) == len(ids) else None
        return Surveyed(make_facts(self._now(), host, told, known), self._used)
