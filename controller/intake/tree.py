"""Trees with positions, built from YAML events that are counted on the way, so that a bomb never goes off.

The usual loader would expand alias bombs, drop duplicate keys in silence and read `no` as false; Compose does not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import yaml

from controller.model.errors import Finding, InvalidInput

MAX_NODES = 50_000
MAX_ALIAS_DEPTH = 20
MAX_NESTING = 64
MAX_REPEATED = 1 << 20
"""Characters of text that aliases may stand for in all: each is looked at as often as it is used."""
MAX_KEY = 1024
"""Characters of a key; YAML says so of those without a `?`."""

Scalar = str | int | float | bool | None

_LOADER = getattr(yaml, "CLoader", yaml.Loader)
_INTEGER = re.compile(r"([-+]?)(?:0x([0-9a-fA-F]{1,16})|0o?([0-7]{1,22})|0b([01]{1,64})|(0|[1-9][0-9]{0,19}))$")
_BASES = (16, 8, 2, 10)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
_NUMERIC = frozenset("+-.0123456789")
_WORDS: Mapping[str, Scalar] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
}


class Place(NamedTuple):
    """Where something stands; 1-based."""

    line: int
    column: int


class Node(NamedTuple):
    """A scalar (`value`), a sequence (`items`) or a mapping (`keys`) and where it begins.

    As if every alias were written out, `size` counts nodes, `depth` aliases in aliases, `height` what is nested below,
    and `length` the characters of the texts. `span`: first and last line of a text of several lines, as it is written.
    """

    place: Place
    value: Scalar = None
    items: tuple[Node, ...] | None = None
    keys: Mapping[str, Key] | None = None
    size: int = 1
    depth: int = 0
    height: int = 0
    length: int = 0
    span: tuple[int, int] | None = None

    @property
    def empty(self) -> bool:
        return self.value is None and self.items is None and self.keys is None

    def child(self, part: str | int) -> Key | None:
        """What stands at a key of a mapping or at an index of a sequence."""
        if self.keys is not None:
            return self.keys.get(str(part))
        if self.items is not None and isinstance(part, int) and part < len(self.items):
            return Key(self.items[part].place, self.items[part])
        return None


class Key(NamedTuple):
    """A key of a mapping: where it stands and what it stands for."""

    place: Place
    node: Node


def plain(node: Node) -> Any:
    """The tree as plain mappings, lists and scalars."""
    if node.keys is not None:
        return {name: plain(key.node) for name, key in node.keys.items()}
    if node.items is not None:
        return [plain(item) for item in node.items]
    return node.value


def scalars(node: Node, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Node]]:
    """Every scalar below a node, with its path."""
    return ((way, below) for way, _, below in _walk(node, path) if below.value is not None)


def texts(node: Node, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str, Place]]:
    """Every key and scalar below a node as text, with its path and place."""
    for way, key, below in _walk(node, path):
        if key is not None:
            yield way, str(way[-1]), key.place
        if below.value is not None:
            yield way, str(below.value), below.place


def _walk(
    node: Node, path: tuple[str | int, ...], key: Key | None = None
) -> Iterator[tuple[tuple[str | int, ...], Key | None, Node]]:
    """The node and every one below it, with its path and the key that it stands under."""
    yield path, key, node
    for index, item in enumerate(node.items or ()):
        yield from _walk(item, (*path, index))
    for name, under in (node.keys or {}).items():
        yield from _walk(under.node, (*path, name), under)


def build_trees(text: str, file: str) -> Iterator[Node]:
    """One tree for each document that is not empty. Raises InvalidInput at limits and doubled keys, else YAMLError."""
    if len(text) > MAX_NODES:
        _count_first(text, file)
    return _Builder(text, file).documents()


def _count_first(text: str, file: str) -> None:
    """Counting alone takes half the time of building: a text that is much too long is refused in that.

    Depth is watched as well: the scanner's time grows with the square of open brackets.
    """
    following = _LOADER(text).get_event
    counted = depth = 0
    while not isinstance(event := following(), yaml.StreamEndEvent):
        counted += isinstance(event, yaml.NodeEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if counted > MAX_NODES:
            raise refuse(file, f"has more than {MAX_NODES} values", _place(event))
        if depth > MAX_NESTING + 1:
            raise refuse(file, f"is nested more than {MAX_NESTING} deep", _place(event))


def refuse(file: str, message: str, place: Place | None = None, *, hint: str | None = None) -> InvalidInput:
    """One finding as an error."""
    line, column = place or (None, None)
    return InvalidInput((Finding(message, file=file, line=line, column=column, hint=hint),))


class _Builder:
    def __init__(self, text: str, file: str) -> None:
        self._next = _LOADER(text).get_event
        self._file = file
        self._anchors: dict[str | None, Node | None] = {}
        self._nodes = 0
        self._repeated = 0

    def documents(self) -> Iterator[Node]:
        while not isinstance(event := self._next(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors = {}
                root = self._node(self._next(), 0)
                if not root.empty:
                    yield root

    def _node(self, event: Any, nesting: int) -> Node:
        place = self._count(event, nesting)
        # One type test for what nearly all events are: this runs once for each of at most 50,000 values.
        if event.__class__ is yaml.ScalarEvent and event.anchor is None:
            return Node(place, _scalar(self._text(event, place), event), span=_span(event))
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, place, nesting)
        self._anchors[event.anchor] = None
        match event:
            case yaml.ScalarEvent():
                node = Node(place, _scalar(self._text(event, place), event), length=len(event.value), span=_span(event))
            case yaml.SequenceStartEvent():
                node = self._sequence(place, nesting)
            case _:
                node = self._mapping(place, nesting)
        self._anchors[event.anchor] = node
        return node

    def _text(self, event: yaml.ScalarEvent, place: Place) -> str:
        """No path, name or variable can hold a NUL; an escape in quotes can."""
        text: str = event.value
        if "\0" in text:
            raise refuse(self._file, "is a text with a NUL character", place, hint="remove the \\0")
        return text

    def _alias(self, event: yaml.AliasEvent, place: Place, nesting: int) -> Node:
        name = event.anchor
        if name not in self._anchors:
            raise refuse(self._file, f"alias *{name} has no anchor &{name} before it", place)
        node = self._anchors[name]
        if node is None:
            raise refuse(self._file, f"alias *{name} stands inside of what it stands for", place)
        if node.depth + 1 > MAX_ALIAS_DEPTH:
            raise refuse(self._file, f"aliases refer to aliases more than {MAX_ALIAS_DEPTH} deep", place)
        self._count(event, nesting + node.height, node.size - 1)
        self._repeated += node.length
        if self._repeated > MAX_REPEATED:
            hint = "write shorter texts, or use them less often"
            raise refuse(self._file, f"aliases stand for more than {MAX_REPEATED} characters", place, hint=hint)
        return node._replace(place=place, depth=node.depth + 1)

    def _count(self, event: yaml.Event, nesting: int, added: int = 1) -> Place:
        place = _place(event)
        self._nodes += added
        if self._nodes > MAX_NODES:
            hint = "aliases count as often as they are used"
            raise refuse(self._file, f"has more than {MAX_NODES} values", place, hint=hint)
        if nesting > MAX_NESTING:
            raise refuse(self._file, f"is nested more than {MAX_NESTING} deep", place)
        return place

    def _sequence(self, place: Place, nesting: int) -> Node:
        items = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event, nesting + 1))
        return _around(items, Node(place, items=tuple(items)))

    def _mapping(self, place: Place, nesting: int) -> Node:
        keys: dict[str, Key] = {}
        merged: list[Node] = []
        nodes: list[Node] = []
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            name, where = self._name(event)
            node = self._node(self._next(), nesting + 1)
            nodes.append(node)
            if name == "<<":
                merged += self._sources(node)
            elif name in keys:
                first = keys[name].place.line
                message = f"key '{name}' is given twice: here and in line {first}"
                raise refuse(self._file, message, where, hint="remove one of the two")
            else:
                keys[name] = Key(where, node)
        for source in merged:
            for name, key in (source.keys or {}).items():
                keys.setdefault(name, key)
        return _around(nodes, Node(place, keys=keys, size=1 + len(nodes)))

    def _name(self, event: yaml.Event) -> tuple[str, Place]:
        place = self._count(event, 0)
        if isinstance(event, yaml.AliasEvent):
            node = self._alias(event, place, 0)
            if node.value is not None:
                return self._short(str(node.value), place), place
        if not isinstance(event, yaml.ScalarEvent):
            raise refuse(self._file, "a key must be a plain word", place)
        name = self._short(self._text(event, place), place)
        if event.anchor is not None:
            self._anchors[event.anchor] = Node(place, name, length=len(name))
        return name, place

    def _short(self, name: str, place: Place) -> str:
        if len(name) > MAX_KEY:
            raise refuse(self._file, f"a key has at most {MAX_KEY} characters", place)
        return name

    def _sources(self, node: Node) -> list[Node]:
        sources = list(node.items) if node.items is not None else [node]
        for source in sources:
            if source.keys is None:
                raise refuse(self._file, "'<<' merges mappings only", source.place)
        return sources


def _place(event: Any) -> Place:
    mark = event.start_mark
    return Place(mark.line + 1, mark.column + 1)


def _span(event: Any) -> tuple[int, int] | None:
    first, end = event.start_mark.line, event.end_mark
    if end.line == first:
        return None
    return first + 1, end.line + (end.column > 0)


def _around(nodes: list[Node], node: Node) -> Node:
    """The node with the measures of what is inside of it."""
    if not nodes:
        return node
    return node._replace(
        size=node.size + sum(one.size for one in nodes),
        depth=max(one.depth for one in nodes),
        height=1 + max(one.height for one in nodes),
        length=sum(one.length or (len(one.value) if isinstance(one.value, str) else 0) for one in nodes),
    )


def _scalar(text: str, event: yaml.ScalarEvent) -> Scalar:
    """As YAML 1.2 and Compose read it: `no`, `on`, `22:22` and dates are text."""
    if not event.implicit[0]:
        return None if event.tag == "tag:yaml.org,2002:null" else text
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC:
        return text
    return _number(text)


def _number(text: str) -> Scalar:
    """As go-yaml, hence Compose, reads it: underscores are left out, a leading 0 means octal; else the text."""
    plain = text.replace("_", "")
    if found := _INTEGER.match(plain):
        sign, *digits = found.groups()
        value = next(int(part, base) for part, base in zip(digits, _BASES, strict=True) if part is not None)
        value = -value if sign == "-" else value
        if -(1 << 63) <= value < 1 << 64:
            return value
    value_of_float = float(plain) if _FLOAT.match(plain) else math.inf
    return value_of_float if math.isfinite(value_of_float) else text
