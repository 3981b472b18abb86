"""Variables: what children of ours may see, and a digest of the values that a project uses."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping

from controller.model.variables import OWN

PRIVATE = (*OWN, "COMPOSE_")
"""Prefixes of what no child gets: our own secrets, and what would change Compose behind our back."""


def scrubbed(environment: Mapping[str, str]) -> Mapping[str, str]:
    """The environment less what is private."""
    return {name: value for name, value in environment.items() if not name.startswith(PRIVATE)}


def values_digest(used: Collection[str], environment: Mapping[str, str]) -> str:
    """Changes when one of the used variables changes, is set or unset."""
    digest = hashlib.sha256()
    for name in sorted(used):
        value = environment.get(name)
        digest.update(repr((name, value)).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
