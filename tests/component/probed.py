"""A stage whose checks are asked by the prober, on the stage's own clock, and answered as the test says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from controller.engines.base import Execution
from controller.health import probe
from controller.health.prober import Clocks, Prober
from controller.loop.loaded import Loaded
from controller.loop.tools import Key, Tools
from controller.model.names import ReplicaId
from tests.component.stage import Stage

Answer = Callable[[str, ReplicaId], bool | None]
"""Whether the check of this service and replica succeeds now; None: it hangs until its time is over (with `hasten`)."""


def hasten(stage: Probed, patch: pytest.MonkeyPatch) -> None:
    """What the prober takes for the duration of a command is the stage's time as well."""
    patch.setattr(probe, "time", SimpleNamespace(monotonic=stage.clock.now))


class Probed(Stage):
    """`answer` may be changed at any time."""

    def __init__(self, folder: Path, loaded: Loaded, answer: Answer) -> None:
        self.answer = answer
        self.asked: Counter[str] = Counter()
        super().__init__(folder, loaded)

    def execute(self, replica: ReplicaId, command: Sequence[str], *, timeout: float) -> Execution:
        """In the engine's place, where the prober asks."""
        service = next(one.service for one in self.replicas() if one.id == replica)
        self.asked[service] += 1
        well = self.answer(service, replica)
        if well is None:
            self.clock.sleep(timeout)
            return Execution(None, "")
        return Execution(0 if well else 1, "as the test says")

    def _tools(self) -> Tools:
        clocks = Clocks(self.clock.now, self.clock.now)
        self.prober = Prober(self, self._note_change, clocks, workers=0)  # type: ignore[arg-type]
        return replace(super()._tools(), prober=self.prober)

    def _note_change(self, stack: str, service: str) -> None:
        self.queue.add(Key(stack, service))

    def _hear(self) -> None:
        super()._hear()
        while (due := self.prober.next_due()) is not None and due <= self.clock.now():
            self.prober.run_due()
