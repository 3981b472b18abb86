"""Which engine a command speaks to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from controller.cli.options import Options
from controller.engines.base import Engine


@contextmanager
def open_engine(options: Options) -> Iterator[Engine]:
    """The engine of `--engine`, closed afterwards. Opening it asks nothing of it."""
    engine = make_engine(options)
    try:
        yield engine
    finally:
        engine.close()


def make_engine(options: Options) -> Engine:
    """The engine of `--engine`; whoever makes it closes it. Raises Rejected for an endpoint that does not exist."""
    if options.engine == "simulated":
        from controller.engines.simulated import SimulatedEngine
        from controller.loop.store import state_dir

        return SimulatedEngine(state_dir(os.environ, os.geteuid()))
    from controller.engines.compose_engine import ComposeEngine

    return ComposeEngine()
