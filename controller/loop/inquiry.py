"""Figures of services' own, of all stacks: asked beside whoever wants them, who waits for a moment and no longer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import wait
from functools import partial

from controller.engines.base import Engine
from controller.loop.customs import Customs
from controller.loop.hands import Hands
from controller.model.metrics import CustomMetric
from controller.model.status import StackStatus
from controller.resources.sampler import Custom

_HANDS = 64
"""Questions at once, of all stacks together."""

_MOMENT = 0.5
"""Seconds that answers are waited for: the samples of all stacks wait meanwhile."""

Tell = Callable[[str, str, str, str, bool], None]
"""Stack, service, reason, message, whether it is a warning."""

Wanted = Mapping[str, tuple[Sequence[CustomMetric], StackStatus]]
"""By stack: what it wants to have measured, and its replicas."""


class Inquiry:
    """Not safe from several threads, but for `close`."""

    def __init__(self, engine: Engine, tell: Tell) -> None:
        self._engine, self._tell = engine, tell
        self._hands = Hands(_HANDS, "scrape")
        self._customs: dict[str, Customs] = {}

    def read(self, wanted: Wanted) -> Custom:
        """What can be had now. What is answered later is for the next time."""
        if not self._engine.capabilities.runs_processes:
            return {}  # nothing is wrong, and nobody could mend it: that there are no figures is no news
        asked = {stack: self._open(stack) for stack in wanted}
        begun = [answer for stack, one in asked.items() for answer in one.ask(*wanted[stack])]
        wait(begun, _MOMENT)
        return {(stack, service): found for stack, one in asked.items() for service, found in one.take().items()}

    def forget(self, stack: str) -> None:
        """It is not measured any more."""
        if (gone := self._customs.pop(stack, None)) is not None:
            gone.close()

    def close(self) -> None:
        """From any thread: nobody is asked any more."""
        self._hands.close()

    def _open(self, stack: str) -> Customs:
        if stack not in self._customs:
            self._customs[stack] = Customs(self._engine, self._hands, partial(self._tell, stack))
        return self._customs[stack]
