"""A decision as work for the executor: what touches containers in one batch, each image that is fetched in its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from controller.decide.world import World
from controller.engines.base import Engine
from controller.loop.executor import Batch, Check
from controller.loop.journal import ReplicaJournal
from controller.loop.loaded import Loaded
from controller.model.decision import Course, Decision
from controller.model.desired import DesiredService
from controller.model.observed import Replica, ReplicaPhase
from controller.model.project import ComposeProject
from controller.model.steps import Outcome, Restart, Route, Start, Step, Stop, split_fetches


def make_batches(
    decision: Decision,
    world: World,
    loaded: Loaded,
    journal: ReplicaJournal,
    route: Callable[[Route], Outcome] | None,
) -> Iterator[Batch]:
    """In order. A fetch takes up to hours, in which what runs is kept in shape."""
    fetches, steps = split_fetches(decision.steps)
    check = _find_check(decision, world, loaded)
    rank, adapts = world.rank(decision.service), world.desired.policy.optimization.adaptive_parallelism

    def batch(*steps: Step) -> Batch:
        name, service, release = loaded.name, decision.service, decision.release
        return Batch(name, service, steps, loaded.project, journal, rank, adapts, route, release, check)

    if steps:
        yield batch(*(map(_hurry, steps) if decision.service in world.hurried else steps))
    yield from map(batch, fetches)


def is_way_back(decision: Decision) -> bool:
    """By itself, to what ran before and was let pass then: without it nobody would serve. A person's undo is judged."""
    return decision.course in (Course.RETURNING, Course.STACK_RETURNING) and decision.history.pinned is None


def _find_check(decision: Decision, world: World, loaded: Loaded) -> Check | None:
    """By who is there as this is decided. None: each step is done."""
    if (gate := loaded.gate) is None or is_way_back(decision):
        return None
    view, want = world.views.get(decision.service), loaded.desired.services.get(decision.service)
    there = {one.id: one for one in view.replicas} if view is not None else {}

    def check(step: Step, engine: Engine, files: ComposeProject) -> str:
        seen = there.get(step.replica) if isinstance(step, Start | Restart) else None
        mounts = seen is None or want is None or mounts_anew(step, seen, want)
        return gate.check(step, engine, files, mounts=mounts)

    return check


def mounts_anew(step: Step, replica: Replica, want: DesiredService) -> bool:
    """Whether it is this definition's mounts that come with this start: what an earlier one made is not judged by
    them, and who is only paused keeps those that it has."""
    if isinstance(step, Start) and replica.phase is ReplicaPhase.PAUSED:
        return False
    return replica.revision == want.revision or (want.direct is not None and replica.revision == want.direct.revision)


def _hurry(step: Step) -> Step:
    return replace(step, grace=0.0) if isinstance(step, Stop) else step
