"""What is to be known of one service beside its phase: its conditions, as of a Deployment in Kubernetes. Pure.

A phase is one word, the most pressing; each condition answers one question, whatever the phase is about. `Ready`: do as
many serve as are wanted? `Progressing`: does anything come of it by itself? `Updated`: is it what is asked for?
`Stable`: has nothing fallen over lately? `Drifted`, only while it is so: has a hand changed it?
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from controller.decide.aim import find_quarantine
from controller.decide.case import SPOILT_AFTER, ready_since
from controller.decide.identity import has_revision, is_current
from controller.decide.phase import QUARANTINED
from controller.decide.restart import FORGIVEN_AFTER
from controller.decide.said import FALSE, TRUE, UNKNOWN, Said
from controller.decide.touched import find_touched, is_beyond_repair, tell_difference
from controller.decide.world import World
from controller.model.decision import MOVING, SICK, Decision, Freeze, Offers, Phase
from controller.model.desired import DesiredService, DriftPolicy
from controller.model.names import Instant
from controller.model.observed import Replica, ReplicaPhase, ServiceView
from controller.model.status import ServiceStatus

_DONE = frozenset({Phase.READY, Phase.COMPLETED, Phase.STOPPED})
_GONE = frozenset({ReplicaPhase.DEAD, ReplicaPhase.REMOVING})
_ONLY_TOLD = "`drift: report` only tells it"
_SPOILT = f"only another container is without it, which comes once this one is {SPOILT_AFTER / 60:g} min old"


def find_conditions(world: World, decision: Decision, is_blind: bool, now: Instant) -> Sequence[Said]:
    """All that hold or do not; of a service that is not meant to be only `Ready`. `is_blind`: no engine answers.

    No message holds a time: what only goes on is no news, and is not written.
    """
    want = world.desired.services[decision.service]
    view = world.views.get(decision.service, ServiceView())
    said = [_tell_ready(want, decision, is_blind)]
    if want.leaving is None:
        said += [
            _tell_progress(world, decision),
            _tell_updated(world, want, decision, view),
            _tell_stable(want, decision, view, now),
            *_tell_drift(want, view),
        ]
    return said


def is_known_anyway(told: Decision | ServiceStatus) -> bool:
    """Whether it serves follows from what is remembered: it has run to its end, or is not meant to serve."""
    return told.phase is Phase.COMPLETED or told.desired == 0


def tell_unknown() -> Said:
    """Whether a service serves, while no engine answers."""
    return Said("Ready", UNKNOWN, "EngineUnavailable", "nobody knows while the engine does not answer")


def _tell_ready(want: DesiredService, decision: Decision, is_blind: bool) -> Said:
    if is_blind and not is_known_anyway(decision):
        return tell_unknown()
    if decision.phase is Phase.COMPLETED:
        return Said("Ready", TRUE, "Completed", decision.message)
    if want.leaving is not None or decision.phase is Phase.STOPPED:
        return Said("Ready", FALSE, decision.reason, decision.message)
    counted = f"{decision.ready} of {_count(decision.desired)} ready"
    if decision.ready >= decision.desired and want.is_job is not True:
        return Said("Ready", TRUE, "Ready", counted)
    if want.is_job is True or decision.desired == 1:
        return Said("Ready", FALSE, decision.reason, decision.message or counted)
    return Said("Ready", FALSE, decision.reason, _join(counted, decision.message))


# --- progress


def _tell_progress(world: World, decision: Decision) -> Said:
    root = _find_root(world, decision)
    if not _is_on_its_way(decision):
        reason, message = ("AtRest", "") if decision.phase in _DONE else (decision.reason, decision.message)
        return Said("Progressing", FALSE, reason, message)
    if root is None:
        return Said("Progressing", FALSE, "DependencyMissing", decision.message)
    if root is not decision and root.phase not in (Phase.READY, Phase.COMPLETED) and not _is_on_its_way(root):
        return Said("Progressing", FALSE, "DependencyStuck", f"{decision.message}; {root.service} is {root.phase}")
    return Said("Progressing", TRUE, decision.reason, decision.message)


def _is_on_its_way(decision: Decision) -> bool:
    """Also an update whose new replicas fall over: it has not been given up yet."""
    if decision.reason == Freeze.HELD:
        return False
    tried = decision.phase in SICK and decision.history.updating and decision.reason not in QUARANTINED
    return decision.phase in MOVING or tried


def _find_root(world: World, decision: Decision) -> Decision | None:
    """Who is waited for in the end, as far as it is decided; None: somebody who is not there."""
    seen = {decision.service}
    while (name := decision.waits_for) is not None and name not in seen:
        following = world.decisions.get(name)
        if following is None:
            return decision if name in world.desired.services else None
        decision = following
        seen.add(name)
    return decision


# --- release


def _tell_updated(world: World, want: DesiredService, decision: Decision, view: ServiceView) -> Said:
    """By what is asked for, whatever it is on its way to: who was rolled back, or is watched yet, is not updated."""
    history = decision.history
    if decision.phase is Phase.COMPLETED:
        return Said("Updated", TRUE, "Completed")
    present = [replica for replica in view.replicas if replica.phase not in _GONE]
    current = sum(_is_asked_for(world, want, decision, replica) for replica in present)
    old = len(present) - current
    whole = not old and current >= decision.desired
    if whole and not history.updating:
        if history.attempt is not None and history.attempt.settled_at is not None:
            return Said("Updated", TRUE, "Baking", "updated, and watched a while longer")
        return Said("Updated", TRUE, "UpToDate")
    counted = f"{current} of {_count(decision.desired)} up to date" + (f", {old} of another release" if old else "")
    reason, why = _find_delay(want, decision)
    why = why or ("watched before its update is done" if whole else "")
    return Said("Updated", FALSE, reason, _join(counted, why))


def _is_asked_for(world: World, want: DesiredService, decision: Decision, replica: Replica) -> bool:
    owner = want.namespace_of
    holder = world.offers.get(owner, Offers()).holder if owner is not None else None
    return is_current(replica, want, holder) and replica.id not in decision.history.retired


def _find_delay(want: DesiredService, decision: Decision) -> tuple[str, str]:
    """Why it is not there yet: the reasons that the stack's conditions have for the same, else its own."""
    history = decision.history
    if history.pinned is not None and history.pinned_over == want.revision:
        return "Undone", "a person went back to an earlier release"
    if (why := find_quarantine(want, history)) is not None:
        return "UpdateFailed", why
    if history.halted:
        return "RolloutPaused", "a person halted its update"
    return ("Outdated" if decision.reason in ("", "Ready") else decision.reason), ""


# --- trouble


def _tell_stable(want: DesiredService, decision: Decision, view: ServiceView, now: Instant) -> Said:
    """By what is held against a replica, until it was ready for long enough; also of restarts by Docker's policy."""
    fallen = [(replica, tries) for replica in view.replicas if (tries := _count_falls(want, decision, replica, now))]
    if not fallen:
        return Said("Stable", TRUE, "NoRestarts")
    told = "; ".join(f"{replica.name} was started again {_times(tries)}" for replica, tries in fallen)
    message = told if want.is_job is True else f"{told}; forgiven after {FORGIVEN_AFTER / 60:g} min of being ready"
    if any(replica.oom_killed for replica, _ in fallen):
        return Said("Stable", FALSE, "OutOfMemory", message)
    return Said("Stable", FALSE, "CrashLoopBackOff" if decision.phase is Phase.CRASH_LOOP else "Restarted", message)


def _count_falls(want: DesiredService, decision: Decision, replica: Replica, now: Instant) -> int:
    grant = decision.history.restarts.get(replica.id)
    if grant is not None:
        return max(grant.tries, replica.restarts)
    if not replica.restarts:
        return 0
    since = ready_since(replica, want.settle, now)
    return 0 if since is not None and now - since >= FORGIVEN_AFTER else replica.restarts


def _tell_drift(want: DesiredService, view: ServiceView) -> Iterator[Said]:
    if want.drift is DriftPolicy.IGNORE:
        return
    told, waits = [], False
    for replica in view.replicas:
        if not (touched := find_touched(replica, want)):
            continue  # nearly always
        if replica.phase is ReplicaPhase.CREATED or not has_revision(replica, want):
            continue  # not yet as it is to be, or to be replaced anyway
        withdrawn = want.pre_stop_delay > 0 and replica.by_name is False  # by us, before its end
        told += [
            f"{replica.name}: {tell_difference(found)}"
            for found in touched
            if not (withdrawn and found.path.startswith("Networks."))
        ]
        waits = waits or is_beyond_repair(replica, want)
    if told:
        more = [_ONLY_TOLD] if want.drift is DriftPolicy.REPORT else [_SPOILT] if waits else []
        yield Said("Drifted", TRUE, "ChangedByHand", "; ".join([*told, *more]))


def _count(replicas: int) -> str:
    return "1 replica" if replicas == 1 else f"{replicas} replicas"


def _times(tries: int) -> str:
    return "once" if tries == 1 else f"{tries} times"


def _join(first: str, more: str) -> str:
    return f"{first}; {more}" if more else first
