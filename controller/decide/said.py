"""One condition in words, and since when it holds. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from controller.model.names import Instant
from controller.model.status import Condition

TRUE, FALSE, UNKNOWN = "True", "False", "Unknown"


class Said(NamedTuple):
    """One condition, before it is known since when."""

    kind: str
    status: str
    reason: str
    message: str = ""


def keep_transitions(said: Iterable[Said], before: Sequence[Condition], now: Instant) -> tuple[Condition, ...]:
    """Since when each holds: its instant changes only with its status. What is as it was is the very same object."""
    known = {condition.type: condition for condition in before}
    return tuple(_dated(one, known.get(one.kind), now) for one in said)


def repeat(conditions: Iterable[Condition]) -> Iterator[Said]:
    """As they were told, without since when."""
    return (Said(one.type, one.status, one.reason, one.message) for one in conditions)


def keep_former(conditions: Iterable[Condition], before: Sequence[Condition], *kinds: str) -> tuple[Condition, ...]:
    """Of these kinds what was told before."""
    known = {condition.type: condition for condition in before if condition.type in kinds}
    return tuple(known.get(condition.type, condition) for condition in conditions)


def _dated(said: Said, old: Condition | None, now: Instant) -> Condition:
    kind, status, reason, message = said
    if old is None or old.status != status:
        return Condition(kind, status, reason, message, now)
    if old.reason == reason and old.message == message:
        return old  # nearly always
    return Condition(kind, status, reason, message, old.transitioned_at)
