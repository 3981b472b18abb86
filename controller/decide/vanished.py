"""What a look no longer shows is not gone before it was asked for by name: a list may lie by leaving out."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from controller.model.errors import Transient
from controller.model.names import ReplicaId
from controller.model.observed import ServiceView


def find_missing(
    before: Mapping[str, Collection[ReplicaId]], views: Mapping[str, ServiceView], known: Collection[ReplicaId] = ()
) -> frozenset[ReplicaId]:
    """Replicas that were there at the last look at their service and that this look does not show.

    `known`: those of which only the record of an earlier process tells; they may be of any service.
    A view that is incomplete says nothing of what it leaves out, and a service without a view was not looked at.
    """
    shown = {seen.id for view in views.values() for seen in view.replicas}
    if not all(view.complete for view in views.values()):
        known = ()
    return frozenset(known) - shown | frozenset(
        replica
        for name, view in views.items()
        if view.complete
        for replica in frozenset(before.get(name, ())) - {seen.id for seen in view.replicas}
    )


def refuse_lie(missing: Collection[ReplicaId], absent: Collection[ReplicaId]) -> None:
    """Raises Transient where some of the missing exist: that look is no observation, and nothing follows from it."""
    left_out = frozenset(missing) - frozenset(absent)
    if left_out:
        raise Transient(
            f"Docker's list leaves out {len(left_out)} of the stack's containers, which exist:"
            f" {', '.join(sorted(replica[:12] for replica in left_out))}"
        )
