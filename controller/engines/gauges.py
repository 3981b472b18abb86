"""Counters of running containers: from the kernel where it is ours too, else from Docker; a container at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass, replace
from typing import Any

from controller.engines.answers import get_container, get_object
from controller.engines.cgroups import Folders
from controller.engines.client import Client
from controller.engines.kernel import read_counters, read_folders, read_mounts
from controller.engines.stats import parse_stats
from controller.engines.vantage import Vantage
from controller.model.errors import EngineError
from controller.model.names import ReplicaId
from controller.model.observed import Life, Replica
from controller.model.usage import Counters

_HANDS = 4
"""Calls at once: an answer of `stats` takes the daemon 2-5 ms."""

_RENEW = 300.0
"""Seconds after which a container is inspected again: a limit may have been set on it meanwhile."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What is asked once in a life. `folders` None: it is not to be read here. `pid` None: no network of its own."""

    at: float
    folders: Folders | None
    pid: int | None
    cpu_limit: float | None


class Gauges:
    """Counters of one engine's containers. Safe from several threads.

    30 containers under cgroup v1 take 2.6 ms of a core a sample, 88 µs each (measured, by
    tests/engine/test_docker_usage.py). Each is inspected once in its life, and again every five minutes.
    """

    def __init__(self, client: Client, vantage: Vantage) -> None:
        self._client, self._vantage = client, vantage
        self._pool = ThreadPoolExecutor(_HANDS, thread_name_prefix="stats")
        self._mounts = read_mounts()
        self._memory_of_host: int | None = None
        self._lock = threading.Lock()
        self._known: dict[Life, _Known] = {}

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def read(self, replicas: Collection[Replica], *, deadline: float) -> Mapping[ReplicaId, Counters]:
        """What cannot be had within `deadline` seconds is missing."""
        ends_at = time.monotonic() + deadline
        running = [replica for replica in replicas if replica.running]
        self._get_to_know(running, ends_at)
        found: dict[ReplicaId, Counters] = {}
        elsewhere: list[Replica] = []
        for replica in running:
            known = self._recall(replica)
            if known is None:
                continue
            if known.folders is None:
                elsewhere.append(replica)
            elif (counters := read_counters(known.folders, known.pid, replica.id)) is not None:
                found[replica.id] = replace(counters, started_at=replica.started_at)
        found.update(self._ask_all(elsewhere, ends_at))
        return found

    def _recall(self, replica: Replica) -> _Known | None:
        with self._lock:
            return self._known.get(replica.life)

    def _get_to_know(self, running: Sequence[Replica], ends_at: float) -> None:
        """Inspect those whose life is new; forget those that were known for long and not renewed."""
        now = time.monotonic()
        with self._lock:
            self._known = {life: one for life, one in self._known.items() if now - one.at < 2 * _RENEW}
            fresh = [r for r in running if (one := self._known.get(r.life)) is None or now - one.at > _RENEW]
        for life, known in self._side_by_side(self._inspect, fresh, ends_at):
            with self._lock:
                self._known[life] = known

    def _inspect(self, replica: Replica, ends_at: float) -> tuple[Life, _Known]:
        inspect = get_container(self._client, replica.id, deadline=max(0.01, ends_at - time.monotonic()))
        lens = self._vantage.lens((inspect,), deadline=max(0.1, ends_at - time.monotonic()))
        pid = int(inspect["State"].get("Pid") or 0)
        host: Mapping[str, Any] = inspect.get("HostConfig") or {}
        folders = read_folders(pid, replica.id, self._mounts) if lens.shares_host and pid else None
        own = str(host.get("NetworkMode") or "").partition(":")[0] not in ("host", "none", "container")
        return replica.life, _Known(time.monotonic(), folders, pid if own and pid else None, _cpu_limit(host))

    def _ask_all(self, replicas: Sequence[Replica], ends_at: float) -> Mapping[ReplicaId, Counters]:
        if not replicas:
            return {}
        try:
            of_host = self._find_memory(ends_at)
        except EngineError:
            return {}
        ask = lambda replica, until: self._ask(replica, of_host, until)  # noqa: E731
        return dict(self._side_by_side(ask, replicas, ends_at))

    def _ask(self, replica: Replica, of_host: int, ends_at: float) -> tuple[ReplicaId, Counters]:
        query = {"stream": "false", "one-shot": "true"}
        path = f"/containers/{replica.id}/stats"
        answer = self._client.get(path, query, deadline=max(0.01, ends_at - time.monotonic()))
        known = self._recall(replica)
        limit = known.cpu_limit if known is not None else None
        counters = parse_stats(answer, time.monotonic(), memory_of_host=of_host, cpu_limit=limit)
        return replica.id, replace(counters, started_at=replica.started_at)

    def _find_memory(self, ends_at: float) -> int:
        """Bytes of the engine's machine, asked once. Raises EngineErrors."""
        if self._memory_of_host is None:
            info = get_object(self._client, "/info", "ID", deadline=max(0.1, ends_at - time.monotonic()))
            self._memory_of_host = int(info.get("MemTotal") or 0)
        return self._memory_of_host or (1 << 60)

    def _side_by_side(self, ask: Any, replicas: Sequence[Replica], ends_at: float) -> Iterable[Any]:
        """The answers that came in time, in any order; one that is refused is left out."""
        try:
            waiting = [self._pool.submit(ask, replica, ends_at) for replica in replicas]
        except RuntimeError:  # the engine is closed
            return
        for future in waiting:
            try:
                yield future.result(max(0.0, ends_at - time.monotonic()))
            except (EngineError, TooLate, ValueError, TypeError, KeyError):
                future.cancel()


def _cpu_limit(host: Mapping[str, Any]) -> float | None:
    if host.get("NanoCpus"):
        return float(host["NanoCpus"]) / 1e9
    if (host.get("CpuQuota") or 0) > 0:
        return float(host["CpuQuota"]) / float(host.get("CpuPeriod") or 100_000)
    return None
