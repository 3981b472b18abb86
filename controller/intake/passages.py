"""Where within a text of several lines something stands: in blocks, and in what goes on in the next line. Pure."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from controller.intake.source import Document
from controller.intake.tree import Node, Place

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""As YAML counts lines."""
_WORD = re.compile(r"\w+")


class _Text(NamedTuple):
    """A part of a file. `starts`: of its lines; `words`: where each is for the first time."""

    whole: str
    first: int
    starts: Sequence[int]
    end: int
    words: dict[str, int]

    def place(self, needle: str) -> Place | None:
        """A name is looked up, so that many of them in one text are found in no more time than one."""
        at = self.words.get(needle)
        if at is None:
            alone = re.compile(rf"(?<![\w-]){re.escape(needle)}(?![\w-])").search(self.whole, self.starts[0], self.end)
            at = alone.start() if alone else self.whole.find(needle, self.starts[0], self.end)
        if at < 0:
            return None
        line = bisect_right(self.starts, at) - 1
        return Place(self.first + line, at - self.starts[line] + 1)


class Passages:
    """Of the files of one project, each taken apart once."""

    def __init__(self) -> None:
        self._lines: dict[int, tuple[Document, list[int]]] = {}
        self._texts: dict[tuple[int, int, int], _Text] = {}

    def find(self, document: Document, node: Node, place: Place, needles: Sequence[str]) -> Place:
        """Of the first of the needles that stands in what a key at `place` has for its text; else that place."""
        if node.value is None or not document.text:
            return place
        first, last = node.span or (node.place.line, node.place.line)
        if (first, last) == (place.line, place.line):
            return place
        text = self._text(document, first, last)
        return next((found for one in needles if one and (found := text.place(one))), place)

    def _text(self, document: Document, first: int, last: int) -> _Text:
        key = (id(document), first, last)
        if key not in self._texts:
            starts = self._starts(document)[first - 1 : last + 1]
            end = starts.pop() if len(starts) > last - first + 1 else len(document.text)
            words: dict[str, int] = {}
            for found in _WORD.finditer(document.text, starts[0], end):
                words.setdefault(found[0], found.start())
            self._texts[key] = _Text(document.text, first, starts, end, words)
        return self._texts[key]

    def _starts(self, document: Document) -> list[int]:
        if id(document) not in self._lines:  # the document is kept, so that no other one gets its number
            self._lines[id(document)] = (document, [*_starts(document.text)])
        return self._lines[id(document)][1]


def _starts(text: str) -> Iterator[int]:
    yield 0
    yield from (found.end() for found in _BREAK.finditer(text))
