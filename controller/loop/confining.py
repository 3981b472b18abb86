"""Networks by declared edges, laid over what the files say, and removed once nobody needs them. Nothing is kept."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace

from controller.engines.base import Engine
from controller.loop.loaded import Loaded
from controller.model.desired import DesiredStack
from controller.model.errors import EngineError, Finding
from controller.model.placed import confine_all
from controller.model.project import RenderedProject
from controller.security.networks import plan_networks


class Confining:
    """Of one stack; plans anew only where something else is wanted."""

    def __init__(self) -> None:
        self._last: tuple[Loaded, Loaded] | None = None
        self._swept: Loaded | None = None

    def over(self, loaded: Loaded) -> Loaded:
        """The same, each service on the networks that its edges ask for."""
        if not loaded.desired.policy.address_pool:
            return loaded  # nearly always
        if self._last is None or self._last[0] is not loaded:
            self._last = (loaded, lay_over_networks(loaded))
        return self._last[1]

    def sweep(self, engine: Engine, loaded: Loaded, desired: DesiredStack) -> None:
        """Once all is as these files want it: networks of ours that nobody needs any more go."""
        if self._swept is not loaded:
            with suppress(EngineError):  # the next time will do
                remove_surplus(engine, desired)
                self._swept = loaded


def remove_surplus(engine: Engine, desired: DesiredStack) -> None:
    """Networks of ours on which nobody is or is to be. Raises EngineErrors."""
    wanted = {json.loads(text)["Name"] for one in desired.services.values() for text in one.template.networks}
    engine.remove_networks(desired.name, ours_but=wanted, deadline=5.0)


def lay_over_networks(loaded: Loaded) -> Loaded:
    """The same, each service on the networks that its edges ask for."""
    desired = confine_all(loaded.desired, plan_networks(loaded.desired).services)
    return loaded if desired is loaded.desired else replace(loaded, desired=desired)


def check_plan(stack: DesiredStack) -> tuple[Finding, ...]:
    """Why the networks that it asks for cannot be."""
    fault = plan_networks(stack).fault
    return () if fault is None else (Finding(fault[0], path="spec.security.networkPolicy", hint=fault[1]),)


def check_unrecorded(stack: DesiredStack, rendered: RenderedProject) -> tuple[Finding, ...]:
    """The same where nobody has asked Compose for its requests: by the networks that the rendered files name."""
    if not stack.policy.address_pool:
        return ()
    from controller.engines.simulated_requests import record_model  # loaded for those who ask for it

    templates = record_model(rendered).templates
    laid = {name: replace(one, template=templates[name]) for name, one in stack.services.items() if name in templates}
    return check_plan(replace(stack, services={**stack.services, **laid}))
