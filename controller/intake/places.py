"""Where in the user's own files something stands that Compose, or an engine, tells of: through `extends`, anchors and
merges, and in short and long forms. Pure."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from controller.intake.findings import Path as Keys
from controller.intake.inputs import Inputs
from controller.intake.interpolation import EnvLine, expand, variable_names
from controller.intake.matching import Matcher
from controller.intake.passages import Passages
from controller.intake.source import Document
from controller.intake.tree import Node, Place, scalars

Lines = Mapping[str, Sequence[tuple[Path, Sequence[EnvLine]]]]
NO_FILES: Lines = {}
NO_VALUES: Mapping[str, str] = {}


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


class Item(NamedTuple):
    """One of a list, and what it says with its variables filled in."""

    file: str
    node: Node
    value: Any


class Places:
    """Of one project. `documents` in the order in which Compose merges them, `bases` those that are only extended;
    `env_files`: by the service that names them, in its order, with their lines, and so `label_files`; `values`: of the
    project's variables.
    """

    def __init__(
        self,
        documents: Sequence[Document],
        bases: Sequence[Document] = (),
        env_files: Lines = NO_FILES,
        values: Mapping[str, str] = NO_VALUES,
        label_files: Lines = NO_FILES,
    ) -> None:
        self._documents = [*reversed(documents)]  # what comes later counts
        self._bases = list(bases)
        self._matcher = Matcher(values)
        self._passages = Passages()
        self._lines = {"environment": _spots(env_files), "labels": _spots(label_files)}

    def find(self, path: Keys, needle: str = "") -> Spot | None:
        """The place of a path, or of what of it exists; of several things below it, of the one that has
        most of the lines of `needle` in it."""
        needles = needle.split("\n") if needle else ()
        found = [one for document in self._documents for one in self._in(document, path, needles, set()) if one]
        best = max(found, key=lambda spot: (spot.depth, spot.score), default=None)
        if path[:1] == ("services",) and len(path) > 3 and path[2] in self._lines:
            best = self._of_file(self._lines[str(path[2])], str(path[1]), str(path[3]), best)
        return best

    def written(self, path: Keys) -> str | None:
        """The text at a path, before variables are filled in; None: none stands there."""
        spot = self.find(path)
        return spot.text if spot is not None and spot.depth >= len(path) else None

    def items(self, path: Keys) -> Iterator[Item]:
        """Of all lists at a path below a service, those of what it extends included; what counts more comes first."""
        for file, node in self._nodes(path):
            yield from (Item(file, one, self._matcher.plain(one)) for one in node.items or ())

    def has_variables(self, path: Keys) -> bool:
        """Whether anything at or below a path of a service is filled in, in what it extends as well."""
        return any(
            isinstance(below.value, str) and variable_names(below.value)
            for _, node in self._nodes(path)
            for _, below in scalars(node)
        )

    def _nodes(self, path: Keys) -> Iterator[tuple[str, Node]]:
        """All that stands at a path of a service."""
        for document in self._documents:
            for base, way in self._ways(document, path, set()):
                node: Node | None = base.root
                for part in way:
                    key = node.child(part) if node is not None else None
                    node = key.node if key is not None else None
                if node is not None:
                    yield base.file, node

    def _ways(self, document: Document, path: Keys, seen: set[Keys]) -> Iterator[tuple[Document, Keys]]:
        """A path of a service, and the same of what it extends, each once."""
        yield document, path
        service = self._matcher.descend(document.root, path, ()).service
        for base, way in self._extended(document, service, path, seen):
            yield from self._ways(base, way, seen)

    def _extended(
        self, document: Document, service: Node | None, path: Keys, seen: set[Keys]
    ) -> Iterator[tuple[Document, Keys]]:
        """`seen`: services of documents that were told already, for `extends` may lead in rounds."""
        extends = service.child("extends") if service is not None else None
        if extends is None:
            return
        wanted = extends.node.child("service") if extends.node.keys is not None else extends
        if wanted is not None and isinstance(wanted.node.value, str):
            other = (*path[:1], self._matcher.full(wanted.node.value), *path[2:])
            for base in (document, *self._bases):
                if (key := (id(base), wanted.node.value)) not in seen:
                    seen.add(key)
                    yield base, other

    def _in(self, document: Document, path: Keys, needles: Sequence[str], seen: set[Keys]) -> Iterator[Spot | None]:
        found = self._matcher.descend(document.root, path, needles)
        spot = None
        if found.depth or not path:
            within = [one for one in needles if found.depth < len(path) or one != path[-1]]
            place = self._passages.find(document, found.node, found.place, within)
            spot = Spot(document.file, place, *found[1:4])
        if seen:
            spot = None if spot is None or spot.depth < 3 else spot
        yield spot
        if not _is_there(spot, path):
            for base, way in self._extended(document, found.service, path, seen):
                yield from self._in(base, way, needles, seen)

    def _of_file(self, of: Mapping[str, Mapping[str, Spot]], service: str, name: str, best: Spot | None) -> Spot | None:
        """Of the service's own, or of those that it extends; the last one counts."""
        if best is not None and best.depth >= 4:
            return best
        others = (lines for key, lines in of.items() if key != service)
        found = (lines[name] for lines in (of.get(service, {}), *others) if name in lines)
        return next(found, best)


def _spots(files: Lines) -> dict[str, dict[str, Spot]]:
    return {
        service: {line.name: _line(file, line) for file, lines in named for line in lines}
        for service, named in files.items()
    }


def _line(file: Path, line: EnvLine) -> Spot:
    return Spot(str(file), Place(line.number, 1), 4, line.value)


def _is_there(spot: Spot | None, path: Keys) -> bool:
    """Lists are put together of all that there are, so one does not hide another."""
    return spot is not None and spot.depth >= len(path) and not any(isinstance(part, int) for part in path)
