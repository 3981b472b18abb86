"""Mounts that are written as relative paths, as the absolute ones that Compose makes of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from controller.intake.inputs import Inputs
from controller.intake.interpolation import expand
from controller.intake.remarks import MAX_PATH
from controller.intake.source import Document
from controller.intake.tree import scalars


def written_relative(inputs: Inputs, directory: Path) -> Iterator[str]:
    """Relative to the project's folder, and to that of the file, which is what counts in one that is included or
    extended: the one that is not meant is nobody's mount. `directory`: the project's."""
    for document in (*inputs.documents, *inputs.bases):
        folders = dict.fromkeys((directory, Path(document.file).parent))
        for source in _sources(document, inputs):
            yield from (os.path.abspath(folder / source) for folder in folders)


def _sources(document: Document, inputs: Inputs) -> Iterator[str]:
    """With variables filled in; a home, a name and what is too long are none."""
    for path, node in scalars(document.root):
        if path[:1] == ("services",) and path[2:3] == ("volumes",) and isinstance(node.value, str):
            value = expand(node.value, inputs.values)
            source = (node.value if value is None else value).split(":")[0]
            if source.startswith(".") and len(source) <= MAX_PATH:
                yield source
