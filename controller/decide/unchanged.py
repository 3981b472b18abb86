"""Statuses that need not be made anew, while all that they follow from is the very same. Pure but for what it keeps."""

from __future__ import annotations

from typing import NamedTuple

from controller.decide.said import TRUE
from controller.decide.world import World
from controller.model.decision import Decision, Hold
from controller.model.desired import DesiredStack
from controller.model.observed import ServiceView
from controller.model.status import ServiceStatus


class _Basis(NamedTuple):
    """What a status was made from. All but the last two are replaced, never edited: compared by identity."""

    decision: Decision
    view: ServiceView | None
    desired: DesiredStack
    told: ServiceStatus | None
    hold: Hold | None
    usually: float | None

    def is_same(self, other: _Basis) -> bool:
        return all(one is another for one, another in zip(self[:4], other[:4], strict=True)) and self[4:] == other[4:]


class Unchanged:
    """Of one stack, from one status to the next. One in ten thousand services that changes costs one."""

    def __init__(self) -> None:
        self._known: dict[str, _Basis] = {}

    def find(
        self, world: World, decision: Decision, usually: float | None, told: ServiceStatus | None
    ) -> ServiceStatus | None:
        """What was told of it last, if that is what would be told now; else None."""
        known = self._known.get(decision.service)
        return told if known is not None and known.is_same(_basis_of(world, decision, usually, told)) else None

    def note(self, world: World, decision: Decision, usually: float | None, told: ServiceStatus) -> None:
        """It was told this. Of what depends on others, or on the time, nothing is remembered."""
        if _stands_alone(world, decision, told):
            self._known[decision.service] = _basis_of(world, decision, usually, told)
        else:
            self._known.pop(decision.service, None)


def _basis_of(world: World, decision: Decision, usually: float | None, told: ServiceStatus | None) -> _Basis:
    return _Basis(decision, world.views.get(decision.service), world.desired, told, world.hold, usually)


def _stands_alone(world: World, decision: Decision, told: ServiceStatus) -> bool:
    """Whether what is told depends on no other service, and not on the time: who served, and has not answered yet, is
    told as before for a while."""
    if decision.waits_for is not None or world.desired.services[decision.service].namespace_of is not None:
        return False
    return decision.ready >= decision.desired or not any(
        one.type == "Ready" and one.status == TRUE for one in told.conditions
    )
