"""A simulation with known times, and short ways to act in it and to look at it."""

from __future__ import annotations

from controller.engines.simulated_world import Simulation
from controller.model.names import ReplicaId
from controller.model.observed import Replica
from controller.model.steps import Outcome, Result
from controller.model.timings import Span
from tests.builders import NOW, create, empty_views, stack, start, timings

CALLS = {Span.CREATE: 0.1, Span.START: 0.2, Span.STOP: 0.5, Span.REMOVE: 0.0, Span.READY: 2.0}
LEARNED = timings(web=CALLS, migrate={**CALLS, Span.RUN: 3.0}, side=CALLS)


def world(*services, views=None, learned=LEARNED) -> Simulation:
    wanted = stack(*services)
    return Simulation(wanted, views if views is not None else empty_views(wanted), learned, NOW)


def only(simulation: Simulation, now: float, name: str = "web") -> Replica:
    replicas = simulation.view(name, now).replicas
    assert len(replicas) == 1
    return replicas[0]


def run(simulation: Simulation, *steps, at: float = NOW) -> float:
    """Do the steps, all of which succeed; when they are over."""
    outcomes = simulation.perform(steps, at)
    assert [outcome.result for outcome in outcomes] == [Result.DONE] * len(steps)
    return at + sum(outcome.seconds for outcome in outcomes)


def launch(simulation: Simulation, name: str = "web", revision: str = "v1", at: float = NOW) -> tuple[ReplicaId, float]:
    """Create and start number 1; its id, and when the start is over."""
    over = run(simulation, create(1, revision, service=name), at=at)
    made = only(simulation, over, name).id
    return made, run(simulation, start(made, service=name), at=over)


def refusal(outcomes: tuple[Outcome, ...]) -> Result:
    assert len(outcomes) == 1
    assert outcomes[0].message
    return outcomes[0].result
