"""What was last seen of each container, and what has been said about it since; shared by observing and by events."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from controller.engines import labels

_HEALTH = re.compile(r"\(([^)]*)\)")
_OLDEST = 15.0
"""Seconds for which an inspect counts although nothing was said since: well below a resync (60 s), which is to find
what was changed without a word."""
_EARLY = 1.0
"""Seconds by which the end of a short life may be dated before its start."""
_REMEMBERED = 10_000
"""Containers of which is known when they were last spoken of; no inspect takes as long as so many events."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One inspect; `key` is what the list said of the container at that time."""

    key: str
    inspect: Mapping[str, Any]
    at: float


class Sightings:
    """Inspects that still hold. Without a connected event stream none does. Safe from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[str, Sighting] = {}
        self._owners: dict[str, tuple[str, str]] = {}
        """Stack and service, also of those whose inspect does not hold any more."""
        self._said: dict[str, int] = {}
        self._short: dict[str, float] = {}
        """When something of a container was killed for want of memory last, on the engine's clock."""
        self._count = self._first = 0
        self._connected_at: float | None = None

    def connect(self, now: float) -> None:
        """The stream is up: from here on, what changes is said."""
        with self._lock:
            self._seen.clear()
            self._said.clear()
            self._count += 1
            self._first = self._count
            self._connected_at = now

    def lose(self) -> None:
        with self._lock:
            self._connected_at = None
            self._seen.clear()

    @property
    def since(self) -> float | None:
        """Since when nothing was missed, on our clock; None: nobody watches."""
        return self._connected_at

    def say(self, container: str) -> None:
        """Something happened to it."""
        with self._lock:
            self._count += 1
            self._said.pop(container, None)
            self._said[container] = self._count
            self._seen.pop(container, None)
            if len(self._said) > _REMEMBERED:  # of foreign projects too: nothing else ever forgets those
                del self._said[next(iter(self._said))]

    def note_short(self, container: str, at: float) -> None:
        """The kernel killed something of it for want of memory. `at`: on the engine's clock."""
        with self._lock:
            self._short.pop(container, None)
            self._short[container] = at
            if len(self._short) > _REMEMBERED:
                del self._short[next(iter(self._short))]

    def is_unharmed(self, container: str, since: float, ahead: float) -> bool:
        """Whether it is known that the kernel killed nothing of it since, whatever the engine says.

        `since`: on our clock, of which the engine's is `ahead`.
        """
        with self._lock:
            if self._connected_at is None or self._connected_at > since:
                return False  # it may have been missed
            at = self._short.get(container)
        return at is None or at - ahead < since - _EARLY

    def mark(self) -> int:
        """To be asked before an inspect and handed to `keep`: what is said meanwhile makes the inspect old."""
        with self._lock:
            return self._count

    def keep(self, container: str, mark: int, sighting: Sighting) -> None:
        with self._lock:
            self._owners[container] = _owner(sighting)
            if self._connected_at is not None and max(self._first, self._said.get(container, 0)) <= mark:
                self._seen[container] = sighting

    def recall(self, container: str, key: str) -> Mapping[str, Any] | None:
        """The last inspect, if the list says the same and nothing else was said since."""
        with self._lock:
            found = self._seen.get(container)
        if found is None or found.key != key or time.monotonic() - found.at > _OLDEST:
            return None
        return found.inspect

    def forget_others(self, stack: str, present: Collection[str]) -> None:
        """Drop what is gone of one stack."""
        with self._lock:
            for container in [key for key, owner in self._owners.items() if owner[0] == stack and key not in present]:
                del self._owners[container]
                self._seen.pop(container, None)
                self._said.pop(container, None)
                self._short.pop(container, None)

    def whose(self, container: str) -> tuple[str, str] | None:
        """Stack and service of a container that was seen."""
        with self._lock:
            return self._owners.get(container)


def listed_key(item: Mapping[str, Any]) -> str:
    """What a list entry says, without the ages that change with every look."""
    health = _HEALTH.findall(item.get("Status") or "")
    networks = (item.get("NetworkSettings") or {}).get("Networks") or {}
    places = sorted((name, end.get("IPAddress"), end.get("EndpointID")) for name, end in networks.items() if end)
    return repr((item.get("State"), health, item.get("Names"), item.get("ImageID"), places))


def _owner(seen: Sighting) -> tuple[str, str]:
    marks = seen.inspect["Config"].get("Labels") or {}
    return str(marks.get(labels.PROJECT)), str(marks.get(labels.SERVICE))
