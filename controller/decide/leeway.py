"""How much of the machine a service may take now. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from controller.model.names import ReplicaId
from controller.model.resources import NO_RESERVE, NOTHING, Amount, Reserve

_ROUNDING = 1e-6


class Leeway(NamedTuple):
    """What a service may begin. `left`: for all replicas that it starts now; None: no bound. `most`: how many they may
    be; None: no bound. `swap`: one may be replaced in its place, the new one after the old one.

    `asked`: by one replica, by `others` of earlier revisions that do not run. `free`: what one replica could have;
    `kept`: what is kept for the host. `never`: not even the whole machine has as much. `behind`: the service of a
    higher priority that what is free is left to. `volume`: what is in use, and by whom. `relief`: what could make
    room. `disk`: bytes that are free for images and containers; None: not known.
    """

    left: Amount | None = None
    most: int | None = None
    swap: bool = True
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
        left = None if self.left is None else minus(self.left, asked)
        return self._replace(left=left, most=None if self.most is None else self.most - 1)


AMPLE = Leeway()
"""No bound at all."""


def fits(asked: Amount, free: Amount) -> bool:
    """Whether one more has room."""
    return asked.memory <= max(0, free.memory) and asked.cpu <= max(0.0, free.cpu) + _ROUNDING


def plus(one: Amount, other: Amount) -> Amount:
    return Amount(one.memory + other.memory, one.cpu + other.cpu)


def minus(one: Amount, other: Amount) -> Amount:
    return Amount(one.memory - other.memory, one.cpu - other.cpu)


def times(count: int, one: Amount) -> Amount:
    return Amount(one.memory * count, one.cpu * count)
