"""Calls that failed, by service: how often in a row, when last and why. In memory only: a new process tries at once.

What fetches an image has a row of its own: it is done beside the rest, and says nothing of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from controller.model.names import Instant, Release, ReplicaId
from controller.model.observed import Trouble
from controller.model.steps import Connect, Fetch, Limit, Outcome, Rename, Result

_CONFLICTS = 3
"""Conflicts in a row after which the world is not just moving: the next try waits."""

_Repair = tuple[str, ReplicaId]
"""The kind of step, and whom it sets back."""

_AT_ONCE, _CONTEST = 2, 600.0
"""Repairs of one kind on one container within so many seconds that need no other hand to explain them."""


class Troubles:
    """What stands between a service and its next try."""

    def __init__(self) -> None:
        self._troubles: dict[str, Trouble] = {}
        self._fetches: dict[str, Trouble] = {}
        self._conflicts: dict[str, int] = {}
        self._set_back: dict[_Repair, tuple[Instant, ...]] = {}

    def note_contest(self, service: str, outcomes: Iterable[Outcome], now: Instant) -> None:
        """What is set back again and again is set by somebody else again and again: the next time waits."""
        for outcome in outcomes:
            if outcome.result is not Result.DONE or not isinstance(outcome.step, Limit | Connect | Rename):
                continue
            repair = (type(outcome.step).__name__, outcome.step.replica)
            times = (*(at for at in self._set_back.get(repair, ()) if now - at < _CONTEST), now)
            self._set_back = {**self._lately_set_back(now), repair: times}
            if len(times) > _AT_ONCE:
                message = f"was set back {len(times)} times in {_CONTEST / 60:g} minutes: somebody else sets it, too"
                self._troubles[service] = Trouble(len(times), now, repair[0], message)

    def _lately_set_back(self, now: Instant) -> Mapping[_Repair, tuple[Instant, ...]]:
        return {repair: times for repair, times in self._set_back.items() if now - times[-1] < _CONTEST}

    def get(self, service: str) -> Trouble | None:
        return self._troubles.get(service)

    def of_fetching(self, service: str) -> Trouble | None:
        return self._fetches.get(service)

    def note(self, service: str, outcomes: Sequence[Outcome], now: Instant, release: Release | None = None) -> None:
        """The outcomes of one batch, which led to `release`: what stood between is forgotten when they were done."""
        fetches = any(isinstance(outcome.step, Fetch) for outcome in outcomes)
        troubles = self._fetches if fetches else self._troubles
        failed = next((o for o in outcomes if o.result not in (Result.DONE, Result.SKIPPED)), None)
        if failed is None:
            troubles.pop(service, None)
            if not fetches:
                self._conflicts.pop(service, None)
            return
        if failed.result is Result.CONFLICT:
            self._conflicts[service] = self._conflicts.get(service, 0) + 1
            if self._conflicts[service] < _CONFLICTS:
                return
        before = troubles.get(service)
        count = before.count + 1 if before is not None and before.release == release else 1
        kind, lasting = type(failed.step).__name__, failed.result is Result.REJECTED
        troubles[service] = Trouble(count, now, kind, failed.message, lasting, release)

    def forget(self, services: Iterable[str]) -> None:
        """A person, or success, says that the next try may come at once."""
        for service in services:
            self._troubles.pop(service, None)
            self._fetches.pop(service, None)
            self._conflicts.pop(service, None)

    def forget_after(self, instant: Instant) -> None:
        """What failed later than this failed for a cause that is over; what failed before has one of its own."""
        for troubles in (self._troubles, self._fetches):
            for service in [service for service, trouble in troubles.items() if trouble.at > instant]:
                del troubles[service]
                self._conflicts.pop(service, None)

    def clear(self) -> None:
        self._troubles.clear()
        self._fetches.clear()
        self._conflicts.clear()
