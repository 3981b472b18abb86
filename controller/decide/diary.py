"""What a rehearsal notes as it goes: its steps and waits, with the times that were measured."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

from controller.decide.admission import EXCEEDS, NO_CPU, NO_DISK, NO_MEMORY, PORT_TAKEN, VOLUME_IN_USE
from controller.decide.timeline import Act, Waited, seconds_of
from controller.model.decision import Decision
from controller.model.names import Instant
from controller.model.plan import PlannedStep, PlannedWait
from controller.model.steps import Outcome, Result, step_action, step_number

_LACKS = {
    NO_MEMORY: "memory",
    NO_CPU: "processor cores",
    NO_DISK: "disk space",
    VOLUME_IN_USE: "its volume",
    PORT_TAKEN: "its host port",
    EXCEEDS: "a larger machine",
}
"""By the reason of a wait for room."""


class _Wait(NamedTuple):
    of: str
    lack: str
    since: Instant


class Diary:
    """Of one stack. `guesses`: times that nobody measured, so far."""

    def __init__(self, stack: str, begun: Instant, guesses: Callable[[], Collection[object]]) -> None:
        self._stack, self._begun, self._guesses = stack, begun, guesses
        self.steps: list[PlannedStep] = []
        self.waits: list[PlannedWait] = []
        self.acts: list[Act] = []
        self._waited: list[Waited] = []
        self._waiting: dict[str, _Wait] = {}

    def note_step(self, outcome: Outcome, at: Instant) -> None:
        """What was done is a step of the plan."""
        if outcome.result is not Result.DONE:
            return
        step = outcome.step
        number = step_number(step)
        planned = PlannedStep(
            self._stack,
            self.known(at - self._begun),
            step_action(step),
            step.service,
            None if number is None else f"{step.service}-{number}",
            step.because,
            seconds_of(outcome, self._guesses()),
        )
        self.steps.append(planned)
        self.acts.append(Act(outcome, at))

    def note_wait(self, decision: Decision, now: Instant) -> None:
        """From one decision to the next; for a start slot or for room as well, which is no wait for somebody."""
        name, before = decision.service, self._waiting.get(decision.service)
        waits_for, lack = decision.waits_for, ""
        if waits_for is None and (decision.denied or decision.short):
            waits_for, lack = "", _tell_lack(decision)
        if before is not None and before[:2] != (waits_for, lack):
            del self._waiting[name]
            self._waited.append(Waited(name, *before, now))
            if before.of:
                at, seconds = self.known(before.since - self._begun), self.known(now - before.since)
                self.waits.append(PlannedWait(self._stack, at, name, before.of, seconds))
        if waits_for is not None:
            self._waiting.setdefault(name, _Wait(waits_for, lack, now))

    def waited(self, ended: Instant) -> tuple[Waited, ...]:
        """All waits; what nobody has seen the end of is waited for to the end."""
        return (*self._waited, *(Waited(name, *wait, ended) for name, wait in self._waiting.items()))

    def known(self, seconds: float) -> float | None:
        """Estimates rest on measured times only; the beginning is always known."""
        if seconds <= 0.0:
            return 0.0
        return None if self._guesses() else round(seconds, 3)


def _tell_lack(decision: Decision) -> str:
    return "a start slot" if decision.short is None else _LACKS.get(decision.short.reason, "room")
