"""Words for limits, and for what they follow from. Pure."""

from __future__ import annotations

from controller.model.advice import Resource, Use
from controller.model.quantities import tell_cores, tell_octets, tell_seconds
from controller.model.resources import Limit
from controller.resources.bounds import UNIT, part

GIVEN_BACK = "as the Compose file says"


def tell(resource: Resource, value: float) -> str:
    """`64Mi`, `500m`."""
    return tell_octets(value) if resource is Resource.MEMORY else tell_cores(value)


def tell_change(resource: Resource, before: float | None, after: float) -> str:
    """`memory 64Mi → 80Mi`."""
    return f"{resource} {'none' if before is None else tell(resource, before)} → {tell(resource, after)}"


def tell_back(present: Limit, own: Limit) -> str:
    """`memory 80Mi → 64Mi, as the Compose file says`; where nothing is otherwise: that limits are so."""
    pairs = [(resource, part(present, resource), part(own, resource)) for resource in Resource]
    told = [tell_change(resource, before, after) for resource, before, after in pairs if before != after and after]
    return ", ".join((*told, GIVEN_BACK)) if told else f"limits are {GIVEN_BACK}"


def tell_use(resource: Resource, use: Use, *, short: bool, need: float = 0.0) -> str:
    """`uses 61Mi, at most 63Mi in 30m`. `short`: the limit is; `need`: what it was found to need."""
    told = f"uses {tell(resource, use.now)}"
    if use.span >= 1.0:
        most = f"at most {tell(resource, use.peak)}"
        most = most if resource is Resource.MEMORY else f"95% of the time at most {tell(resource, use.p95)}"
        told += f", {most} in {tell_seconds(use.span)}"
    if short and resource is Resource.MEMORY and use.grew >= UNIT[resource]:
        told += f", {tell(resource, use.grew)} more than a cool-down ago"
    return f"{told}; was killed for want of memory, {tell(resource, need)} is safe" if need else told
