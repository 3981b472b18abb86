"""The kinds of random worlds: how a life of each is drawn, and what is asked of it beyond the rules of every step."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from tests.property.kind import Kind
from tests.property.kinds_calm import CALM_KINDS
from tests.property.kinds_faulty import FAULTY_KINDS
from tests.property.kinds_releases import RELEASE_KINDS
from tests.property.kinds_wild import WILD_KINDS
from tests.property.life import Life

KINDS: Mapping[str, Kind] = {**CALM_KINDS, **WILD_KINDS, **FAULTY_KINDS, **RELEASE_KINDS}


def draw(kind: str, seed: int) -> Life:
    """The same life for the same words, whatever the process."""
    return KINDS[kind].draw(Random(f"{kind} {seed}"))
