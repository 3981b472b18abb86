"""What services have of the secrets that the controller keeps: names and what stands for values, no value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from controller.model.manifest.security import Reload


MOUNTED = "mounts"
"""In the state of a stack: what its containers are given of that, by service."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """`users` by secret. `locked`: why new values cannot be opened."""

    users: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sets: Mapping[str, str] = field(default_factory=dict)
    """By service that takes up new values while it runs: what stands for those that it has."""
    reloads: Mapping[str, Reload] = field(default_factory=dict)
    """How each of those does so."""
    files: frozenset[str] = frozenset()
    """Names of the files of the others; each ends in the tag of its value."""
    override: str = ""
    """The file by which Compose gives them; "": none is laid over the user's."""
    locked: str | None = None


NO_DELIVERY = Delivery()
