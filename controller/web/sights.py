"""Which stacks somebody may see, of what tells of many. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from controller.model.access import ADMIN
from controller.web.callers import Caller


@dataclass(frozen=True, slots=True)
class Sight:
    """By the verb `get` on that resource."""

    caller: Caller
    resource: str = "stacks"

    @property
    def is_whole(self) -> bool:
        """Of every stack, and of what is of none."""
        return self.caller.may("get", self.resource).allowed

    def sees(self, stack: str) -> bool:
        return self.caller.may("get", self.resource, stack).allowed


WHOLE = Sight(Caller("", (ADMIN,)))


def in_sight(usage: dict[str, Any] | None, sight: Sight) -> dict[str, Any] | None:
    """A sample, of the machine and of these stacks."""
    if usage is None or sight.is_whole:
        return usage
    return {**usage, "stacks": {name: one for name, one in usage["stacks"].items() if sight.sees(name)}}
