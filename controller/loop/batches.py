"""A decision as work for the executor: what touches containers in one batch, each image that is fetched in its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from controller.decide.world import World
from controller.loop.executor import Batch
from controller.loop.journal import ReplicaJournal
from controller.loop.loaded import Loaded
from controller.model.decision import Decision, Phase
from controller.model.steps import Outcome, Route, Step, Stop, split_fetches


def make_batches(
    decision: Decision,
    world: World,
    loaded: Loaded,
    journal: ReplicaJournal,
    route: Callable[[Route], Outcome] | None,
) -> Iterator[Batch]:
    """In order. A fetch takes up to hours, in which what runs is kept in shape."""
    fetches, steps = split_fetches(decision.steps)
    check = None if loaded.gate is None or is_way_back(decision) else loaded.gate.check
    rank, adapts = world.rank(decision.service), world.desired.policy.optimization.adaptive_parallelism

    def batch(*steps: Step) -> Batch:
        name, service, release = loaded.name, decision.service, decision.release
        return Batch(name, service, steps, loaded.project, journal, rank, adapts, route, release, check)

    if steps:
        yield batch(*(map(_hurry, steps) if decision.service in world.hurried else steps))
    yield from map(batch, fetches)


def is_way_back(decision: Decision) -> bool:
    """By itself, to what ran before and was let pass then: without it nobody would serve. A person's undo is judged."""
    return decision.phase is Phase.ROLLING_BACK and decision.history.pinned is None


def _hurry(step: Step) -> Step:
    return replace(step, grace=0.0) if isinstance(step, Stop) else step
