"""What has to be asked first: taking over a project that would be replaced, removing much of a stack at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from controller.decide.case import ALIVE
from controller.decide.identity import has_revision
from controller.decide.joined import is_moved
from controller.decide.touched import is_beyond_repair, repairs
from controller.decide.world import World
from controller.model.decision import Hold
from controller.model.desired import DesiredService, Leaving
from controller.model.observed import Replica, ReplicaPhase, ServiceView

MASS_SHARE = 0.3
"""More than this share of the services, and more than one of them, is a mass removal."""


def judge_adoption(world: World, cause: str) -> Hold | None:
    """A project that runs is taken over with no restart, or not without being asked."""
    touched = tuple(
        f"{name} ({why})"
        for name, service in sorted(world.desired.services.items())
        if (why := _adoption_would(service, world.views.get(name, ServiceView())))
    )
    if not touched:
        return None
    message = f"taking over would change what runs: {', '.join(touched)}. {cause}".strip()
    return Hold("AdoptionHeld", f"{message} `controller adopt {world.desired.name}` goes on")


def _adoption_would(service: DesiredService, view: ServiceView) -> str:
    present = [replica for replica in view.replicas if replica.phase is not ReplicaPhase.REMOVING]
    alive = [replica for replica in present if replica.phase in ALIVE]
    if service.leaving is not None:
        return "stop" if alive and service.leaving is not Leaving.ORPHANED else ""
    others = [replica for replica in present if not has_revision(replica, service)]
    if others:
        fields = sorted({name for replica in others for name in replica.drift or ()})
        return f"replace: {', '.join(fields)}" if fields else "replace"
    if len(present) > service.replicas:
        return f"remove {len(present) - service.replicas}"
    if any(is_beyond_repair(replica, service) for replica in present):
        return f"replace: {', '.join(sorted({found.path for replica in present for found in replica.limits}))}"
    return _mend_would(present, service)


def _mend_would(present: Sequence[Replica], want: DesiredService) -> str:
    """Who renamed it, took it off a network, or gave it more memory, may have meant it."""
    found = {
        f"{_back_on(replica)} {name}"
        for replica in present
        for name in replica.lost
        if not is_moved(replica, want) and repairs(want, f"Networks.{name}")
    }
    limits = {
        f"set {one.path} to {one.wanted}"
        for r in present
        for one in (*r.limits, *r.misjoined)
        if one.in_place and repairs(want, one.path)
    }
    renamed = [f"rename {replica.name}" for replica in present if replica.renamed and repairs(want, "Name")]
    return ", ".join((*sorted(found), *sorted(limits), *renamed))


def _back_on(replica: Replica) -> str:
    return "give its names back on" if replica.by_name is False else "connect to"


def judge_removal(before: Mapping[str, object], world: World) -> Hold | None:
    """A generation that drops much of the one before it is held: a truncated file is valid YAML as well."""
    gone = sorted(
        name
        for name, service in world.desired.services.items()
        if service.leaving is Leaving.REMOVED and name in before and world.views.get(name, ServiceView()).replicas
    )
    total = len(before)
    if not gone or not (len(gone) == total or (len(gone) > 1 and len(gone) > MASS_SHARE * total)):
        return None
    message = f"{len(gone)} of {total} services would be removed: {', '.join(gone)}."
    return Hold("MassRemovalHeld", f"{message} `controller confirm {world.desired.name}` goes on")
