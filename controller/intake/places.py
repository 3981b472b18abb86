"""Where in the user's own files something stands that Compose, or an engine, tells of: through `extends`, anchors and
merges, and in short and long forms. Pure."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from controller.intake.findings import Path as Keys
from controller.intake.inputs import Inputs
from controller.intake.interpolation import EnvLine, expand
from controller.intake.source import Document
from controller.intake.tree import Key, Node, Place, scalars

NO_FILES: Mapping[str, Sequence[tuple[Path, Sequence[EnvLine]]]] = {}


class Named(NamedTuple):
    """A file that `env_file` or `label_file` names, and where."""

    keys: Keys
    path: Path


def named_files(inputs: Inputs, directory: Path) -> tuple[Named, ...]:
    """Of all services, and of what they extend. `directory`: the project's."""
    known = set(inputs.files)
    return tuple(
        Named(path, _absolute(expand(str(node.value), inputs.values) or str(node.value), document, directory, known))
        for document in (*inputs.documents, *inputs.bases)
        for path, node in scalars(document.root)
        if path[:1] == ("services",) and path[2:3] in (("env_file",), ("label_file",)) and path[4:] in ((), ("path",))
    )


def _absolute(name: str, document: Document, directory: Path, known: Collection[Path]) -> Path:
    """Relative to the project, or where an included or extended file stands."""
    found = [Path(os.path.abspath(place / name)) for place in (directory, Path(document.file).parent)]
    return next((path for path in found if path in known), found[0])


class Spot(NamedTuple):
    """A place in a file, and how much of what was looked for is there: the more parts, the nearer."""

    file: str
    place: Place
    depth: int
    text: str | None = None
    """What stands there, where it is a scalar."""
    score: int = 0
    """How much of what was looked for its items say; below 0: one was found only by where Compose has it."""


class Places:
    """Of one project. `documents` in the order in which Compose merges them, `bases` those that are only extended;
    `env_files`: by the service that names them, in its order, with their lines."""

    def __init__(
        self,
        documents: Sequence[Document],
        bases: Sequence[Document] = (),
        env_files: Mapping[str, Sequence[tuple[Path, Sequence[EnvLine]]]] = NO_FILES,
    ) -> None:
        self._documents = [*reversed(documents)]  # what comes later counts
        self._bases = list(bases)
        self._env_files = env_files
        self._names = _Names()
        self._lines = {
            service: {line.name: _line(file, line) for file, lines in named for line in lines}
            for service, named in env_files.items()
        }

    def find(self, path: Keys, needle: str = "") -> Spot | None:
        """The place of a path, or of what of it exists; of several things below it, of the one that has
        most of the lines of `needle` in it."""
        found = [spot for spot in self._spots(path, needle.split("\n") if needle else ()) if spot is not None]
        best = max(found, key=lambda spot: (spot.depth, spot.score), default=None)
        if path[:1] == ("services",) and path[2:3] == ("environment",) and len(path) > 3:
            best = self._of_env_file(str(path[1]), str(path[3]), best)
        return best

    def written(self, path: Keys) -> str | None:
        """The text at a path, before variables are filled in; None: none stands there."""
        spot = self.find(path)
        return spot.text if spot is not None and spot.depth >= len(path) else None

    def _spots(self, path: Keys, needles: Sequence[str]) -> Iterator[Spot | None]:
        for document in self._documents:
            yield from self._in(document, path, needles, 0)

    def _in(self, document: Document, path: Keys, needles: Sequence[str], hops: int) -> Iterator[Spot | None]:
        spot, service = _descend(document, path, needles, self._names)
        if hops:
            spot = None if spot is None or spot.depth < 3 else spot
        yield spot
        if service is None or hops > 16 or _is_there(spot, path):
            return
        extends = service.child("extends")
        if extends is None:
            return
        wanted = extends.node.child("service") if extends.node.keys is not None else extends
        if wanted is not None and isinstance(wanted.node.value, str):
            other = (*path[:1], wanted.node.value, *path[2:])
            for base in (document, *self._bases):
                yield from self._in(base, other, needles, hops + 1)

    def _of_env_file(self, service: str, name: str, best: Spot | None) -> Spot | None:
        """Of the service's own, or of those that it extends; the last one counts."""
        if best is not None and best.depth >= 4:
            return best
        others = (lines for key, lines in self._lines.items() if key != service)
        found = (lines[name] for lines in (self._lines.get(service, {}), *others) if name in lines)
        return next(found, best)


def _line(file: Path, line: EnvLine) -> Spot:
    return Spot(str(file), Place(line.number, 1), 4, line.value)


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
        told = _text(item)
        for name in {told.partition("=")[0], told.partition(":")[0], told} if told is not None else ():
            yield name, Key(item.place, item._replace(value=told[len(name) + 1 :] if told else None))


def _is_there(spot: Spot | None, path: Keys) -> bool:
    """Lists are put together of all that there are, so one does not hide another."""
    return spot is not None and spot.depth >= len(path) and not any(isinstance(part, int) for part in path)


def _descend(document: Document, path: Keys, needles: Sequence[str], names: _Names) -> tuple[Spot | None, Node | None]:
    """How far a path leads; and the service that it goes through."""
    node, place, depth, service, score = document.root, document.root.place, 0, None, 0
    for number, part in enumerate(path):
        if depth == 2 and path[0] == "services":
            service = node
        last = number == len(path) - 1
        entry, found = _entry(node, part, needles if last or isinstance(part, int) else (), names)
        if entry is None:
            break
        node, place, depth, score = entry.node, entry.place, depth + 1, score + found
    if depth == 2 and path[0] == "services":
        service = node
    if depth == 0 and path:
        return None, service
    if depth == len(path):
        inner = next((key for one in needles if (key := _with(node, one)) is not None), None)
        if inner is not None:
            node, place = inner.node, inner.place
    return Spot(document.file, place, depth, _text(node), score), service


def _entry(node: Node, part: str | int, needles: Sequence[str], names: _Names) -> tuple[Key | None, int]:
    """What stands at a key; in a list, the item that has most of the needles, or is called so. And how much it has: an
    index is where it stands in what Compose made of it, which is the same only mostly."""
    if node.items is None:
        return (node.child(str(part)) if node.keys is not None else None), 0
    if isinstance(part, str) and (named := names.find(node, part)) is not None:
        return named, 3
    wanted = tuple(needles) or ((part,) if isinstance(part, str) else ())
    scores = [_score(item, wanted) for item in node.items]
    best = max(scores, default=0)
    if best:
        at = part if isinstance(part, int) and part < len(scores) and scores[part] == best else scores.index(best)
        return Key(node.items[at].place, node.items[at]), best
    if isinstance(part, int) and part < len(node.items):
        return Key(node.items[part].place, node.items[part]), -1 if wanted else 0
    return None, 0


def _score(node: Node, needles: Sequence[str]) -> int:
    """How much of what is looked for stands there."""
    return sum(max((_match(text, one) for text in _texts(node)), default=0) for one in needles)


def _match(text: str, needle: str) -> int:
    if text == needle:
        return 3
    return 2 if needle in text.split(":") else int(needle in text)


def _texts(node: Node) -> Iterator[str]:
    """Every scalar below, and the names that they have."""
    told = _text(node)
    if told is not None:
        yield told
    for item in node.items or ():
        yield from _texts(item)
    for key in (node.keys or {}).values():
        yield from _texts(key.node)


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
