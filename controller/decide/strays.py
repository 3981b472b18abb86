"""New replicas beside those that are not led to their networks yet: paused, or watched only. Pure.

Who is new begins on the networks that its edges ask for, and would not reach whom nobody may touch. It begins on one of
theirs too, and leaves that as everybody does: once they have another one in common.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from controller.decide.case import ALIVE
from controller.decide.world import World
from controller.model.confined import add_networks, is_for_one
from controller.model.decision import Decision
from controller.model.desired import DesiredService, Template
from controller.model.observed import Replica
from controller.model.steps import Create


def begin_beside(world: World, decision: Decision) -> Decision:
    """The same; whom it creates reaches all whom it is to reach."""
    if not any(isinstance(step, Create) for step in decision.steps):
        return decision  # nearly always
    steps = tuple(
        replace(step, template=_beside(world, decision.service, step.template)) if isinstance(step, Create) else step
        for step in decision.steps
    )
    return decision if steps == decision.steps else decision._replace(steps=steps)


def _beside(world: World, name: str, template: Template) -> Template:
    found: list[str] = []
    for one, common, its in _neighbours(world, name, template.joins()):
        there = frozenset(one.joined or ())
        if not there & common.union(found):
            found += _choose(one, its, world.desired.name)
    return add_networks(template, found) if found else template


def _neighbours(
    world: World, name: str, mine: frozenset[str]
) -> Iterator[tuple[Replica, frozenset[str], DesiredService]]:
    """Whom it is to share a network with, which ones that are, and what is wanted of them."""
    for other, view in world.views.items():
        its = world.desired.services.get(other)
        if other != name and its is not None and (common := mine & its.template.joins()):
            yield from ((one, common, its) for one in view.replicas if one.phase in ALIVE)


def _choose(one: Replica, its: DesiredService, project: str) -> list[str]:
    """The first of those that are led away from; none that is for it alone."""
    replaced = its.confined.replaced if its.confined is not None else frozenset()
    ours = (name for name in one.ours if not is_for_one(project, name, one.service))
    return [*sorted(replaced.intersection(one.joined or ())), *ours][:1]
