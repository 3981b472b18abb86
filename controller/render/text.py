"""Words, ages, tables and colour: what every screen is made of. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from controller.render.paint import Paint, age, clean, plain

_STUMP = 8


class Cell(NamedTuple):
    """One field of a table and the role that it is painted in."""

    text: str
    role: str = ""


def width_of(text: str) -> int:
    """Columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, width: int | None) -> str:
    """A text shortened to `width` columns with an ellipsis; None: left whole."""
    if width is None or width_of(text) <= width:
        return text
    taken = ""
    for character in text:
        if width_of(taken + character) > width - 1:
            break
        taken += character
    return f"{taken.rstrip()}…" if width > 0 else ""


def table(
    header: Sequence[str], rows: Sequence[Sequence[str | Cell]], *, paint: Paint = plain, width: int | None = None
) -> list[str]:
    """Lines as kubectl prints them: upper-case header, three spaces between columns, no borders.

    With `width` the last column is shortened to fit, or left out where it would be a stump; without, nothing is.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max([width_of(name), *(width_of(row[index].text) for row in cells)]) for index, name in enumerate(header)]
    room = None if width is None else width - sum(widths[:-1]) - 3 * (len(header) - 1)
    if room is not None and room < min(_STUMP, widths[-1]) and len(header) > 1:
        header, cells, room = header[:-1], [row[:-1] for row in cells], None
    return [_line([Cell(name, "bold") for name in header], widths, room, paint)] + [
        _line(row, widths, room, paint) for row in cells
    ]


def _cell(value: str | Cell) -> Cell:
    return Cell(clean(value.text), value.role) if isinstance(value, Cell) else Cell(clean(value))


def _line(row: Sequence[Cell], widths: Sequence[int], room: int | None, paint: Paint) -> str:
    out: list[str] = []
    for index, cell in enumerate(row):
        last = index == len(row) - 1
        text = cut(cell.text, room) if last else cell.text
        pad = "" if last else " " * (widths[index] - width_of(text) + 3)
        out.append(paint(text, cell.role) + pad if cell.role else text + pad)
    return "".join(out).rstrip()


def span(seconds: float | None) -> str:
    """A measured time: `0.4 s`, `12.3 s`, `2m5s`; None: `unknown`."""
    if seconds is None:
        return "unknown"
    return f"{seconds:.1f} s" if seconds < 99.95 else age(seconds)


def count(number: int, noun: str) -> str:
    """`1 change`, `2 changes`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def joined(names: Sequence[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}" if names else ""
