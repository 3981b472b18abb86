"""Worlds with a precondition on purpose: small stacks by name, brought to the point where something is to go wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from controller.engines.simulated_behaviour import Behaviour
from controller.engines.simulated_faults import Faults
from controller.model.desired import DesiredService, DesiredStack, Order, StackPolicy, UpdatePolicy
from controller.model.names import ReplicaId
from controller.model.timings import Span
from tests.builders import COMPLETED, HEALTHY, NOW, checked, job, stack, timings
from tests.property.life import Event, Life, begin
from tests.property.play import Play

CALLS = {Span.CREATE: 0.1, Span.START: 0.3, Span.STOP: 0.4, Span.REMOVE: 0.1, Span.READY: 2.0, Span.RUN: 3.0}
UP = 100.0
"""Seconds after which every stack of this file has long come up."""


def life_of(
    wanted: DesiredStack,
    *events: Event,
    until: float = 2000.0,
    ready: Mapping[str, float] | None = None,
    behaviours: Mapping[tuple[str, str], Behaviour] | None = None,
    away: tuple[float, float] | None = None,
    runs: float = CALLS[Span.RUN],
) -> Life:
    """`ready`: seconds to ready of some; `runs`: of jobs; `away`: from and until when the engine does not answer."""
    spans = {name: {**CALLS, Span.READY: (ready or {}).get(name, 2.0), Span.RUN: runs} for name in wanted.services}
    for name, want in wanted.services.items():
        if not want.is_job:
            del spans[name][Span.RUN]
    faults = None if away is None else Faults(away=((NOW + away[0], NOW + away[1]),))
    return Life(wanted, timings(**spans), events, behaviours or {}, faults, until=until)


def shop(order: Order = Order.START_FIRST, parallelism: int = 1, replicas: int = 2) -> DesiredStack:
    """A database, a job on it, and a server behind both."""
    update = UpdatePolicy(order, parallelism, monitor=3.0)
    return stack(
        checked("db"),
        job("migrate", needs={"db": HEALTHY}),
        checked("web", replicas, needs={"db": HEALTHY, "migrate": COMPLETED}, update=update),
    )


def farm(replicas: int, order: Order, parallelism: int) -> DesiredStack:
    """One service alone."""
    return stack(checked("web", replicas, update=UpdatePolicy(order, parallelism, monitor=3.0)))


def queue_of(*services: DesiredService, at_once: int = 1) -> DesiredStack:
    """Services that may not all start at once."""
    return stack(*services, policy=StackPolicy(max_parallel=at_once))


def live(life: Life) -> Play:
    """To its end, and the goal is reached."""
    play = begin(life)
    play.run(NOW + life.until)
    play.rules.check_goal()
    return play


def starts(play: Play) -> Counter[str]:
    """How many processes of each service were started so far."""
    counted: Counter[str] = Counter()
    for (service, _), count in play.simulation.processes.lives.items():
        counted[service] += count
    return counted


def containers(play: Play) -> frozenset[ReplicaId]:
    return frozenset(record.base.id for record in play.simulation.containers.all())
