"""Limits and what is said of them: as a table, and in the shape for programs (docs/api.md). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from controller.model.advice import LimitStatus, Recommendation, Resource, ServiceLimits, StackLimits
from controller.model.quantities import tell_cores, tell_octets
from controller.render.data import timestamp
from controller.render.paint import NONE, Paint, plain
from controller.render.text import Cell, table
from controller.render.usage import UNKNOWN

Data = dict[str, Any]

# --- for programs


def limits_data(stacks: Sequence[StackLimits]) -> Data:
    """`controller resources -o json`."""
    return {"stacks": [stack_limits_data(stack) for stack in stacks]}


def stack_limits_data(stack: StackLimits) -> Data:
    """`GET /v1/stacks/{stack}/resources`."""
    return {
        "name": stack.name,
        "mode": str(stack.mode),
        "services": [
            {
                "name": service.name,
                "changedAt": None if service.since is None else timestamp(service.since),
                "why": service.why or None,
                "held": service.held,
                **{str(one.resource): _resource_data(one) for one in service.resources},
            }
            for service in stack.services
        ],
    }


def _resource_data(status: LimitStatus) -> Data:
    """Bytes or cores of one replica; of use that of the one that uses most."""
    use, resource = status.use, status.resource
    return {
        "reserved": _plain(resource, status.reserved),
        "limit": _plain(resource, status.limit),
        "original": _plain(resource, status.original),
        "adjusted": status.adjusted,
        "min": _plain(resource, status.least),
        "max": _plain(resource, status.most),
        "used": None if use is None else _plain(resource, use.now),
        "p95": None if use is None else _plain(resource, use.p95),
        "peak": None if use is None else _plain(resource, use.peak),
        "seconds": None if use is None else round(use.span, 1),
        "recommended": _recommendation_data(status.recommendation),
    }


def _recommendation_data(found: Recommendation | None) -> Data | None:
    if found is None:
        return None
    return {
        "limit": _plain(found.resource, found.target),
        "next": _plain(found.resource, found.next),
        "why": found.why,
        "possible": not (found.barred or found.early),
        "waits": found.obstacle or None,
    }


def _plain(resource: Resource, value: float | None) -> float | None:
    if value is None:
        return None
    return round(value) if resource is Resource.MEMORY else round(value, 4)


# --- for people


def limit_lines(
    stacks: Sequence[StackLimits], *, wide: bool = False, paint: Paint = plain, width: int | None = None
) -> list[str]:
    """A row a service and resource, with the stack's name where there is more than one.

    Cores that nobody limits or reserves are left out, unless `wide`.
    """
    several = len(stacks) > 1
    rows = [
        [*([stack.name] if several else []), service.name, *_cells(service, one)]
        for stack in stacks
        for service in stack.services
        for one in service.resources
        if wide or _counts(one)
    ]
    header = ("NAME", "RESOURCE", "RESERVED", "LIMIT", "USED", "P95", "RECOMMENDED", "WHY")
    return table([*(["STACK"] if several else []), *header], rows, paint=paint, width=width)


def _counts(status: LimitStatus) -> bool:
    given = (status.reserved, status.limit, status.original, status.least, status.most)
    return status.resource is Resource.MEMORY or any(value is not None for value in given)


def _cells(service: ServiceLimits, status: LimitStatus) -> Iterator[str | Cell]:
    use, found = status.use, status.recommendation
    yield str(status.resource)
    yield _tell(status, status.reserved)
    yield Cell(f"{_tell(status, status.limit)}*", "busy") if status.adjusted else _tell(status, status.limit)
    yield UNKNOWN if use is None else _tell(status, use.now)
    yield UNKNOWN if use is None else _tell(status, use.p95)
    yield NONE if found is None else Cell(_tell(status, found.target), "" if found.barred else "warn")
    yield _why(service, status)


def _why(service: ServiceLimits, status: LimitStatus) -> str:
    """What it is recommended for, and what it is not done for; else what is to be said of the limit in force."""
    found = status.recommendation
    parts = [found.why, found.obstacle] if found is not None else []
    if status.adjusted:
        parts.append(f"the Compose file says {_tell(status, status.original)}")
    if service.held and (status.least or status.most) and "undone" not in " ".join(parts):
        parts.append(f"undone by a person: `controller resources resume {service.name}` lets it follow use again")
    if status.use is None:
        parts.append("not measured lately: `controller run` measures")
    return "; ".join(part for part in parts if part)


def _tell(status: LimitStatus, value: float | None) -> str:
    if value is None:
        return NONE
    return tell_octets(value) if status.resource is Resource.MEMORY else tell_cores(value)
