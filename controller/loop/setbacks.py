"""Which services did not get what the manifest asks for, and whether anything still moves. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from controller.decide.barred import INSECURE
from controller.decide.phase import QUARANTINED, UPDATE_FAILED
from controller.decide.world import World
from controller.model.decision import Course, Decision, History
from controller.model.desired import DesiredService
from controller.model.names import Release, split_release
from controller.model.observed import Trouble
from controller.model.phases import AT_REST, MOVING, Phase
from controller.model.steps import Connect, Disconnect

_NEW = History()


def find_setback(want: DesiredService, history: History) -> str | None:
    """Why the release that it is to have failed; None: none did since the manifest asks for it."""
    if not history.failed or history.failed_for != want.revision:
        return None
    if has_pin(want, history):
        return history.failed.get(history.pinned or Release(""))
    asked = [release for release in history.failed if split_release(release)[0] == want.revision]
    return history.failed[max(asked)] if asked else None


def find_setbacks(world: World) -> Mapping[str, str]:
    """The same of each service that has one, by name."""
    found = {}
    for name, want in world.desired.services.items():
        history = world.histories.get(name)
        if history is not None and history.failed and want.leaving is None and (why := find_setback(want, history)):
            found[name] = why
    return found


def find_failed_restarts(before: Mapping[str, History], decisions: Mapping[str, Decision]) -> Mapping[str, str]:
    """Why a restart that a person asked for failed, of those that do so just now: nothing is in quarantine for it."""
    return {
        name: decision.message
        for name, decision in decisions.items()
        if decision.reason == UPDATE_FAILED
        and not decision.history.failed.keys() - before.get(name, _NEW).failed.keys()
    }


def has_pin(want: DesiredService, history: History) -> bool:
    """Whether a person went back to an earlier release, and the manifest asks for the same as it did then."""
    return history.pinned is not None and history.pinned_over == want.revision


def is_settled(decision: Decision) -> bool:
    """As it is to be; also where a person went back to that."""
    if decision.phase in AT_REST:
        return True
    pinned = decision.phase is Phase.PAUSED and decision.reason == Course.PINNED
    return pinned and not decision.steps and min(decision.ready, decision.updated) >= decision.desired


def is_at_rest(decision: Decision) -> bool:
    """Nothing more is done about it now, whether all is well or not. A bake is rest: all is replaced by then."""
    if decision.steps or decision.phase in MOVING:
        return False
    attempt = decision.history.attempt
    return decision.phase not in AT_REST or attempt is None or attempt.settled_at is not None


def is_beaten(decision: Decision) -> bool:
    """It failed, and nothing more comes of it by itself."""
    return decision.phase is Phase.FAILED or decision.reason in QUARANTINED or decision.reason == INSECURE


def is_kept_off(decision: Decision, trouble: Trouble | None, attempts: int) -> bool:
    """The engine refuses to connect it to its networks, or to take it off others: for good, or so often."""
    if trouble is None or not decision.unconfined or trouble.reason not in (Connect.__name__, Disconnect.__name__):
        return False  # nearly always
    return trouble.lasting or trouble.count >= attempts


def find_waits(decisions: Mapping[str, Decision]) -> Mapping[str, str]:
    """Whom each service waits for that does nothing meanwhile.

    On the way back only those are waited for that go back before it: they will, whatever is said of them now.
    """
    return {
        name: decision.waits_for
        for name, decision in decisions.items()
        if decision.waits_for and not decision.steps and decision.phase is not Phase.ROLLING_BACK
    }


def wait_in_vain(waits: Mapping[str, str], beaten: Collection[str]) -> Mapping[str, str]:
    """Services that wait for one of these, directly or through others, and for which: nothing comes of them either."""
    found: dict[str, str] = {}
    while more := {n: found.get(o, o) for n, o in waits.items() if n not in found and (o in found or o in beaten)}:
        found |= more
    return found
