"""What runs beside what the files say: releases that are older, and services that leave, keep their edges. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from controller.decide.case import ALIVE
from controller.decide.world import World
from controller.model.names import Revision, split_release
from controller.security.edges import Edge, edges_of


class Former(NamedTuple):
    """`edges`: of releases that run or may be gone back to; `staying`: services that leave and still run."""

    edges: frozenset[Edge] = frozenset()
    staying: frozenset[str] = frozenset()


NO_FORMER = Former()


def find_former(world: World) -> Former:
    """An edge goes with the last replica of a release that has it, and not while that is the one to go back to."""
    services = world.desired.services
    edges = frozenset(
        edge
        for name in services
        for revision in _others(world, name)
        if (made := world.known.get((name, revision))) is not None
        for edge in edges_of(name, made, services)
    )
    leaving = (name for name, service in services.items() if service.leaving is not None)
    return Former(edges, frozenset(name for name in leaving if _running(world, name)))


def _others(world: World, name: str) -> Iterator[Revision]:
    """Revisions beside the one that is asked for. Of one that has left only what runs counts."""
    service, history = world.desired.services[name], world.histories.get(name)
    found = _running(world, name)
    if service.leaving is None and history is not None:
        releases = (history.good, history.pinned, world.settled.get(name))
        found |= {split_release(release)[0] for release in releases if release is not None}
    return (revision for revision in found if revision != service.revision)


def _running(world: World, name: str) -> set[Revision]:
    view = world.views.get(name)
    return {replica.revision for replica in view.replicas if replica.phase in ALIVE} if view is not None else set()
