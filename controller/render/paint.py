"""A text's dress and an age: what even the shortest line is made of. Pure, and loads next to nothing."""

from __future__ import annotations

import re
from collections.abc import Callable

Paint = Callable[[str, str], str]
"""Dresses a text in a role (`good busy warn bad dim bold`); the meaning never depends on it."""

NONE = "<none>"
_CONTROL = "[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
_CONTROL_IN_BLOCK = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
_SGR = {"good": "32", "busy": "36", "warn": "33", "bad": "31", "dim": "2", "bold": "1"}


def plain(text: str, role: str) -> str:
    """No colour."""
    return text


def ansi(text: str, role: str) -> str:
    """Colour by terminal escapes."""
    return f"\x1b[{_SGR[role]}m{text}\x1b[0m" if role in _SGR and text else text


def clean(text: str, *, keep_lines: bool = False) -> str:
    """What came from elsewhere, made harmless to a terminal: control and direction characters become visible."""
    if text.isprintable():
        return text  # nearly always; the expressions below are compiled for the others
    if keep_lines:
        return re.sub(_CONTROL_IN_BLOCK, _visible, text)
    return re.sub(_CONTROL, _visible, text.replace("\n", " ").replace("\t", " "))


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


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
