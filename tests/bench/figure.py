"""What a row of the table says: a median with its spread, beside what it has to reach."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """Of one run: the median, the least, the most, and of how many values."""

    median: float
    least: float
    most: float
    count: int


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. `reach`: at most so much; None: printed only. `brief`: it stands in the README, too."""

    row: int
    what: str
    unit: str
    spread: Spread
    reach: float | None = None
    brief: bool = False

    @property
    def verdict(self) -> str:
        if self.reach is None:
            return "printed"
        return "met" if self.spread.median <= self.reach else "missed"

    @property
    def measured(self) -> str:
        """`2.53 s [2.41–2.60]`; without brackets where there is one value."""
        spread = self.spread
        if spread.count == 1:
            return self._tell(spread.median)
        return f"{self._tell(spread.median)} [{_number(spread.least)}–{_number(spread.most)}]"

    @property
    def wanted(self) -> str:
        return "" if self.reach is None else f"≤ {self.reach:g}{self._suffix}"

    @property
    def _suffix(self) -> str:
        return f" {self.unit}" if self.unit else ""

    def _tell(self, value: float) -> str:
        return f"{_number(value)}{self._suffix}"


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is done for a figure; `say` tells progress."""

    quick: bool
    say: Callable[[str], None]

    def rounds(self, full: int, quick: int = 2) -> int:
        return quick if self.quick else full


def spread(values: Sequence[float]) -> Spread:
    """Of at least one value."""
    return Spread(statistics.median(values), min(values), max(values), len(values))


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Median by median; its spread is that of the rounds, in which both were measured one after the other."""
    rounds = [our / their for our, their in zip(ours, theirs, strict=True)]
    return Spread(statistics.median(ours) / statistics.median(theirs), min(rounds), max(rounds), len(rounds))


def _number(value: float) -> str:
    """Three digits that matter, and all of what was counted."""
    if isinstance(value, int) or value == 0:
        return f"{value:,.0f}"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 10 else f"{value:.1f}"
