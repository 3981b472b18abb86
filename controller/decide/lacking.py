"""Which limits a replica does not have yet, of those that were laid over its service's. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from controller.decide.identity import Known, made_from
from controller.model.adjustment import lacks, same_limit
from controller.model.desired import DesiredService
from controller.model.limited import lay_over
from controller.model.observed import Replica, ReplicaPhase
from controller.model.placed import confine

_MEMORY, _CPU = ("HostConfig.Memory", "HostConfig.MemorySwap"), ("HostConfig.NanoCpus",)


def unlike(replica: Replica, made: DesiredService) -> tuple[str, ...]:
    """Their paths, as `inspect` has them. `made`: what it was made from, with what is laid over that.

    What a hand set is drift.
    """
    if made.adjusted is None:
        return ()  # nearly always
    memory, cpu = lacks(made.adjusted, replica.id, replica.limit, made.claims.limit)
    return (*(_MEMORY if memory else ()), *(_CPU if cpu else ()))


def made_with(replica: Replica, want: DesiredService, known: Known) -> DesiredService:
    """What it was made from, with what is laid over its service."""
    return laid_as(made_from(replica, want, known), want)


def laid_as(made: DesiredService, want: DesiredService) -> DesiredService:
    """That revision of a service, or the present one, with what is laid over its limits and its networks."""
    return made if made is want else confine(lay_over(made, want.adjusted), want.confined)


class Lack(NamedTuple):
    """What one replica is to have otherwise: the paths, as `inspect` has them, and what it was made from with that."""

    paths: tuple[str, ...]
    made: DesiredService


def find_lack(replica: Replica, want: DesiredService, known: Known) -> Lack | None:
    """None: it has the limits that it is to have, or is on its way out and will have no others."""
    if want.adjusted is None or replica.phase in (ReplicaPhase.DEAD, ReplicaPhase.REMOVING):
        return None  # nearly always
    made = made_with(replica, want, known)
    paths = unlike(replica, made)
    return Lack(paths, made) if paths else None


def any_lacks(replicas: Iterable[Replica], want: DesiredService, known: Known) -> bool:
    """Whether some of a service do not have its limits yet."""
    return want.adjusted is not None and any(find_lack(replica, want, known) for replica in replicas)


def is_by_hand(replica: Replica, want: DesiredService, known: Known) -> bool:
    """Whether somebody else set its limits: of these nothing follows, and what is told of them is drift."""
    made = made_with(replica, want, known)
    return not same_limit(replica.limit, made.claims.limit) and not unlike(replica, made)
