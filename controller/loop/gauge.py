"""What is used now, for a command: what a stack's controller wrote last, else samples of the command's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from controller.loop.ground import Ground
from controller.loop.usagehistory import read_newest
from controller.model.status import StackStatus
from controller.model.usage import Usage
from controller.resources.sampler import Sampler


class Gauge:
    """Not safe from several threads."""

    def __init__(self, ground: Ground, is_kept: Callable[[str], bool]) -> None:
        self._ground, self._is_kept = ground, is_kept
        self._sampler: Sampler | None = None
        self.first = False
        """The last sample was our first one: it knows no rates."""

    def take(self, stacks: Sequence[StackStatus]) -> Usage:
        """Of these stacks, and of those of their services that are in there."""
        told = {stack.name: usage for stack in stacks if (usage := self._told(stack)) is not None}
        rest = {stack.name: stack for stack in stacks if stack.name not in told}
        if told and not rest:
            usage = max(told.values(), key=lambda one: one.at)
            self.first = False
        else:
            usage = self._sample(rest)
        return replace(usage, stacks={**usage.stacks, **{name: one.stacks[name] for name, one in told.items()}})

    def _told(self, stack: StackStatus) -> Usage | None:
        """By the controller that keeps it, unless that does not measure."""
        usage = read_newest(self._ground.folder(stack.name), self._ground.now()) if self._is_kept(stack.name) else None
        if usage is None or stack.name not in usage.stacks:
            return None
        names = {service.name for service in stack.services}
        services = {name: one for name, one in usage.stacks[stack.name].items() if name in names}
        return replace(usage, stacks={stack.name: services})

    def _sample(self, stacks: dict[str, StackStatus]) -> Usage:
        self.first = self._sampler is None
        if self._sampler is None:
            self._sampler = Sampler(self._ground.engine, self._ground.now, self._ground.standing)
        return self._sampler.sample(stacks, {})
