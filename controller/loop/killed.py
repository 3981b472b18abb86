"""Judges: who was killed for want of memory, and under whose limit. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from controller.model.adjustment import Adjustment, KilledLife, Need, knows_memory, put
from controller.model.advice import Resource
from controller.model.desired import DockerRestart
from controller.model.names import Instant, ReplicaId
from controller.model.observed import Replica
from controller.model.quantities import tell_octets
from controller.model.resources import AdjustMode, Limit
from controller.resources.adjust import Facts
from controller.resources.bounds import find_range

KILLED = 137
"""Exit code of who was killed: 128 + SIGKILL."""

DYING = 1.0
"""Seconds for which a death may be of the limit before.

An engine names a new limit before the kernel holds to it, and who is killed is gone a moment later.
"""

KEPT_EXCUSED = 64
"""Lives of one service that are remembered as excused."""


class Short(NamedTuple):
    """A replica that was seen with less memory than it is to have.

    `began`: the life that had less; `at`: when that was seen last; `until`: when it was first seen with enough.
    """

    began: Instant | None
    at: Instant
    until: Instant | None = None


def note_short(
    replicas: Iterable[Replica], known: Mapping[ReplicaId, Short], held: int, at: Instant, *, busy: bool = False
) -> dict[ReplicaId, Short]:
    """Who of them has less than `held` bytes now, and who had when it was seen before: no more than there are.

    `busy`: a call of ours is under way. Until it ends an engine names what it was told to set, and may take that back.
    """
    found: dict[ReplicaId, Short] = {}
    for replica in replicas:
        seen, before = replica.limit.memory, known.get(replica.id)
        if seen is not None and (seen < held or (busy and before is not None and before.until is None)):
            found[replica.id] = Short(replica.started_at, at)
        elif before is not None:
            found[replica.id] = before if before.until is not None else before._replace(until=at)
    return found


class Death(NamedTuple):
    """Of a life that the kernel ended, or of which it killed a part."""

    replica: Replica
    life: KilledLife
    docker_restart: DockerRestart = DockerRestart.NO

    def may_be_of(self, short: Short | None) -> bool:
        """Whether the limit that this replica had before may have killed it, though it is seen with enough.

        The life had less itself, or Docker's restart policy began it before anybody saw it with enough: we give a
        replica what it is to have before we start it.
        """
        if short is None or short.until is None or (ended := self._ended_at()) is None:
            return False
        began = self.life[1]
        by_docker = self.docker_restart is not DockerRestart.NO and began is not None
        had_less = began == short.began or (by_docker and began is not None and short.at < began <= short.until)
        return had_less and ended <= short.until + DYING

    def _ended_at(self) -> Instant | None:
        """None: it lives on, and nobody knows when a part of it was killed. An end may be noted before its start."""
        ended, began = self.replica.finished_at, self.life[1]
        if ended is None or (self.replica.running and self.replica.started_at == began):
            return None
        return ended if began is None else max(ended, began)


def is_by_hand(replica: Replica, present: int, adjustment: Adjustment) -> bool:
    """Whether its memory limit is neither the present one nor one of ours that is on its way to that."""
    return replica.limit.memory != present and not knows_memory(adjustment, replica.id, replica.limit.memory)


def ended_before(
    death: Death, own: Limit, adjustment: Adjustment, reached: Collection[ReplicaId], short: Short | None = None
) -> bool:
    """Whether what was killed says nothing of the limit that holds: it had less, or had it from a hand.

    `own`: what its file says. Who was never seen under what holds since the last change (`reached`) was killed under
    what it had before, as far as anybody knows: between two looks there may be a death, its answer and another death.
    So was who had less a moment ago (`short`). If it needs more yet, it is killed again.
    """
    replica = death.replica
    seen, held = replica.limit.memory, put(own, adjustment).memory or 0
    if seen is None:
        return False
    changed = adjustment.limit.memory is not None or bool(adjustment.before)
    if seen < held or is_by_hand(replica, held, adjustment):
        return True
    return (changed and replica.id not in reached) or death.may_be_of(short)


def excuse(replica: Replica, facts: Facts, life: KilledLife, replicas: Sequence[Replica]) -> tuple[KilledLife, ...]:
    """Those of containers that are still there, and this one where it had less from us than its file gives it.

    Once until it has what holds: where the engine refuses that, the next life has the same fate, and is to wait for it.
    """
    adjustment = facts.adjustment
    assert adjustment is not None
    there, seen = {one.id for one in replicas}, replica.limit.memory
    by_hand = is_by_hand(replica, put(facts.claims.limit, adjustment).memory or 0, adjustment)
    before = tuple(one for one in adjustment.excused if one[0] in there and one != life)
    ours = seen is not None and seen < find_own(facts) and not by_hand
    again = replica.id not in adjustment.reached and any(id_ == replica.id for id_, _ in before)
    return (*before, life)[-KEPT_EXCUSED:] if ours and not again else before


def find_own(facts: Facts) -> int:
    """Bytes that its file gives it, within the bounds; 0: no limit."""
    own, bounds = facts.claims.limit.memory or 0, find_range(facts.claims, Resource.MEMORY)
    return own if bounds is None else int(bounds.clamp(own))


def is_to_follow(facts: Facts) -> bool:
    """Whether its memory limit may be changed by itself."""
    held = facts.adjustment is not None and facts.adjustment.held_over is not None
    return facts.policy.mode is AdjustMode.APPLY and not held and find_range(facts.claims, Resource.MEMORY) is not None


def advise_killed(facts: Facts, present: int, need: Need) -> str:
    """What a person can do, where that is not to follow by itself."""
    told = f"raise its memory limit: {tell_octets(need.memory)} rather than {tell_octets(present)}"
    if facts.policy.mode is AdjustMode.OFF or find_range(facts.claims, Resource.MEMORY) is None:
        return told
    return f"{told} (`controller resources apply {facts.name}`)"
