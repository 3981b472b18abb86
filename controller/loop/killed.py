"""Judges: who was killed for want of memory, and under whose limit. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from controller.model.adjustment import Adjustment, KilledLife, Need, knows_memory, put
from controller.model.advice import Resource
from controller.model.names import ReplicaId
from controller.model.observed import Replica
from controller.model.quantities import tell_octets
from controller.model.resources import AdjustMode, Limit
from controller.resources.adjust import Facts
from controller.resources.bounds import find_range

KILLED = 137
"""Exit code of who was killed: 128 + SIGKILL."""

KEPT_EXCUSED = 64
"""Lives of one service that are remembered as excused."""


def is_by_hand(replica: Replica, present: int, adjustment: Adjustment) -> bool:
    """Whether its memory limit is neither the present one nor one of ours that is on its way to that."""
    return replica.limit.memory != present and not knows_memory(adjustment, replica.id, replica.limit.memory)


def ended_before(replica: Replica, own: Limit, adjustment: Adjustment, reached: Collection[ReplicaId]) -> bool:
    """Whether what was killed says nothing of the limit that holds: it had less, or had it from a hand.

    `own`: what its file says. Who was never seen under what holds since the last change (`reached`) was killed under
    what it had before, as far as anybody knows: between two looks there may be a death, its answer and another death.
    If it needs more yet, it is killed again.
    """
    seen, held = replica.limit.memory, put(own, adjustment).memory or 0
    if seen is None:
        return False
    changed = adjustment.limit.memory is not None or bool(adjustment.before)
    return seen < held or is_by_hand(replica, held, adjustment) or (changed and replica.id not in reached)


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
