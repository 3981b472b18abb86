"""Who is at the root of what is wrong with a service: the dependency that serves nobody, as deep as it goes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from controller.alerts.rules import AT_WILL, CHANGING
from controller.model.decision import Phase
from controller.model.status import ServiceStatus

Needs = Mapping[str, tuple[str, ...]]
"""What each service depends on, in the order of its own words."""


class Root(NamedTuple):
    """`excused`: why nobody needs to be told: a person wanted it, or a change is under way that is watched itself."""

    service: str
    excused: str = ""


def find_root(name: str, services: Mapping[str, ServiceStatus], needs: Needs) -> Root:
    """Follow what a service waits for, else what of its dependencies serves nobody, down to who has no such excuse.

    A dependency of which some replicas serve is no excuse.
    """
    seen = {name}
    here = name
    while (following := _find_next(here, services, needs)) is not None and following not in seen:
        seen.add(following)
        here = following
    return Root(here, _excuse(services[here], itself=here == name))


def _find_next(name: str, services: Mapping[str, ServiceStatus], needs: Needs) -> str | None:
    waits_for = services[name].waits_for
    if waits_for is not None and waits_for in services and not _serves(services[waits_for]):
        return waits_for
    return next((other for other in needs.get(name, ()) if other in services and not _serves(services[other])), None)


def _serves(service: ServiceStatus) -> bool:
    """Somebody answers, or nobody is wanted any more: a job has done its work."""
    return service.ready > 0 or service.phase is Phase.COMPLETED


def _excuse(root: ServiceStatus, *, itself: bool) -> str:
    if root.phase in CHANGING:
        return f"{root.name} is {root.phase}"
    if root.phase in AT_WILL and not itself:
        return f"{root.name} is {root.phase}, as a person wanted"
    return ""
