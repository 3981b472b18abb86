"""What simulated containers use: figures that follow from their names and the clock, so that a run can be repeated."""

from __future__ import annotations

import math
from hashlib import sha256

from controller.engines.simulated_record import Record
from controller.engines.template import read_request
from controller.model.desired import Template
from controller.model.names import Instant
from controller.model.observed import ReplicaPhase
from controller.model.usage import Counters

_MIB = 1 << 20
_WAVE = 300.0
"""Seconds in which the load of a service goes up and down once."""


def count(record: Record, template: Template | None, now: Instant) -> Counters | None:
    """Its counters; None where it does not run."""
    if record.phase is not ReplicaPhase.RUNNING or record.started_at is None:
        return None
    age = max(0.0, now - record.started_at)
    seed = int.from_bytes(sha256(record.service.encode()).digest()[:2], "big") / 65536
    load = _spent(age, seed)
    memory_limit, cpu_limit = record.base.limit
    shared = _shares_network(template)
    memory = int((16 + 240 * seed) * _MIB * (1.0 - 0.5 * math.exp(-age / 60.0)))
    return Counters(
        at=now,
        started_at=record.started_at,
        cpu=load if cpu_limit is None else min(load, cpu_limit * age),
        cpu_limit=cpu_limit,
        memory=memory if memory_limit is None else min(memory, int(memory_limit * 0.8)),
        memory_limit=memory_limit,
        received=None if shared else int(load * 400_000),
        sent=None if shared else int(load * 900_000),
        read=int((4 + 32 * seed) * _MIB),
        written=int(load * 50_000),
        processes=1 + int(seed * 12),
    )


def _spent(age: float, seed: float) -> float:
    """Core seconds: a mean of 0.02 to 0.3 cores, with a wave; its integral, so that it only grows."""
    mean = 0.02 + 0.28 * seed
    turn = 2 * math.pi / _WAVE
    return mean * (age + 0.5 * (math.cos(seed * 6) - math.cos(turn * age + seed * 6)) / turn)


def _shares_network(template: Template | None) -> bool:
    """Its network is another's."""
    host = (read_request(template).create.get("HostConfig") or {}) if template is not None and template.body else {}
    return str(host.get("NetworkMode") or "").partition(":")[0] in ("host", "none", "container")
