"""What each service of a stack has of the machine, and all of them together: kept up as they are counted. Pure."""

from __future__ import annotations

from collections.abc import Container, Mapping, Set
from types import MappingProxyType

from controller.decide.demand import NOBODY_HELD, Held
from controller.decide.leeway import add, minus, plus
from controller.model.resources import NOTHING, Amount

_NOTHING_BELOW: Mapping[str, Held] = MappingProxyType({})
_NOBODY: Set[str] = frozenset()


class Tally:
    """`total`: what all have who run; `vacant`: what is kept for others.

    `below`: what counts of those of whom nothing was noted here. A pass lays one over the world's, for what it grants.
    """

    def __init__(self, below: Tally | None = None) -> None:
        self._below = _NOTHING_BELOW if below is None else below._held
        self._held: dict[str, Held] = {}
        self.total: Amount = NOTHING if below is None else below.total
        self.vacant: Amount = NOTHING if below is None else below.vacant
        self._coming_below: Set[str] = _NOBODY if below is None else below._coming
        self._coming: set[str] = set()

    @property
    def coming(self) -> Set[str]:
        """Services that will ask for more places. Put together when asked for: a pass seldom wants to know."""
        return self._coming | (self._coming_below - self._held.keys()) if self._coming_below else self._coming

    def find(self, name: str) -> Held | None:
        """None: nobody has counted it yet."""
        return self._held.get(name) or self._below.get(name)

    def of(self, name: str) -> Held:
        return self.find(name) or NOBODY_HELD

    def note(self, name: str, now: Held) -> Held:
        """What that service has now; what it had before."""
        before, self._held[name] = self.of(name), now
        self.total = plus(minus(self.total, before.amount), now.amount)
        self.vacant = plus(minus(self.vacant, before.vacant), now.vacant)
        (self._coming.add if now.coming else self._coming.discard)(name)
        return before

    def keep_only(self, names: Container[str]) -> None:
        """The others are gone. Added up anew, so that no rounding stays."""
        self._held = {name: held for name, held in self._held.items() if name in names}
        self.total = add(held.amount for held in self._held.values())
        self.vacant = add(held.vacant for held in self._held.values())
        self._coming = {name for name, held in self._held.items() if held.coming}
