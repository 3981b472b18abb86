"""Who is declared to speak with whom. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from controller.model.desired import DesiredService

Edge = frozenset[str]
"""Two services. A network is open both ways, so it has no direction."""


def declared_edges(services: Mapping[str, DesiredService]) -> frozenset[Edge]:
    """Each pair of which one depends on the other or is said to connect to it."""
    return frozenset(_edges(services))


def _edges(services: Mapping[str, DesiredService]) -> Iterator[Edge]:
    for name, service in services.items():
        for target in (*service.needs, *service.connects_to):
            if target in services and target != name:
                yield frozenset((name, target))
