"""What a project's files say and Compose leaves out: what no service uses, and extensions. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from controller.intake.findings import Path as Keys
from controller.intake.inputs import Inputs
from controller.intake.source import Document
from controller.intake.tree import plain

_SECTIONS = ("networks", "volumes", "secrets", "configs")


def left_out(inputs: Inputs, model: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By section and name, as it is written, variables not filled in; of several files' the last one's."""
    found: dict[str, dict[str, Any]] = {}
    for section in _SECTIONS:
        used = model.get(section) or {}
        for document in inputs.documents:
            for name, spec in _section(document, section).items():
                if name not in used:
                    found.setdefault(section, {})[name] = spec
    return found


def extensions(inputs: Inputs) -> Iterator[tuple[Keys, Any]]:
    """`x-…` below services and other definitions, each with its place. Those at the top Compose keeps."""
    for document in (*inputs.documents, *inputs.bases):
        for section in ("services", *_SECTIONS):
            for name, spec in _section(document, section).items():
                given = spec.items() if isinstance(spec, dict) else ()
                yield from (((section, name, key), one) for key, one in given if key.startswith("x-"))


def _section(document: Document, section: str) -> Mapping[str, Any]:
    entry = document.root.child(section) if document.root.keys is not None else None
    read = plain(entry.node) if entry is not None else None
    return read if isinstance(read, dict) else {}
