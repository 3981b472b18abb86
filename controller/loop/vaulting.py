"""The encryption key, as whoever keeps a private key of an authority needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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
    from controller.loop.keyring import held_ring, ready_ring  # only who has certificates loads it
    from controller.security.vault import AUTHORITY, seal, unseal

    try:
        ring = ready_ring(root, environment)
    except ControllerError as error:
        return AtHand(None, error.whole)

    @contextmanager
    def sealing() -> Iterator[Callable[[str, bytes], bytes]]:
        with held_ring(root, environment) as held:
            yield lambda context, content: seal(held, AUTHORITY, context, content).encode()

    return AtHand(
        Vault(sealing, lambda context, sealed: unseal(ring, AUTHORITY, context, sealed.decode("ascii", "replace")))
    )
