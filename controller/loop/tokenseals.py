"""The keys that sign tokens, encrypted as secrets are, where there is an encryption key; none is made for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from controller.loop.keyring import held_at_hand, open_ring
from controller.loop.tokenbook import Sealing
from controller.security.vault import TOKENS, seal, unseal


class Seals(NamedTuple):
    """Of one state folder. Keys are read each time, as they are then."""

    root: Path
    environment: Mapping[str, str]

    def open(self, context: str, sealed: str) -> bytes:
        """Raises VaultLocked, RecordDamaged."""
        return unseal(open_ring(self.root, self.environment).use(), TOKENS, context, sealed)

    @contextmanager
    def sealing(self) -> Iterator[Sealing]:
        """No encryption key goes inside. Raises ControllerError."""
        with held_at_hand(self.root, self.environment) as opened:
            ring = opened.ring
            if ring is None or opened.locked is not None:
                yield Sealing(None, opened.locked)
            else:
                yield Sealing(lambda context, content: seal(ring, TOKENS, context, content))
