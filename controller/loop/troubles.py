"""Calls that failed, by service: how often in a row, when last and why. In memory only: a new process tries at once."""

from __future__ import annotations

from collections.abc import Iterable

from controller.model.names import Instant, Release
from controller.model.observed import Trouble
from controller.model.steps import Limit, Outcome, Result

_CONFLICTS = 3
"""Conflicts in a row after which the world is not just moving: the next try waits."""

_AT_ONCE, _CONTEST = 2, 600.0
"""Repairs of one setting within so many seconds that need no other hand to explain them."""


class Troubles:
    """What stands between a service and its next try."""

    def __init__(self) -> None:
        self._troubles: dict[str, Trouble] = {}
        self._conflicts: dict[str, int] = {}
        self._set_back: dict[str, tuple[Instant, ...]] = {}

    def note_contest(self, service: str, outcomes: Iterable[Outcome], now: Instant) -> None:
        """What is set back again and again is set by somebody else again and again: the next time waits."""
        if not any(isinstance(outcome.step, Limit) and outcome.result is Result.DONE for outcome in outcomes):
            return
        times = (*(at for at in self._set_back.get(service, ()) if now - at < _CONTEST), now)
        self._set_back[service] = times
        if len(times) > _AT_ONCE:
            message = f"was set back {len(times)} times in {_CONTEST / 60:g} minutes: somebody else sets it, too"
            self._troubles[service] = Trouble(len(times), now, Limit.__name__, message)

    def get(self, service: str) -> Trouble | None:
        return self._troubles.get(service)

    def note(self, service: str, outcomes: Iterable[Outcome], now: Instant, release: Release | None = None) -> None:
        """The outcomes of one decision's steps, which led to `release`: all is forgotten when they were done."""
        failed = next((o for o in outcomes if o.result not in (Result.DONE, Result.SKIPPED)), None)
        if failed is None:
            self.forget((service,))
            return
        if failed.result is Result.CONFLICT:
            self._conflicts[service] = self._conflicts.get(service, 0) + 1
            if self._conflicts[service] < _CONFLICTS:
                return
        before = self._troubles.get(service)
        count = before.count + 1 if before is not None and before.release == release else 1
        kind, lasting = type(failed.step).__name__, failed.result is Result.REJECTED
        self._troubles[service] = Trouble(count, now, kind, failed.message, lasting, release)

    def forget(self, services: Iterable[str]) -> None:
        """A person, or success, says that the next try may come at once."""
        for service in services:
            self._troubles.pop(service, None)
            self._conflicts.pop(service, None)

    def forget_after(self, instant: Instant) -> None:
        """What failed later than this failed for a cause that is over; what failed before has one of its own."""
        self.forget([service for service, trouble in self._troubles.items() if trouble.at > instant])

    def clear(self) -> None:
        self._troubles.clear()
        self._conflicts.clear()
