"""What is to be known of one service beside its phase: its conditions, as of a Deployment in Kubernetes. Pure.

A phase is one word, the most pressing; each condition answers one question, whatever the phase is about. `Ready`: do as
many serve as are wanted? `Progressing`: does anything come of it by itself? `Updated`: is it what is asked for?
`Stable`: has nothing fallen over lately? Only while it is so: `Drifted`, a hand has changed it; `Unconfined`, it is not
on the networks of its edges alone; `Stuck`, one of its containers does not go.
"""

from __future__ import annotations

from collections.abc import Sequence

from controller.decide.aim import find_quarantine, is_release, release_of
from controller.decide.attempt import leads_elsewhere
from controller.decide.identity import is_current
from controller.decide.networks import tell_unconfined
from controller.decide.phase import QUARANTINED, UPDATE_FAILED
from controller.decide.restart import count_docker_restarts
from controller.decide.said import FALSE, TRUE, UNKNOWN, Said
from controller.decide.trouble import tell_drift, tell_stable, tell_stuck
from controller.decide.world import World
from controller.model.decision import Decision, Freeze, Offers
from controller.model.desired import DesiredService, FailureAction
from controller.model.observed import Replica, ReplicaPhase, ServiceView
from controller.model.phases import AT_REST, MOVING, SICK, Phase
from controller.model.status import ServiceStatus

_GONE = frozenset({ReplicaPhase.DEAD, ReplicaPhase.REMOVING})


def find_conditions(world: World, decision: Decision, is_blind: bool) -> Sequence[Said]:
    """All that hold or do not; of a service that is not meant to be only `Ready` and `Stuck`.

    `is_blind`: no engine answers.

    No message holds a time: what only goes on is no news, and is not written.
    """
    want = world.desired.services[decision.service]
    view = world.views.get(decision.service, ServiceView())
    said = [_tell_ready(want, decision, is_blind)]
    if want.leaving is None:
        said += [
            _tell_progress(world, want, decision, view),
            _tell_updated(world, want, decision, view),
            tell_stable(want, decision, view),
            *tell_drift(world, decision, view),
            *tell_unconfined(world, decision, view),
        ]
    if stuck := tell_stuck([view]):
        said.append(Said("Stuck", TRUE, "RemovalPending", stuck))
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


def _tell_progress(world: World, want: DesiredService, decision: Decision, view: ServiceView) -> Said:
    root = _find_root(world, decision)
    if not _is_on_its_way(world, decision):
        reason, message = ("AtRest", "") if decision.phase in AT_REST else (decision.reason, decision.message)
        return Said("Progressing", FALSE, reason, message)
    if (looping := _find_loop(decision, view)) is not None:
        return Said("Progressing", FALSE, "CrashLoopBackOff", looping)
    if root is None:
        return Said("Progressing", FALSE, "DependencyMissing", decision.message)
    if root is not decision and root.phase not in (Phase.READY, Phase.COMPLETED) and not _is_on_its_way(world, root):
        return Said("Progressing", FALSE, "DependencyStuck", f"{decision.message}; {root.service} is {root.phase}")
    return Said("Progressing", TRUE, decision.reason, decision.message)


def _is_on_its_way(world: World, decision: Decision) -> bool:
    """Also who is sick and about to be restarted, and an update whose new replicas fall over until it is given up."""
    if decision.reason == Freeze.HELD:
        return False
    if decision.phase is Phase.DEGRADED and decision.reason == "Unhealthy" and decision.steps:
        return True
    return decision.phase in MOVING or (decision.phase in SICK and _may_be_given_up(world, decision))


def _may_be_given_up(world: World, decision: Decision) -> bool:
    """Its update is under way, and is not tried for ever: there is something to go back to, or it goes on to others."""
    history, want = decision.history, world.desired.services[decision.service]
    if history.attempt is None or not history.updating or history.halted or decision.reason in QUARANTINED:
        return False
    strays = not is_release(decision.release, release_of(want))
    goes_on = want.update.failure_action is FailureAction.CONTINUE
    return strays or goes_on or leads_elsewhere(history, history.attempt)


def _find_loop(decision: Decision, view: ServiceView) -> str | None:
    """What Docker's own policy starts over and over: each life looks like a start that goes well."""
    if decision.phase is not Phase.STARTING or decision.history.updating:
        return None
    falls = ((replica, count_docker_restarts(replica, view.taken_at)) for replica in view.replicas)
    return next(
        (f"{replica.name} was restarted {count} times by Docker" for replica, count in falls if count >= 2), None
    )


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
    reason, why = _find_delay(want, decision)
    if whole and not history.updating and reason != UPDATE_FAILED:
        if history.attempt is not None and history.attempt.settled_at is not None:
            return Said("Updated", TRUE, "Baking", "updated, and watched a while longer")
        return Said("Updated", TRUE, "UpToDate")
    counted = f"{current} of {_count(decision.desired)} up to date" + (f", {old} of another release" if old else "")
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
        return UPDATE_FAILED, why
    if history.halted:
        return "RolloutPaused", "a person halted its update"
    return ("Outdated" if decision.reason in ("", "Ready") else decision.reason), ""


def _count(replicas: int) -> str:
    return "1 replica" if replicas == 1 else f"{replicas} replicas"


def _join(first: str, more: str) -> str:
    return f"{first}; {more}" if more else first
