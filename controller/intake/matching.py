"""What of a tree of YAML is most like something that is looked for: by names, and by text with its variables filled in.
Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from controller.intake.findings import Path as Keys
from controller.intake.interpolation import expand
from controller.intake.tree import Key, Node, Place, plain

_PARTS = re.compile("[:=]")
_OF_SOURCE = ("source", "bind")
"""Keys of a mount that say what is mounted, and how it spreads."""


class Reached(NamedTuple):
    """How far a path leads into a tree. `service`: what it goes through; `score`: how much of what was looked for the
    items on the way say; below 0: one was found only by where Compose has it; `node`: what stands at its end."""

    place: Place
    depth: int
    text: str | None
    score: int
    service: Node | None
    node: Node


class Matcher:
    """Of one project. `values`: those of its variables."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self._names = _Names()

    def full(self, text: str) -> str:
        """With variables filled in; as it is where that cannot be done here."""
        found = expand(text, self._values) if "$" in text else text
        return text if found is None else found

    def plain(self, node: Node) -> Any:
        """Mappings, lists and scalars, their variables filled in."""
        return self._filled(plain(node))

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._filled(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self._filled(one) for one in value]
        return self.full(value) if isinstance(value, str) else value

    def descend(self, root: Node, path: Keys, needles: Sequence[str]) -> Reached:
        """Of several things below the path, to that which has most of the needles in it."""
        node, place, depth, service, score = root, root.place, 0, None, 0
        for number, part in enumerate(path):
            if depth == 2 and path[0] == "services":
                service = node
            last = number == len(path) - 1
            entry, found = self._entry(node, part, needles if last or isinstance(part, int) else ())
            if entry is None:
                break
            node, place, depth, score = entry.node, entry.place, depth + 1, score + found
        if depth == 2 and path[0] == "services":
            service = node
        if depth == len(path) and (inner := self._inner(node, path, needles)) is not None:
            node, place = inner.node, inner.place
        return Reached(place, depth, text_of(node), score, service, node)

    def _inner(self, node: Node, path: Keys, needles: Sequence[str]) -> Key | None:
        """A mount is told at its source: its place in the container may be the same text."""
        source = node.child("source") if path[2:3] == ("volumes",) and isinstance(path[-1], int) else None
        if needles and source is not None:
            node = node._replace(keys={name: key for name, key in (node.keys or {}).items() if name in _OF_SOURCE})
        return next((key for one in needles if (key := self._with(node, one)) is not None), source if needles else None)

    def _entry(self, node: Node, part: str | int, needles: Sequence[str]) -> tuple[Key | None, int]:
        """What stands at a key; in a list, the item that has most of the needles, or is called so. And how much it has:
        an index is where it stands in what Compose made of it, which is the same only mostly."""
        if node.items is None:
            return (node.child(str(part)) if node.keys is not None else None), 0
        if isinstance(part, str) and (named := self._names.find(node, part)) is not None:
            return named, 3
        wanted = tuple(needles) or ((part,) if isinstance(part, str) else ())
        scores = [self._score(item, wanted) for item in node.items]
        best = max(scores, default=0)
        if best:
            at = part if isinstance(part, int) and part < len(scores) and scores[part] == best else scores.index(best)
            return Key(node.items[at].place, node.items[at]), best
        if isinstance(part, int) and part < len(node.items):
            return Key(node.items[part].place, node.items[part]), -1 if wanted else 0
        return None, 0

    def _score(self, node: Node, needles: Sequence[str]) -> int:
        """How much of what is looked for stands there."""
        found = [*self._texts(node)]
        return sum(max((_match(text, one) for text in found), default=0) for one in needles)

    def _texts(self, node: Node) -> Iterator[str]:
        """Every scalar below."""
        yield from self._told(node)
        for item in node.items or ():
            yield from self._texts(item)
        for key in (node.keys or {}).values():
            yield from self._texts(key.node)

    def _told(self, node: Node) -> Iterator[str]:
        """As Compose reads it, and as it is written: what Compose makes has its `$$` still."""
        told = text_of(node)
        if told is not None:
            yield told
            if (full := self.full(told)) != told:
                yield full

    def _with(self, node: Node, needle: str) -> Key | None:
        """Below a mapping or a list, the scalar with the needle in it."""
        for name, key in (node.keys or {}).items():
            if name == needle or self._has(key.node, needle):
                return key
            if (below := self._with(key.node, needle)) is not None:
                return below
        for item in node.items or ():
            if self._has(item, needle):
                return Key(item.place, item)
            if (below := self._with(item, needle)) is not None:
                return below
        return None

    def _has(self, node: Node, needle: str) -> bool:
        return any(needle in told for told in self._told(node))


class _Names:
    """Items of lists by the names that they begin with: `NAME=value`, `name: value`. Each list is gone through once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Node, dict[str, Key]]] = {}

    def find(self, node: Node, name: str) -> Key | None:
        known = self._known.get(id(node))
        if known is None:  # the node is kept, so that no other one gets its number
            known = self._known[id(node)] = (node, dict(_named_items(node)))
        return known[1].get(name)


def _named_items(node: Node) -> Iterator[tuple[str, Key]]:
    """The first of a name is the last here."""
    for item in reversed(node.items or ()):
        told = text_of(item)
        for name in {told.partition("=")[0], told.partition(":")[0], told} if told is not None else ():
            yield name, Key(item.place, item._replace(value=told[len(name) + 1 :] if told else None))


def _match(text: str, needle: str) -> int:
    if text == needle:
        return 3
    if needle not in text:
        return 0
    return 2 if needle in _PARTS.split(text) else 1


def text_of(node: Node) -> str | None:
    """A scalar as it is written."""
    value = node.value
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
