"""Who is declared to speak with whom. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping

from controller.model.desired import DesiredService

Edge = frozenset[str]
"""Two services. A network is open both ways, so it has no direction."""


def declared_edges(services: Mapping[str, DesiredService]) -> frozenset[Edge]:
    """Each pair of which one depends on the other or is said to connect to it."""
    return frozenset(edge for name, service in services.items() for edge in edges_of(name, service, services))


def edges_of(name: str, service: DesiredService, services: Container[str]) -> Iterator[Edge]:
    """Those that it declares itself, to services that there are."""
    for target in (*service.needs, *service.connects_to):
        if target in services and target != name:
            yield frozenset((name, target))
