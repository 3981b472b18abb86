"""A faulty way to the engine: a unix socket in front of Docker's, for our client and for `docker` alike."""

from tests.engine.proxy.effects import (
    Answer,
    ApplyThenDrop,
    Delay,
    Drop,
    Effect,
    Garble,
    Hang,
    Lines,
    Rewrite,
    Truncate,
)
from tests.engine.proxy.server import DOCKER, EngineProxy, Rule

__all__ = [
    "DOCKER",
    "Answer",
    "ApplyThenDrop",
    "Delay",
    "Drop",
    "Effect",
    "EngineProxy",
    "Garble",
    "Hang",
    "Lines",
    "Rewrite",
    "Rule",
    "Truncate",
]
