"""Who follows what it depends on now (`restart: true`), and who serves on until it is its turn. Pure."""

from __future__ import annotations

from controller.decide.case import Case, Parts, ids
from controller.decide.drain import serves
from controller.decide.heal import follow, is_coming
from controller.decide.moves import NONE
from controller.model.names import ReplicaId


def wait_turn(case: Case, parts: Parts) -> frozenset[ReplicaId]:
    """Followers that serve on: as many as the update's parallelism restart at a time, and are waited for.

    One that does not come up is waited for no longer than its start timeout. Whose namespace is gone serves nobody.
    """
    if not parts.ready or case.holder is not None or not any(need.restart for need in case.want.needs.values()):
        return frozenset()
    present = parts.fresh + parts.stale
    followers = [replica for replica in parts.ready if follow(case, replica) is not NONE]
    serving = [replica for replica in followers if serves(case, replica)]
    away = len(followers) - len(serving) + sum(1 for replica in present if is_coming(case, replica))
    at_once = case.want.update.parallelism or len(present)
    return ids(serving[max(0, at_once - away) :])
