"""What is given for the limits of a service: the Compose file's own, the bounds, what Docker takes. Pure."""

from __future__ import annotations

import math
from typing import NamedTuple

from controller.model.advice import Resource
from controller.model.resources import NO_LIMIT, AdjustMode, AdjustPolicy, Bounds, Claims, Limit

_MIB = 2**20
UNIT = {Resource.MEMORY: float(_MIB), Resource.CPU: 0.01}
"""Bytes and cores of which limits are made whole multiples."""
LOWEST = {Resource.MEMORY: 6.0 * _MIB, Resource.CPU: 0.01}
"""What Docker takes at least."""


class Range(NamedTuple):
    """Between what a limit stays. Where the manifest gives one bound, the Compose file's own limit is the other."""

    least: float
    most: float

    def clamp(self, value: float) -> float:
        return min(max(value, self.least), self.most)


def part(limit: Limit, resource: Resource) -> float | None:
    """Of limits, the one of that resource."""
    return limit.memory if resource is Resource.MEMORY else limit.cpu


def with_part(limit: Limit, resource: Resource, value: float) -> Limit:
    return limit._replace(memory=int(value)) if resource is Resource.MEMORY else limit._replace(cpu=value)


def given_bounds(bounds: Bounds, resource: Resource) -> tuple[float | None, float | None]:
    """The least and the most, as the manifest has them."""
    if resource is Resource.MEMORY:
        return bounds.min_memory, bounds.max_memory
    return bounds.min_cpu, bounds.max_cpu


def find_range(claims: Claims, resource: Resource, cores: float | None = None) -> Range | None:
    """Between what its limit may be; None: the manifest gives no bounds, or the Compose file no limit.

    Docker takes no limit below a reservation, nor more cores than there are.
    """
    least, most = given_bounds(claims.bounds, resource)
    own = part(claims.limit, resource)
    if own is None or (least is None and most is None):
        return None
    lowest = max(LOWEST[resource], claims.reserved.memory if resource is Resource.MEMORY else 0.0)
    highest = cores if cores is not None and resource is Resource.CPU else math.inf
    upper = max(min(max(own, least or 0.0) if most is None else most, highest), lowest)
    lower = max(min(own, upper) if least is None else least, lowest)
    return Range(min(lower, upper), upper)


def without_bounds(limit: Limit, claims: Claims, policy: AdjustPolicy) -> Limit:
    """What of it may stay: nothing where all is off, nor what no bounds are given for any more."""
    if policy.mode is AdjustMode.OFF:
        return NO_LIMIT
    memory = limit.memory if find_range(claims, Resource.MEMORY) is not None else None
    return Limit(memory, limit.cpu if find_range(claims, Resource.CPU) is not None else None)


def round_up(resource: Resource, value: float) -> float:
    """To whole mebibytes, or hundredths of a core."""
    unit = UNIT[resource]
    return round(math.ceil(value / unit - 1e-9) * unit, 2)
