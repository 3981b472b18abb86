"""What is wrong with the replicas of a service, in conditions: what fell over lately, does not go, or was changed.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from controller.decide.aim import find_quarantine
from controller.decide.case import SPOILT_AFTER
from controller.decide.identity import has_revision
from controller.decide.names import was_withdrawn
from controller.decide.restart import FORGIVEN_AFTER, count_tries, tell_times
from controller.decide.said import FALSE, TRUE, Said
from controller.decide.touched import AS_ASKED, find_touched, may_be_job, needs_another, repairs, tell_difference
from controller.decide.world import World
from controller.model.decision import Decision, Freeze
from controller.model.desired import DesiredService, DriftPolicy
from controller.model.names import Instant
from controller.model.observed import Difference, Replica, ReplicaPhase, ServiceView, Trouble
from controller.model.phases import Phase
from controller.model.steps import Connect, Disconnect, Limit, Rename

Drifted = tuple[Replica, tuple[Difference, ...]]
"""Who was changed by a hand, and in what."""

STUCK_AFTER = 30.0
"""Seconds in which a container that is being removed is gone, if nothing holds it."""

_STAYS_THERE = (
    "its removal does not end: Docker or the kernel holds it (a mount that is in use, a process that cannot be "
    "interrupted); no other container waits for it, and a restart of Docker or of the machine frees it"
)

_ENDED = frozenset({Phase.COMPLETED, Phase.STOPPED})
_MENDED = {
    Limit.__name__: "HostConfig.",
    Connect.__name__: "Networks.",
    Disconnect.__name__: "Networks.",
    Rename.__name__: "Name",
}
"""What each kind of step sets back."""

_ONLY_TOLD = "`drift: report` only tells it"
_NOT_HEALED = "`selfHeal` is off, so that it stays"
_LEFT_ALONE = "it stays while nothing may be done"
_SPOILT = f"only another container is without it, which comes once this one is {SPOILT_AFTER / 60:g} min old"
_MAY_BE_JOB = "it stays: only another container is without it, and this may be a job, whose work would be lost"
_KEPT = "only another container is without it, and none comes while its update is halted"


# --- what fell over


def tell_stable(want: DesiredService, decision: Decision, view: ServiceView) -> Said:
    """By what is held against a replica, until it was ready for long enough; also of restarts by Docker's policy."""
    grants = decision.history.restarts
    counted = ((replica, count_tries(replica, grants.get(replica.id), view.taken_at)) for replica in view.replicas)
    fallen = [(replica, tries) for replica, tries in counted if tries]
    if not fallen:
        return Said("Stable", TRUE, "NoRestarts")
    if decision.phase in _ENDED:
        return Said("Stable", TRUE, "AtRest")
    told = "; ".join(f"{replica.name} was started again {tell_times(tries)}" for replica, tries in fallen)
    ready = any(replica.id in grants for replica, _ in fallen)
    how = "being ready" if ready else "running"
    message = told if want.is_job is True else f"{told}; forgiven after {FORGIVEN_AFTER / 60:g} min of {how}"
    if any(replica.oom_killed or _was_killed(want, replica) for replica, _ in fallen):
        return Said("Stable", FALSE, "OutOfMemory", message)
    return Said("Stable", FALSE, "CrashLoopBackOff" if decision.phase is Phase.CRASH_LOOP else "Restarted", message)


def _was_killed(want: DesiredService, replica: Replica) -> bool:
    """An earlier life of it, for want of memory: of one that runs again the engine says no more than that."""
    return want.adjusted is not None and any(id_ == replica.id for id_, _ in want.adjusted.killed)


def find_restarted(decision: Decision, view: ServiceView) -> Mapping[str, int]:
    """How often each replica was started again: by us, until that is forgiven, or by Docker, as it counts itself."""
    grants = decision.history.restarts
    if not grants and not any(replica.restarts for replica in view.replicas):
        return {}  # nearly always
    ours = {id_: grant.tries for id_, grant in grants.items()}
    counted = ((replica.id, max(replica.restarts, ours.get(replica.id, 0))) for replica in view.replicas)
    return {id_: count for id_, count in counted if count}


# --- what does not go


def tell_stuck(views: Iterable[ServiceView]) -> str:
    """Whose removal was begun and does not end; "": nobody's."""
    names = (replica.name for view in views for replica in view.replicas if _is_stuck(replica, view.taken_at))
    stuck = ", ".join(sorted(names))
    return f"{stuck}: {_STAYS_THERE}" if stuck else ""


def _is_stuck(replica: Replica, now: Instant) -> bool:
    return replica.removing_since is not None and now - replica.removing_since >= STUCK_AFTER


# --- what a hand changed


def tell_drift(world: World, decision: Decision, view: ServiceView) -> Iterator[Said]:
    want = world.desired.services[decision.service]
    if want.drift is DriftPolicy.IGNORE:
        return
    drifted = tuple(find_drifted(want, view))
    if not drifted:
        return  # nearly always
    more = [*_find_fate(world, want, decision, view, drifted)]
    if any(one.wanted == AS_ASKED for _, found in drifted for one in found):
        more.append(f"another tool made it so: `controller rollout restart {want.name}` makes it anew")
    told = [line for replica, found in drifted for line in tell_drifted(replica, found)]
    yield Said("Drifted", TRUE, "ChangedByHand", "; ".join([*told, *more]))


def find_drifted(want: DesiredService, view: ServiceView) -> Iterator[Drifted]:
    """Replicas that a hand changed, and in what.

    Not who is not made yet, or is to be replaced anyway; nor what we took ourselves, before its end.
    """
    for replica in view.replicas:
        found = find_touched(replica, want)
        if not found or replica.phase is ReplicaPhase.CREATED or not has_revision(replica, want):
            continue  # nearly always
        if was_withdrawn(want, replica):
            found = tuple(one for one in found if not one.path.startswith("Networks."))
        if found:
            yield replica, found


def tell_drifted(replica: Replica, found: tuple[Difference, ...]) -> Iterator[str]:
    return (f"{replica.name}: {tell_difference(one)}" for one in found)


def _find_fate(
    world: World, want: DesiredService, decision: Decision, view: ServiceView, drifted: Sequence[Drifted]
) -> Iterator[str]:
    """What becomes of it, where it is not simply set back now."""
    if want.drift is DriftPolicy.REPORT:
        yield _ONLY_TOLD
    elif not world.desired.policy.self_heal:
        yield _NOT_HEALED
    elif decision.reason == Freeze.HELD or decision.history.paused:
        yield _LEFT_ALONE
    else:
        if any(needs_another(replica, want) for replica, _ in drifted):
            yield _tell_spoilt(want, decision)
        if view.trouble is not None and _is_about(view.trouble, want, drifted):
            yield f"it is set back later: {view.trouble.message}"


def _tell_spoilt(want: DesiredService, decision: Decision) -> str:
    """Of what only another container is without."""
    if may_be_job(want):
        return _MAY_BE_JOB
    halted = decision.history.halted or find_quarantine(want, decision.history) is not None
    return _KEPT if halted else _SPOILT


def _is_about(trouble: Trouble, want: DesiredService, drifted: Sequence[Drifted]) -> bool:
    """To set this back failed, or is done again and again."""
    paths = [one.path for _, found in drifted for one in found if one.in_place and repairs(want, one.path)]
    return any(path.startswith(_MENDED.get(trouble.reason, "-")) for path in paths)
