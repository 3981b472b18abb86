"""From one published state to the next: what has changed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from controller.model.status import ServiceStatus, StackStatus

Key = tuple[str, str, str]
"""Kind, stack, service: of two messages with the same key the later one says all."""


class Change(NamedTuple):
    """One thing as it is now. `value` None: it is no more."""

    key: Key
    value: Any


@dataclass(frozen=True, slots=True)
class Kept:
    """What was told of one stack. Services that did not change are the very same values."""

    stack: StackStatus
    services: Mapping[str, ServiceStatus]


def take_in(known: Mapping[str, Kept], stacks: Sequence[StackStatus]) -> tuple[dict[str, Kept], tuple[Change, ...]]:
    """All that is kept now, and what differs from before."""
    kept: dict[str, Kept] = {}
    changes: list[Change] = []
    for stack in stacks:
        before = known.get(stack.name)
        if before is not None and before.stack is stack:
            kept[stack.name] = before
            continue
        now = kept[stack.name] = _keep(before, stack)
        changes += _compare(before, now)
    changes += [Change(("stack", name, ""), None) for name in known if name not in kept]
    return kept, tuple(changes)


def _keep(before: Kept | None, stack: StackStatus) -> Kept:
    old = before.services if before is not None else {}
    return Kept(stack, {one.name: _former(old.get(one.name), one) for one in stack.services})


def _former(before: ServiceStatus | None, now: ServiceStatus) -> ServiceStatus:
    return before if before is not None and before == now else now


def _compare(before: Kept | None, now: Kept) -> Iterator[Change]:
    name = now.stack.name
    old = before.services if before is not None else {}
    if before is None or _bare(before.stack) != _bare(now.stack):
        yield Change(("stack", name, ""), now.stack)
    for service, status in now.services.items():
        if old.get(service) is not status:
            yield Change(("service", name, service), status)
    for service in old:
        if service not in now.services:
            yield Change(("service", name, service), None)


def _bare(stack: StackStatus) -> StackStatus:
    return replace(stack, services=(), taken_at=0.0)
