"""Who is at the root of what is wrong with a service: the dependency that serves nobody, as deep as it goes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from controller.alerts.rules import AT_WILL, CHANGING
from controller.model.phases import Phase
from controller.model.status import ServiceStatus

Needs = Mapping[str, tuple[str, ...]]
"""What each service requires."""


class Root(NamedTuple):
    """`excuse`: why nobody needs to be told: a person wanted it, or a change is under way that is watched itself."""

    service: str
    excuse: str = ""


class Blame:
    """Finds roots among the services of one status; each service is looked at once."""

    def __init__(self, services: Mapping[str, ServiceStatus], needs: Needs) -> None:
        self._services = services
        self._needs = needs
        self._deepest: dict[str, str] = {}

    def root_of(self, name: str) -> Root:
        """Follow what a service waits for, else what it requires and that serves nobody, as deep as that goes.

        A dependency of which some replicas serve is no excuse. Of several the first without an excuse is to blame.
        """
        deepest = self._find(name)
        return Root(deepest, _excuse(self._services[deepest], itself=deepest == name))

    def _find(self, name: str) -> str:
        if name not in self._deepest:
            self._deepest[name] = name  # where a circle closes
            roots = [self._find(other) for other in self._causes(name)]
            blameless = (root for root in roots if not _excuse(self._services[root], itself=False))
            self._deepest[name] = next(blameless, roots[0] if roots else name)
        return self._deepest[name]

    def _causes(self, name: str) -> Iterator[str]:
        """What it waits for is the one thing to look at; a job that runs serves nobody yet, whatever its health."""
        waits_for = self._services[name].waits_for
        if waits_for is not None and waits_for in self._services:
            yield waits_for
            return
        for other in self._needs.get(name, ()):
            if other in self._services and not _serves(self._services[other]):
                yield other


def _serves(service: ServiceStatus) -> bool:
    """Somebody answers, or nobody is wanted (any more)."""
    none_wanted = service.desired == 0 and service.phase is Phase.READY
    return service.ready > 0 or none_wanted or service.phase is Phase.COMPLETED


def _excuse(root: ServiceStatus, *, itself: bool) -> str:
    if root.phase in CHANGING:
        return f"{root.name} is {root.phase}"
    if root.phase in AT_WILL and not itself:
        return f"{root.name} is {root.phase}, as a person wanted"
    return ""
