"""Networks by declared edges, laid over what the files say; nothing of it is kept. Pure."""

from __future__ import annotations

from dataclasses import replace

from controller.loop.loaded import Loaded
from controller.model.desired import DesiredStack
from controller.model.errors import Finding
from controller.model.placed import confine_all
from controller.security.networks import plan_networks


class Confining:
    """Of one stack; plans anew only where something else is wanted."""

    def __init__(self) -> None:
        self._last: tuple[Loaded, Loaded] | None = None

    def over(self, loaded: Loaded) -> Loaded:
        """The same, each service on the networks that its edges ask for."""
        if not loaded.desired.policy.address_pool:
            return loaded  # nearly always
        if self._last is None or self._last[0] is not loaded:
            self._last = (loaded, lay_over_networks(loaded))
        return self._last[1]


def lay_over_networks(loaded: Loaded) -> Loaded:
    """The same, each service on the networks that its edges ask for."""
    desired = confine_all(loaded.desired, plan_networks(loaded.desired).services)
    return loaded if desired is loaded.desired else replace(loaded, desired=desired)


def check_plan(stack: DesiredStack) -> tuple[Finding, ...]:
    """Why the networks that it asks for cannot be."""
    fault = plan_networks(stack).fault
    return () if fault is None else (Finding(fault[0], path="spec.security.networkPolicy", hint=fault[1]),)
