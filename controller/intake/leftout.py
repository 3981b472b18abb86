"""What a project's files define and Compose leaves out, since no service uses it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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


def _section(document: Document, section: str) -> Mapping[str, Any]:
    entry = document.root.child(section) if document.root.keys is not None else None
    read = plain(entry.node) if entry is not None else None
    return read if isinstance(read, dict) else {}
