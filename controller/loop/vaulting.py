"""The encryption key, as whoever keeps a private key of an authority needs it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from controller.loop.certbook import Vault
from controller.model.errors import ControllerError


class AtHand(NamedTuple):
    """`vault` None: there is none, for the reason in `locked`."""

    vault: Vault | None
    locked: str = ""


def find_vault(root: Path, environment: Mapping[str, str]) -> AtHand:
    """Of that state folder; a key is made only where nothing is encrypted yet. Raises nothing."""
    from controller.loop.keyring import ready_ring  # only who has certificates loads it
    from controller.security.vault import AUTHORITY, seal, unseal

    try:
        ring = ready_ring(root, environment)
    except ControllerError as error:
        return AtHand(None, error.whole)
    return AtHand(
        Vault(
            lambda context, content: seal(ring, AUTHORITY, context, content).encode(),
            lambda context, sealed: unseal(ring, AUTHORITY, context, sealed.decode("ascii", "replace")),
        )
    )
