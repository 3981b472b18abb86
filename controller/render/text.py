"""Words, ages, tables and colour: what every screen is made of. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple

Paint = Callable[[str, str], str]
"""Dresses a text in a role (`good busy warn bad dim bold`); the meaning never depends on it."""

NONE = "<none>"
_STUMP = 8
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CONTROL_IN_BLOCK = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SGR = {"good": "32", "busy": "36", "warn": "33", "bad": "31", "dim": "2", "bold": "1"}


class Cell(NamedTuple):
    """One field of a table and the role that it is painted in."""

    text: str
    role: str = ""


def plain(text: str, role: str) -> str:
    """No colour."""
    return text


def ansi(text: str, role: str) -> str:
    """Colour by terminal escapes."""
    return f"\x1b[{_SGR[role]}m{text}\x1b[0m" if role in _SGR and text else text


def clean(text: str, *, keep_lines: bool = False) -> str:
    """What came from elsewhere, made harmless to a terminal: control and direction characters become visible."""
    if keep_lines:
        return _CONTROL_IN_BLOCK.sub(_visible, text)
    return _CONTROL.sub(_visible, text.replace("\n", " ").replace("\t", " "))


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


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


def age(seconds: float | None) -> str:
    """A span of seconds as kubectl says it: `45s`, `5m30s`, `3h5m`, `2d3h`; None: `<none>`."""
    if seconds is None:
        return NONE
    whole = max(0, int(seconds))
    for below, unit, size, sub, sub_size in _AGES:
        if whole < below:
            rest = whole % size // sub_size if sub else 0
            return f"{whole // size}{unit}{rest}{sub}" if rest else f"{whole // size}{unit}"
    return f"{whole // _YEAR}y"


_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400
_AGES = (
    (2 * _MINUTE, "s", 1, "", 1),
    (10 * _MINUTE, "m", _MINUTE, "s", 1),
    (3 * _HOUR, "m", _MINUTE, "", 1),
    (8 * _HOUR, "h", _HOUR, "m", _MINUTE),
    (2 * _DAY, "h", _HOUR, "", 1),
    (8 * _DAY, "d", _DAY, "h", _HOUR),
    (2 * _YEAR, "d", _DAY, "", 1),
    (8 * _YEAR, "y", _YEAR, "d", _DAY),
)
"""Below so many seconds: unit and its size, sub-unit (if any) and its size, as kubectl does."""


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
