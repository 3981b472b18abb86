"""Judges: who was killed for want of memory, and under whose limit. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


class Death(NamedTuple):
    """Of a life that the kernel ended, or of which it killed a part."""

    replica: Replica
    life: KilledLife
    docker_restart: DockerRestart = DockerRestart.NO

    def came_by(self, at: Instant) -> bool:
        """That is not known of who lives on."""
        ended, began = self.replica.finished_at, self.life[1]
        return ended is not None and (began is None or ended >= began) and ended <= at

    def is_of_former(self, adjustment: Adjustment, reached_at: Instant) -> bool:
        """Whether what was seen under the limit that holds at `reached_at` may have been killed under another.

        Who begins once that is so has it. We start nobody before he has it, and Docker's restart policy anybody.
        """
        began, given = self.life[1], reached_at
        if self.docker_restart is DockerRestart.NO and adjustment.since is not None:
            given = adjustment.since
        return (began is None or began <= given) and self.came_by(reached_at + DYING)


def is_by_hand(replica: Replica, present: int, adjustment: Adjustment) -> bool:
    """Whether its memory limit is neither the present one nor one of ours that is on its way to that."""
    return replica.limit.memory != present and not knows_memory(adjustment, replica.id, replica.limit.memory)


def ended_before(death: Death, own: Limit, adjustment: Adjustment, reached: Mapping[ReplicaId, Instant]) -> bool:
    """Whether what was killed says nothing of the limit that holds: it had less, or had it from a hand.

    `own`: what its file says. `reached`: who was seen under what holds since the last change, and when first. Who
    never was, was killed under what it had before, as far as anybody knows: between two looks there may be a death,
    its answer and another death. If it needs more yet, it is killed again.
    """
    replica = death.replica
    seen, held = replica.limit.memory, put(own, adjustment).memory or 0
    if seen is None:
        return False
    changed = adjustment.limit.memory is not None or bool(adjustment.before)
    if seen < held or is_by_hand(replica, held, adjustment):
        return True
    reached_at = reached.get(replica.id)
    return changed and (reached_at is None or death.is_of_former(adjustment, reached_at))


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
