"""What an expression of PromQL speaks of: metrics, and labels that are matched on them. No parser: enough for ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_SELECTOR = re.compile(r"(?<![\w$:])([a-zA-Z_:][\w:]*+)\s*(?:\{([^}]*)\})?(?!\s*\()")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_RANGE = re.compile(r"\[[^\]]*\]")
_WORDS = {"and", "or", "unless", "bool", "offset"}


class Selector(NamedTuple):
    """`controller_alerts{state="Firing"}`: its name, and (label, operator, value) of each matcher."""

    name: str
    matchers: tuple[tuple[str, str, str], ...]


def selectors(expression: str) -> Iterator[Selector]:
    """Each vector that the expression takes, in order."""
    bare = _RANGE.sub("", _GROUPING.sub("", expression))
    for found in _SELECTOR.finditer(bare):
        if found[1] not in _WORDS:
            yield Selector(found[1], tuple(_MATCHER.findall(found[2] or "")))  # type: ignore[arg-type]


def groupings(expression: str) -> set[str]:
    """The labels that it groups by."""
    return {name for found in re.findall(r"\bby\s*\(([^)]*)\)", expression) for name in re.findall(r"\w+", found)}
