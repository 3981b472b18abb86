"""Which variables a project's files look at, and where: in text, and by names that take values from outside. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from controller.intake.findings import Path as Keys
from controller.intake.inputs import Inputs
from controller.intake.interpolation import EnvLine, variable_names
from controller.intake.source import Document
from controller.intake.tree import Key, Node, scalars

Named = Sequence[tuple[Keys, Path]]
"""Files of variables, and where they are named."""


def looked_at(inputs: Inputs, named: Named = ()) -> Iterator[tuple[Keys, str]]:
    """Each with its place; () for those of an env file that no service names. `named`: by services."""
    for document in (*inputs.documents, *inputs.bases):
        for path, node in scalars(document.root):
            if isinstance(node.value, str) and "$" in node.value:
                yield from ((path, name) for name in sorted(variable_names(node.value)))
        yield from _passed_on(document)
        yield from _contents(document)
    for file, lines in inputs.lines:
        is_named = any(path == file for _, path in named)
        services = {keys[1] for keys, path in named if path == file and keys[2:3] == ("env_file",)}
        for line_name, name in _of_lines(lines):
            for service in services:
                yield ("services", service, "environment", line_name), name
            if not is_named:
                yield (), name


def _of_lines(lines: Iterable[EnvLine]) -> Iterator[tuple[str, str]]:
    """Of an env file: whose line it is, and the variable that it looks at."""
    for line in lines:
        text = "" if line.literal else (line.value or "").replace("\\$", "")
        names = variable_names(text) if line.value is not None else {line.name}
        yield from ((line.name, name) for name in sorted(names))


def _passed_on(document: Document) -> Iterator[tuple[Keys, str]]:
    """Names in `environment` and `build.args` without a value, which take ours."""
    for service, key in _children(document.root, "services"):
        for path in (("environment",), ("build", "args")):
            given = _at(key.node, path)
            where: Keys = ("services", service, *path)
            for name, entry in (given.keys or {}).items() if given else ():
                if entry.node.empty:
                    yield (*where, name), name
            for index, item in enumerate((given.items or ()) if given else ()):
                if isinstance(item.value, str) and "=" not in item.value:
                    yield (*where, index), item.value


def _contents(document: Document) -> Iterator[tuple[Keys, str]]:
    """Secrets and configs that are what a variable is."""
    for section in ("secrets", "configs"):
        for name, key in _children(document.root, section):
            given = _at(key.node, ("environment",))
            if given is not None and isinstance(given.value, str):
                yield (section, name, "environment"), given.value


def _children(node: Node, section: str) -> Iterable[tuple[str, Key]]:
    found = _at(node, (section,))
    return (found.keys or {}).items() if found is not None else ()


def _at(node: Node, path: Iterable[str]) -> Node | None:
    for part in path:
        entry = node.child(part) if node.keys is not None else None
        if entry is None:
            return None
        node = entry.node
    return node
