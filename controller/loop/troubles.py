"""Calls that failed, by service: how often in a row, when last and why. In memory only: a new process tries at once.

What fetches an image has a row of its own: it is done beside the rest, and says nothing of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from controller.model.names import Instant, Release, ReplicaId
from controller.model.observed import NO_TROUBLES, Trouble
from controller.model.steps import Connect, Limit, Outcome, Rename, Result, Row, Withdraw, fetched_image

_CONFLICTS = 3
"""Conflicts in a row after which the world is not just moving: the next try waits."""

_Repair = tuple[str, ReplicaId]
"""The kind of step, and whom it sets back."""

_AT_ONCE, _CONTEST = 2, 600.0
"""Repairs of one kind on one container within so many seconds that need no other hand to explain them."""


class Troubles:
    """What stands between a service and its next try."""

    def __init__(self) -> None:
        self._troubles: dict[Row, Trouble] = {}
        self._conflicts: dict[Row, int] = {}
        self._set_back: dict[_Repair, tuple[Instant, ...]] = {}

    def get(self, service: str, image: str = "") -> Trouble | None:
        """What fails for it, or what fails to get that image here for it."""
        return self._troubles.get((service, image))

    def of_fetching(self, service: str) -> Mapping[str, Trouble]:
        """By image."""
        if not self._troubles:
            return NO_TROUBLES  # nearly always
        return {image: trouble for (name, image), trouble in self._troubles.items() if image and name == service}

    def note(self, service: str, outcomes: Sequence[Outcome], now: Instant, release: Release | None = None) -> None:
        """The outcomes of one batch, which led to `release`: all of its row is forgotten when they were done."""
        if all(outcome.result is Result.SKIPPED for outcome in outcomes):
            return
        row = (service, fetched_image(outcomes[0].step))
        failed = next((o for o in outcomes if o.result not in (Result.DONE, Result.SKIPPED)), None)
        if failed is None:
            self._forget([row])
            return
        if failed.result is Result.CONFLICT:
            self._conflicts[row] = self._conflicts.get(row, 0) + 1
            if self._conflicts[row] < _CONFLICTS:
                return
        before = self._troubles.get(row)
        count = before.count + 1 if before is not None and before.release == release else 1
        kind, lasting = type(failed.step).__name__, failed.result is Result.REJECTED
        self._troubles[row] = Trouble(count, now, kind, failed.message, lasting, release)

    def note_contest(self, service: str, outcomes: Iterable[Outcome], now: Instant) -> None:
        """What is set back again and again is set by somebody else again and again: the next time waits.

        Not what we took ourselves, nor what follows use, nor is a refusal in the same batch forgotten for it.
        """
        for outcome in outcomes:
            step = outcome.step
            if outcome.result is not Result.DONE or (isinstance(step, Limit | Connect) and step.follows):
                continue
            if isinstance(step, Withdraw):
                self._set_back.pop((Connect.__name__, step.replica), None)
            elif isinstance(step, Limit | Connect | Rename):
                repair = (type(step).__name__, step.replica)
                times = (*(at for at in self._set_back.get(repair, ()) if now - at < _CONTEST), now)
                self._set_back = {**self._lately_set_back(now), repair: times}
                if len(times) > _AT_ONCE and (service, "") not in self._troubles:
                    message = (
                        f"was set back {len(times)} times in {_CONTEST / 60:g} minutes: somebody else sets it, too"
                    )
                    self._troubles[service, ""] = Trouble(len(times), now, repair[0], message)

    def _lately_set_back(self, now: Instant) -> Mapping[_Repair, tuple[Instant, ...]]:
        return {repair: times for repair, times in self._set_back.items() if now - times[-1] < _CONTEST}

    def forget(self, services: Iterable[str]) -> None:
        """A person says that the next try may come at once."""
        names = frozenset(services)
        self._forget([row for row in self._rows() if row[0] in names])

    def forget_fetch(self, service: str, image: str) -> None:
        """The image is here, by whatever hand."""
        self._forget([(service, image)])

    def forget_after(self, instant: Instant) -> None:
        """What failed later than this failed for a cause that is over; what failed before has one of its own."""
        self._forget([row for row, trouble in self._troubles.items() if trouble.at > instant])

    def clear(self) -> None:
        self._forget(self._rows())

    def _rows(self) -> list[Row]:
        return [*self._troubles, *self._conflicts]

    def _forget(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self._troubles.pop(row, None)
            self._conflicts.pop(row, None)
