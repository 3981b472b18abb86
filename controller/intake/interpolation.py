"""Variables in text as Compose writes them: their names, and values where a path needs one. Pure.

Compose interpolates the project itself; this only finds out which files and variables it will look at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

MAX_EXPANDED = 1 << 17
"""Characters: no variable of a process may have more bytes."""
MAX_DEFAULTS = 16
"""How deep braces may stand in each other, as `${A:-${B:-…}}`."""

_NAME = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")
_BLANK = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_BRACED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-+?])(.*))?$", re.DOTALL)
_BRACE = re.compile(r"[{}]")
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*(?:[=:](.*))?$")


def variable_names(text: str) -> frozenset[str]:
    """Every variable that a text may look at, those of defaults included."""
    return frozenset(_NAME.findall(text.replace("$$", ""))) if "$" in text else frozenset()


def blank_names(text: str) -> frozenset[str]:
    """Variables in whose place nothing would stand if they were unset: those without a default."""
    return frozenset(braced or bare for braced, bare in _BLANK.findall(text.replace("$$", "")))


def expand(text: str, variables: Mapping[str, str]) -> str | None:
    """The text with its variables filled in; None where a required one is missing or the text makes no sense.

    None as well beyond the limits above: only Compose knows then.
    """
    result, position = "", 0
    while position < len(text):
        if text[position] != "$":
            following = text.find("$", position)
            following = len(text) if following < 0 else following
            result += text[position:following]
            position = following
            continue
        value, position = _value(text, position + 1, variables)
        if value is None:
            return None
        result += value
        if len(result) > MAX_EXPANDED:
            return None
    return result


def _value(text: str, position: int, variables: Mapping[str, str]) -> tuple[str | None, int]:
    """The value of what stands after a `$`, and where the text goes on."""
    if text.startswith("$", position):
        return "$", position + 1
    if not text.startswith("{", position):
        match = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").match(text, position)
        return (variables.get(match.group(), ""), match.end()) if match else (None, position)
    end = _closing(text, position)
    match = _BRACED.match(text[position + 1 : end]) if end is not None else None
    if match is None or end is None:
        return None, len(text)
    return _chosen(match.group(1), match.group(2), match.group(3), variables), end + 1


def _closing(text: str, position: int) -> int | None:
    depth = 0
    for brace in _BRACE.finditer(text, position):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return brace.start()
        if depth > MAX_DEFAULTS:
            return None
    return None


def _chosen(name: str, operator: str | None, other: str | None, variables: Mapping[str, str]) -> str | None:
    value = variables.get(name)
    given = bool(value) if operator and operator.startswith(":") else value is not None
    match (operator or "")[-1:]:
        case "-":
            return value if given else expand(other or "", variables)
        case "+":
            return expand(other or "", variables) if given else ""
        case "?":
            return value if given else None
    return value or ""


class EnvLine(NamedTuple):
    """A line of an env file. `value` is None where only the name is given, which passes the shell's value on;
    `literal`: what stands in single quotes is not interpolated."""

    number: int
    name: str
    value: str | None
    literal: bool


def env_lines(text: str) -> Iterator[EnvLine]:
    """Those lines of an env file that set, or pass on, a variable."""
    for number, line in enumerate(text.splitlines(), 1):
        match = None if line.lstrip().startswith("#") else _LINE.match(line)
        if match:
            value = match.group(2)
            stripped = None if value is None else value.strip()
            yield EnvLine(number, match.group(1), _unquoted(stripped), (stripped or "").startswith("'"))


def parse_env(text: str) -> Mapping[str, str | None]:
    """Variables of an env file, by name; the last line counts."""
    return {line.name: line.value for line in env_lines(text)}


def _unquoted(value: str | None) -> str | None:
    if value is None:
        return None
    if value[:1] in ("'", '"'):
        return value[1:].split(value[0])[0]
    return re.split(r"\s#", value, maxsplit=1)[0].rstrip()
