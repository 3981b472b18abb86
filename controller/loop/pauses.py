"""When is looked again at what could not be seen: an engine that does not answer, services that were seen in part."""

from __future__ import annotations

from collections.abc import Mapping

from controller.model.observed import ServiceView

SOON = 0.5
"""Seconds until what could not be done is tried again: the first of the pauses for an engine that does not answer."""

_LAST = 10.0
"""Seconds between two looks at most."""

_HALF_SEEN = 0.25
"""Seconds after which is looked again at what was seen in part, doubling: an inspect waits while Docker starts."""

_DOUBLINGS = 6


class Pauses:
    """Of one stack: in seconds, each twice as long as the one before."""

    def __init__(self) -> None:
        self._failures = 0
        self._half_seen: dict[str | None, int] = {}

    def after_failure(self) -> float:
        """The engine did not answer once more."""
        self._failures += 1
        return min(_LAST, SOON * 2.0 ** min(self._failures - 1, _DOUBLINGS))

    def after_answer(self) -> None:
        """It answers: the next failure is a first one."""
        self._failures = 0

    def after_look(self, views: Mapping[str, ServiceView], whole: bool) -> Mapping[str | None, float]:
        """Until the next look at each service that was seen in part, or at the stack (None) after a look at all of it.

        Empty: all was seen.
        """
        half = [name for name, view in views.items() if not view.complete]
        for name in views.keys() - half:
            self._half_seen.pop(name, None)
        if whole and not half:
            self._half_seen.clear()
        return {key: self._half_seen_again(key) for key in ((None,) if whole and half else half)}

    def _half_seen_again(self, key: str | None) -> float:
        times = self._half_seen[key] = min(self._half_seen.get(key, -1) + 1, _DOUBLINGS)
        return min(_LAST, _HALF_SEEN * 2.0**times)
