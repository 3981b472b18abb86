"""Where in the user's own files something stands that Compose, or an engine, tells of: through `extends`, anchors and
merges, and in short and long forms. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from controller.intake.findings import Path as Keys
from controller.intake.interpolation import EnvLine
from controller.intake.source import Document
from controller.intake.tree import Key, Node, Place


class Spot(NamedTuple):
    """A place in a file, and how much of what was looked for is there: the more parts, the nearer."""

    file: str
    place: Place
    depth: int
    text: str | None = None
    """What stands there, where it is a scalar."""


class Places:
    """Of one project. `documents` in the order in which Compose merges them, `bases` those that are only extended;
    `env_files`: lines of those that services name."""

    def __init__(
        self,
        documents: Sequence[Document],
        bases: Sequence[Document] = (),
        env_files: Iterable[tuple[Path, Sequence[EnvLine]]] = (),
    ) -> None:
        self._documents = [*reversed(documents)]  # what comes later counts
        self._bases = list(bases)
        self._env_files = list(env_files)

    def find(self, path: Keys, needle: str = "") -> Spot | None:
        """The place of a path, or of what of it exists; of several things below it, of the one with `needle` in it."""
        found = [spot for spot in self._spots(path, needle) if spot is not None]
        best = max(found, key=lambda spot: spot.depth, default=None)
        if path[:1] == ("services",) and path[2:3] == ("environment",) and len(path) > 3:
            best = self._of_env_file(str(path[3]), best)
        return best

    def written(self, path: Keys) -> str | None:
        """The text at a path, before variables are filled in; None: none stands there."""
        spot = self.find(path, str(path[-1]) if path else "")
        return spot.text if spot is not None and spot.depth >= len(path) else None

    def _spots(self, path: Keys, needle: str) -> Iterator[Spot | None]:
        for document in self._documents:
            yield from self._in(document, path, needle, 0)

    def _in(self, document: Document, path: Keys, needle: str, hops: int) -> Iterator[Spot | None]:
        spot, service = _descend(document, path, needle)
        if hops:
            spot = None if spot is None or spot.depth < 3 else spot
        yield spot
        if service is None or hops > 16 or (spot is not None and spot.depth >= len(path)):
            return
        extends = service.child("extends")
        if extends is None:
            return
        wanted = extends.node.child("service") if extends.node.keys is not None else extends
        if wanted is not None and isinstance(wanted.node.value, str):
            other = (*path[:1], wanted.node.value, *path[2:])
            for base in (document, *self._bases):
                yield from self._in(base, other, needle, hops + 1)

    def _of_env_file(self, name: str, best: Spot | None) -> Spot | None:
        if best is not None and best.depth >= 4:
            return best
        for file, lines in self._env_files:
            for line in lines:
                if line.name == name:
                    return Spot(str(file), Place(line.number, 1), 4, line.value)
        return best


def _descend(document: Document, path: Keys, needle: str) -> tuple[Spot | None, Node | None]:
    """How far a path leads; and the service that it goes through."""
    node, place, depth, service = document.root, document.root.place, 0, None
    for number, part in enumerate(path):
        if depth == 2 and path[0] == "services":
            service = node
        entry = _entry(node, part, needle if number == len(path) - 1 or isinstance(part, int) else "")
        if entry is None:
            break
        node, place, depth = entry.node, entry.place, depth + 1
    if depth == 2 and path[0] == "services":
        service = node
    if depth == 0 and path:
        return None, service
    if depth == len(path) and needle:
        inner = _with(node, needle)
        if inner is not None:
            node, place = inner.node, inner.place
    return Spot(document.file, place, depth, _text(node)), service


def _entry(node: Node, part: str | int, needle: str) -> Key | None:
    """What stands at a key; in a list, the item that has the needle, or is called so."""
    if node.items is None:
        return node.child(str(part)) if node.keys is not None else None
    if needle or isinstance(part, str):
        wanted = needle or str(part)
        names = (
            (lambda text: text == part or text.startswith((f"{part}=", f"{part}:"))) if isinstance(part, str) else None
        )
        for item in node.items:
            if names is not None and _text(item) is not None and names(_text(item) or ""):
                return Key(item.place, item)
        first = part if isinstance(part, int) else -1  # where it stands in what Compose made of it, mostly
        order = sorted(enumerate(node.items), key=lambda one: (not _has(one[1], wanted.__eq__), one[0] != first))
        for _, item in order:
            if _has(item, lambda text: wanted in text):
                return Key(item.place, item)
    if isinstance(part, int) and len(node.items) > part:
        return Key(node.items[part].place, node.items[part])
    return None


def _has(node: Node, test: Callable[[str], bool]) -> bool:
    text = _text(node)
    if text is not None:
        return test(text)
    below = [*(node.items or ()), *(key.node for key in (node.keys or {}).values())]
    return any(_has(one, test) for one in below)


def _with(node: Node, needle: str) -> Key | None:
    """Below a mapping or a list, the scalar with the needle in it."""
    for name, key in (node.keys or {}).items():
        if name == needle or needle in (_text(key.node) or ""):
            return key
        if (below := _with(key.node, needle)) is not None:
            return below
    for item in node.items or ():
        if needle in (_text(item) or ""):
            return Key(item.place, item)
        if (below := _with(item, needle)) is not None:
            return below
    return None


def _text(node: Node) -> str | None:
    value = node.value
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
