"""An axis of seconds in so many columns: round ticks with their labels, and what fills which column. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from controller.render.paint import age

T = TypeVar("T")

_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
_APART = 10
"""Columns between two labels, at least."""


class Axis(NamedTuple):
    """`seconds` from its left end to its right end, `columns` wide; a label every `step` seconds."""

    seconds: float
    columns: int
    step: float

    def cell(self, at: float) -> int:
        """The column that an instant lies in."""
        return min(max(int(at / self.seconds * self.columns), 0), self.columns - 1)

    def lines(self, plain_text: bool) -> tuple[str, str]:
        """The labels, and the ruler below them."""
        labels, ruler = [" "] * self.columns, ["-" if plain_text else "─"] * self.columns
        tick = 0
        while tick * self.step <= self.seconds * 1.0001:
            place = min(round(tick * self.step / self.seconds * self.columns), self.columns - 1)
            ruler[place] = "+" if plain_text else "┬"
            label = _label(tick * self.step)
            if place + len(label) <= self.columns:
                labels[place : place + len(label)] = label
            tick += 1
        return "".join(labels).rstrip(), "".join(ruler)

    def fill(self, stretches: Sequence[tuple[float, float, T]]) -> list[T | None]:
        """For each column what takes most of its time; None: nothing. Of equals the later one."""
        most = [0.0] * self.columns
        cells: list[T | None] = [None] * self.columns
        width = self.seconds / self.columns
        for begin, end, what in stretches:
            for index in range(self.cell(begin), self.cell(end) + 1):
                share = min(end, (index + 1) * width) - max(begin, index * width)
                if share > 0 and share >= most[index]:
                    most[index], cells[index] = share, what
        return cells


def make_axis(seconds: float, columns: int) -> Axis:
    """One that ends where what it is for ends."""
    length = max(seconds, 0.1)
    fits = (step for step in _STEPS if step * columns / length >= _APART)
    return Axis(length, columns, next(fits, _STEPS[-1]))


def _label(seconds: float) -> str:
    return f"{seconds:.3g}s" if seconds < 120 else age(seconds)
