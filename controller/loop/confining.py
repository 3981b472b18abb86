"""Networks by declared edges, laid over what the files say, and removed once nobody needs them. Nothing is kept."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from math import inf
from typing import NamedTuple

from controller.decide.world import World
from controller.engines.base import Emptied, Engine
from controller.loop.auditacts import networks_act
from controller.loop.loaded import Loaded
from controller.model.desired import DesiredStack
from controller.model.errors import EngineError, Finding
from controller.model.names import Instant
from controller.model.placed import confine_all
from controller.model.project import RenderedProject
from controller.security.audit import Auditor
from controller.security.former import NO_FORMER, Former, find_former
from controller.security.networks import plan_networks

SWEPT_AGAIN_AFTER = 60.0
"""Seconds after which networks that somebody was on are tried to be removed again."""


class _Swept(NamedTuple):
    """For which files, and what ran of before, surplus networks were removed last, and when to do so again."""

    loaded: Loaded
    former: Former
    again_at: Instant


class Confining:
    """Of one stack; plans anew only where something else is wanted, or runs beside it."""

    def __init__(self) -> None:
        self._last: tuple[Loaded, Former, Loaded] | None = None
        self._former = NO_FORMER
        self._swept: _Swept | None = None

    def heed(self, world: World) -> bool:
        """Look at what runs of before; whether the networks are to be others for that."""
        if not self.is_behind(world):
            return False  # nearly always
        self._former = find_former(world)
        return True

    def is_behind(self, world: World) -> bool:
        """What runs of before, or may be gone back to, is other than when it was heeded."""
        return bool(world.desired.policy.address_pool) and find_former(world) != self._former

    def over(self, loaded: Loaded) -> Loaded:
        """The same, each service on the networks that its edges ask for, and those of before."""
        if not loaded.desired.policy.address_pool:
            return loaded  # nearly always
        if self._last is None or self._last[0] is not loaded or self._last[1] != self._former:
            self._last = (loaded, self._former, lay_over_networks(loaded, self._former))
        return self._last[2]

    def sweep(
        self, engine: Engine, loaded: Loaded, desired: DesiredStack, now: Instant, audit: Auditor | None = None
    ) -> None:
        """Once all is as these files want it: networks of ours that nobody needs any more go.

        Those on which somebody is yet, as who was stopped is, are tried again later.
        """
        swept = self._swept
        if swept is not None and swept.loaded is loaded and swept.former == self._former and now < swept.again_at:
            return  # nearly always
        with suppress(EngineError):  # the next time will do
            left = remove_surplus(engine, desired, audit)
            self._swept = _Swept(loaded, self._former, now + SWEPT_AGAIN_AFTER if left else inf)


def remove_surplus(engine: Engine, desired: DesiredStack, audit: Auditor | None = None) -> bool:
    """Networks of ours on which nobody is or is to be; whether some stay, for who is on them. Raises EngineErrors."""
    wanted = {json.loads(text)["Name"] for one in desired.services.values() for text in one.template.networks}
    emptied = engine.remove_networks(desired.name, ours_but=wanted, deadline=5.0)
    note_networks(audit, desired.name, emptied)
    return bool(emptied.left)


def note_networks(audit: Auditor | None, stack: str, emptied: Emptied) -> None:
    """Which of them go, the engine says afterwards: so much is in the audit log."""
    if audit is not None and emptied.gone:
        audit.note(networks_act(stack, emptied.gone))


def lay_over_networks(loaded: Loaded, former: Former = NO_FORMER) -> Loaded:
    """The same, each service on the networks that its edges ask for."""
    desired = confine_all(loaded.desired, plan_networks(loaded.desired, former).services)
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
