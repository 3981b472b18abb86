"""How much of the machine a service may take now. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from controller.model.names import ReplicaId
from controller.model.quantities import tell_octets
from controller.model.resources import NO_RESERVE, NOTHING, Amount, Reserve

_ROUNDING = 1e-6


class Leeway(NamedTuple):
    """What a service may begin. `left`: for all replicas that it starts now; None: no bound. `most`: how many they may
    be; None: no bound. `swaps`: how many may be replaced in their places, the new ones after the old ones; None: all.

    `asked`: by one replica, by `others` of other revisions that do not run. `free`: what one replica could have;
    `kept`: what is kept for the host. `never`: not even the whole machine has as much. `behind`: the service of a
    higher priority that what is free is left to. `volume`: what is in use, and by whom. `relief`: what could make
    room. `disk`: bytes that are free for images and containers; None: not known, or no bound.
    """

    left: Amount | None = None
    most: int | None = None
    swaps: int | None = None
    asked: Amount = NOTHING
    others: Mapping[ReplicaId, Amount] = MappingProxyType({})
    free: Amount = NOTHING
    kept: Reserve = NO_RESERVE
    never: bool = False
    behind: str = ""
    volume: tuple[str, str] | None = None
    relief: str = ""
    disk: int | None = None

    def admits(self, asked: Amount) -> bool:
        """Whether one that asks for so much may start."""
        return self.most != 0 and (self.left is None or fits(asked, self.left))

    def less(self, asked: Amount) -> Leeway:
        """What is left once it has."""
        if self.left is None and self.most is None:
            return self
        left = None if self.left is None else minus(self.left, asked)
        return self._replace(
            left=left, free=minus(self.free, asked), most=None if self.most is None else max(0, self.most - 1)
        )

    @property
    def may_swap(self) -> bool:
        """Whether one may be replaced in its place."""
        return self.swaps is None or self.swaps > 0


AMPLE = Leeway()
"""No bound at all."""


def fits(asked: Amount, free: Amount) -> bool:
    """Whether one more has room."""
    return asked.memory <= max(0, free.memory) and asked.cpu <= max(0.0, free.cpu) + _ROUNDING


def count_swaps(asked: Amount, freed: Amount, left: Amount) -> int | None:
    """How many of those that each free so much may be replaced at once by one that asks for so much; None: all."""
    more = minus(asked, freed)
    bounds = [max(0, left.memory) // more.memory] if more.memory > 0 else []
    bounds += [int((max(0.0, left.cpu) + _ROUNDING) / more.cpu)] if more.cpu > _ROUNDING else []
    return min(bounds, default=None)


def plus(one: Amount, other: Amount) -> Amount:
    return Amount(one.memory + other.memory, one.cpu + other.cpu)


def minus(one: Amount, other: Amount) -> Amount:
    return Amount(one.memory - other.memory, one.cpu - other.cpu)


def times(count: int, one: Amount) -> Amount:
    return Amount(one.memory * count, one.cpu * count)


def add(amounts: Iterable[Amount]) -> Amount:
    """All of them together."""
    whole = NOTHING
    for amount in amounts:
        whole = plus(whole, amount)
    return whole


def at_least(one: Amount, other: Amount) -> Amount:
    """The more of both, in each respect."""
    return Amount(max(one.memory, other.memory), max(one.cpu, other.cpu))


def at_most(one: Amount, other: Amount) -> Amount:
    """The less of both, in each respect."""
    return Amount(min(one.memory, other.memory), min(one.cpu, other.cpu))


def tell_kept(kept: float, tell: Callable[[float], str] = tell_octets) -> str:
    """` beside the 256Mi kept for the host`, to go behind what is free; "" where nothing is kept."""
    return f" beside the {tell(kept)} kept for the host" if kept else ""
