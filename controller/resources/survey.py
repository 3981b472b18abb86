"""Senses: what the machine of an engine has now, and what its replicas use of it: together, so that both add up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from controller.engines.base import Engine, EngineInfo
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

    def __init__(self, engine: Engine, now: Callable[[], Instant], root: str) -> None:
        """`root`: the folder of our state."""
        self._engine, self._now = engine, now
        self._standing = Standing(engine, root)

    def __call__(self, replicas: Collection[Replica]) -> Surveyed:
        """These are the ones that run. Raises nothing: what nobody tells is not known."""
        self._standing.renew()
        counters = self._engine.usage(replicas, deadline=PATIENCE) if replicas else {}
        used = {name: one.memory for name, one in counters.items() if one.memory is not None}
        known = sum(used.values()) if len(used) == len(replicas) else None
        return Surveyed(make_facts(self._now(), self._read(), self._told(), known), used)

    def _read(self) -> HostUsage:
        view = self._standing.view
        return read_host(self._standing.disk_path).now if view.shares_host else HostUsage()

    def _told(self) -> EngineInfo:
        view, path = self._standing.view, self._standing.disk_path
        return EngineInfo(
            "", "", "", "", "", data_root=path,
            cores=view.cores, memory_total=view.memory_total, shares_host=bool(view.shares_host),
        )  # fmt: skip
