"""What of a text stands in the file itself, and what variables put there. Pure.

A default is what stands there where nobody sets the variable; whatever comes from elsewhere is one opaque sign.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

BLANK = "\N{OBJECT REPLACEMENT CHARACTER}"
"""In the place of what is not in the file."""

_NAME = r"[A-Za-z_]\w*+"
_MARK = re.compile(rf"\$\$?\{{{_NAME}(?::?[-+?])?|\$\$?\(|\$?\${_NAME}|\$\$|\$[\d@*#?!]|[{{}}()`]")
_SHELL_NAME = re.compile(r"\$\$[A-Z_][A-Z0-9_]*+(?![a-z])")
"""A variable of a shell in the container, by its spelling: else two dollars are Compose's way to write one."""
_CLOSES = {"{": "}", "(": ")", "`": "`"}


@dataclass(frozen=True, slots=True)
class _Open:
    """What is not closed yet. `sign`: the bracket, "" for the text itself; `chosen`: what is in it may stand there."""

    opening: str
    sign: str
    parts: list[str] = field(default_factory=list)
    chosen: bool = False
    plain: bool = False
    """A bracket within, that only has to be closed as well."""


def filled(text: str, *, in_shell: bool = False) -> str:
    """The text with BLANK for each variable, or its default. `in_shell`: of a command, where `$name`, `$1` and
    backticks are a shell's. One pass, whatever is in it."""
    if "$" not in text and not (in_shell and "`" in text):
        return text
    opened, position = [_Open("", "")], 0
    for found in _MARK.finditer(text):
        opened[-1].parts.append(text[position : found.start()])
        position = found.end()
        _take(opened, found[0], in_shell)
    opened[-1].parts.append(text[position:])
    return "".join(part for one in opened for part in (one.opening, *one.parts))


def _take(opened: list[_Open], mark: str, in_shell: bool) -> None:
    last = opened[-1]
    if last.sign and mark == _CLOSES[last.sign]:
        opened.pop()
        opened[-1].parts.append(_closed(last))
    elif mark[0] == "$" and mark.lstrip("$")[:1] in ("{", "("):
        sign = mark.lstrip("$")[0]
        opened.append(_Open(mark, sign, chosen=mark[-1] in "-+"))
    elif mark == "`" and in_shell:
        opened.append(_Open(mark, mark))
    elif mark in ("{", "(") and last.sign == mark:
        opened.append(_Open(mark, mark, plain=True))
    else:
        last.parts.append(_alone(mark, in_shell))


def _closed(one: _Open) -> str:
    inner = "".join(one.parts)
    if one.plain:
        return f"{one.opening}{inner}{_CLOSES[one.sign]}"
    return inner if one.chosen and inner else BLANK


def _alone(mark: str, in_shell: bool) -> str:
    if mark[0] != "$":
        return mark
    if mark.startswith("$$"):
        is_name = _SHELL_NAME.fullmatch(mark) or (in_shell and len(mark) > 2)
        return BLANK if is_name else mark[1:]
    return BLANK if in_shell or mark[1:2].isalpha() or mark[1:2] == "_" else mark
