"""New replicas beside those that are not led to their networks yet: paused, or watched only. Pure.

Who is new begins on the networks that its edges ask for, and would not reach whom nobody may touch. It begins on one of
theirs too, and leaves that as everybody does: once they have another one in common.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from controller.decide.case import ALIVE
from controller.model.confined import add_networks, is_for_one
from controller.model.decision import Decision
from controller.model.desired import DesiredService, DesiredStack, Template
from controller.model.observed import Replica, ServiceView
from controller.model.steps import Create


class Stray(NamedTuple):
    """A replica that is not on all the networks that it is to be on, and the first that it is led away from."""

    service: str
    wanted: frozenset[str]
    there: frozenset[str]
    leaves: str


class Strays:
    """All of one stack. Found anew only for whom something else was seen or is wanted: a large stack has few."""

    def __init__(self) -> None:
        self._desired: DesiredStack | None = None
        self._stale: set[str] = set()
        self._known: dict[str, tuple[Stray, ...]] = {}

    def note(self, names: Iterable[str]) -> None:
        """Something else was seen of these."""
        self._stale.update(names)

    def find(self, desired: DesiredStack, views: Mapping[str, ServiceView]) -> list[Stray]:
        """By service, in order."""
        if self._desired is not desired:
            self._known.clear()
            self._desired, self._stale = desired, set(views)
        for name in self._stale:
            self._known.pop(name, None)
            want, view = desired.services.get(name), views.get(name)
            if want is not None and view is not None and (found := _find(view, want, desired.name)):
                self._known[name] = found
        self._stale.clear()
        return [stray for name in sorted(self._known) for stray in self._known[name]]


def begin_beside(
    decision: Decision, desired: DesiredStack, views: Mapping[str, ServiceView], index: Strays
) -> Decision:
    """The same; whom it creates reaches all whom it is to reach."""
    if not any(isinstance(step, Create) for step in decision.steps):
        return decision  # nearly always
    strays = [one for one in index.find(desired, views) if one.service != decision.service]
    if not strays:
        return decision  # nearly always
    steps = tuple(
        replace(step, template=_beside(step.template, strays)) if isinstance(step, Create) else step
        for step in decision.steps
    )
    return decision if steps == decision.steps else decision._replace(steps=steps)


def _beside(template: Template, strays: Iterable[Stray]) -> Template:
    found: list[str] = []
    mine = template.joins()
    for stray in strays:
        common = mine & stray.wanted
        if common and not stray.there & common.union(found):
            found.append(stray.leaves)
    return add_networks(template, found) if found else template


def _find(view: ServiceView, want: DesiredService, project: str) -> tuple[Stray, ...]:
    """Who is on all of its networks shares each of them with whoever is on that."""
    may_stray = (one for one in view.replicas if one.phase in ALIVE and (one.ours or want.confined is not None))
    pairs = ((frozenset(one.joined or ()), leaves) for one in may_stray if (leaves := _choose(one, want, project)))
    wanted = want.template.joins() if view.replicas else frozenset[str]()
    return tuple(Stray(want.name, wanted, there, leaves) for there, leaves in pairs if not wanted <= there)


def _choose(one: Replica, want: DesiredService, project: str) -> str:
    """The first of those that are led away from, none that is for it alone; "": there is none."""
    replaced = want.confined.replaced if want.confined is not None else frozenset()
    ours = (name for name in one.ours if not is_for_one(project, name, one.service))
    return next(iter((*sorted(replaced.intersection(one.joined or ())), *ours)), "")
