"""The dependency graph: order, batches, cycles and the critical path. For display, and for the order of grants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from controller.model.desired import Need


@dataclass(frozen=True, slots=True)
class Graph:
    """`order`: dependencies before dependents, ties by name. `rank`: seconds of the longest way to a leaf."""

    order: tuple[str, ...] = ()
    index: Mapping[str, int] = field(default_factory=dict)
    needs: Mapping[str, Mapping[str, Need]] = field(default_factory=dict)
    dependents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rank: Mapping[str, float] = field(default_factory=dict)


def find_cycle(needs: Mapping[str, Iterable[str]]) -> tuple[str, ...] | None:
    """One cycle, first name repeated at the end and smallest name first; None if there is none."""
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        ring: list[str] = list(reversed(error.args[1]))[:-1]
        least = ring.index(min(ring))
        ring = ring[least:] + ring[:least]
        return (*ring, ring[0])
    return None


def build_graph(needs: Mapping[str, Mapping[str, Need]], seconds: Callable[[str], float] = lambda _: 1.0) -> Graph:
    """The graph of services that exist; edges to others are left out. Raises ValueError that names a cycle."""
    known = {name: {dep: need for dep, need in sorted(deps.items()) if dep in needs} for name, deps in needs.items()}
    cycle = find_cycle(known)
    if cycle is not None:
        raise ValueError(f"dependency cycle: {' → '.join(cycle)}")
    order = tuple(name for batch in _batches(known) for name in batch)
    dependents: dict[str, list[str]] = {name: [] for name in order}
    for name in order:
        for dep in known[name]:
            dependents[dep].append(name)
    rank: dict[str, float] = {}
    for name in reversed(order):
        rank[name] = seconds(name) + max((rank[d] for d in dependents[name]), default=0.0)
    index = {name: number for number, name in enumerate(order)}
    return Graph(order, index, known, {name: tuple(names) for name, names in dependents.items()}, rank)


def batches(graph: Graph) -> tuple[tuple[str, ...], ...]:
    """Services that could start together, one batch after the other."""
    return _batches(graph.needs)


def critical_path(graph: Graph) -> tuple[str, ...]:
    """The chain of dependencies that takes longest, from its root to its leaf."""
    path: list[str] = []
    candidates: Iterable[str] = graph.order
    while best := max(candidates, key=lambda name: (graph.rank[name], -graph.index[name]), default=None):
        path.append(best)
        candidates = graph.dependents[best]
    return tuple(path)


def _batches(needs: Mapping[str, Mapping[str, Need]]) -> tuple[tuple[str, ...], ...]:
    sorter = TopologicalSorter({name: tuple(deps) for name, deps in needs.items()})
    sorter.prepare()
    result: list[tuple[str, ...]] = []
    while sorter.is_active():
        ready = tuple(sorted(sorter.get_ready()))
        result.append(ready)
        sorter.done(*ready)
    return tuple(result)
