"""The seam to the loop: one session serves one call of the command line. The only place where its parts are wired."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from controller.cli.engine import make_engine
from controller.cli.options import Options
from controller.loop.ground import Asked
from controller.loop.session import Session
from controller.loop.store import state_dir

if TYPE_CHECKING:
    from controller.engines.base import Engine
    from controller.health.prober import Prober
    from controller.model.desired import DesiredStack
    from controller.model.names import Instant
    from controller.model.observed import ServiceView
    from controller.model.timings import Timings

__all__ = ["Session", "open_session"]


@contextmanager
def open_session(options: Options) -> Iterator[Session]:
    """A session on the targets that the options name; closed at the end, whatever happens."""
    engine = make_engine(options)
    session = Session(engine, asked_by(options), lambda on_change: _make_prober(engine, on_change), _make_bed)
    try:
        yield session
    finally:
        session.close()


def asked_by(options: Options) -> Asked:
    """What the user said, with where and in which environment it was said."""
    return Asked(
        cwd=Path.cwd(),
        environment=os.environ,
        root=state_dir(os.environ, os.geteuid()),
        files=tuple(map(str, options.files)),
        stacks=options.stacks,
        profile=options.profile,
    )


def _make_prober(engine: Engine, on_change: Callable[[str, str], None]) -> Prober | None:
    """None where the engine's observations carry verdicts already."""
    if engine.capabilities.senses_health:
        return None
    from controller.health.prober import Prober

    return Prober(engine, on_change)


def _make_bed(stack: DesiredStack, views: Mapping[str, ServiceView], timings: Timings, now: Instant) -> object:
    from controller.engines.simulated_world import Simulation

    return Simulation(stack, views, timings, now)
