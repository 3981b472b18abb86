"""Which release a service is to have now, and what stands in the way of it.

Rollback, undo and a stack's way back are nothing but another aim: the rollout that leads there is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from controller.decide.identity import Known
from controller.decide.lacking import laid_as
from controller.decide.patience import judged_as
from controller.model.decision import Aim, Course, Freeze, History, Hold
from controller.model.desired import DesiredService, FailureAction, Leaving, Scope
from controller.model.names import Release, Revision, make_release, split_release


class WayBack(NamedTuple):
    """Where each service is to go back to because the release of another one failed, and why.

    `barred`: why the stack does not go back, where it should.
    """

    releases: Mapping[str, Release] = MappingProxyType({})
    because: str = ""
    barred: str = ""


NOWHERE = WayBack()


class Around(NamedTuple):
    """What an aim depends on beside the service itself."""

    hold: Hold | None = None
    may_start: bool = True
    known: Known = MappingProxyType({})
    back: WayBack = NOWHERE


def aim(want: DesiredService, history: History, around: Around) -> Aim:
    """A person's pause comes before the stack's hold, a hold before a stop, a stop before everything that is wanted."""
    asked = release_of(want)
    if history.paused:
        return Aim(want, asked, Freeze.PAUSED, "paused by a person; `controller resume` goes on")
    if around.hold is not None:
        return Aim(want, asked, Freeze.HELD, f"the stack is held: {around.hold.reason}")
    if history.stopped and want.leaving is None:
        return Aim(replace(want, replicas=0, leaving=Leaving.STOPPED), asked, message=history.stopped)
    if want.leaving is not None:
        return Aim(want, asked)
    beset = history.failed or history.pinned or history.halted or around.back.releases  # seldom
    course = _find_course(want, asked, history, around) if beset else Aim(want, asked)
    if not around.may_start:
        return course._replace(frozen=Freeze.NOT_STARTED, message="autoStart is false; `controller start` starts it")
    return course


def release_of(want: DesiredService) -> Release:
    """The release that this desired state asks for."""
    return make_release(want.revision, want.image_id)


def is_release(release: Release, other: Release | None) -> bool:
    """Whether they are one and the same, as far as it is known: of one the image may not matter."""
    if other is None:
        return False
    (revision, image_id), (its_revision, its_image_id) = split_release(release), split_release(other)
    return revision == its_revision and (image_id is None or its_image_id is None or image_id == its_image_id)


def find_quarantine(want: DesiredService, history: History) -> str | None:
    """Why what is asked for is not tried again: it failed, and nothing has changed since then.

    An `apply` asks for an image as well, which a tag stands for. Who asks for none, as when that `apply` has ended,
    asks for nothing else than what failed: the tag still stands for it, as far as anybody knows.
    """
    if history.failed_for != want.revision:
        return None
    asked, good = release_of(want), history.good
    if asked in history.failed or good is None:
        return history.failed.get(asked)
    return next((why for failed, why in history.failed.items() if failed != good and is_release(asked, failed)), None)


def has_moved_on(aimed: Aim, history: History) -> bool:
    """The tag stands for yet another image than the one that failed, and that is tried: something has changed."""
    revision, image = split_release(aimed.asked)
    if image is None or history.failed_for != revision or aimed.want.leaving is not None:
        return False
    return aimed.course is None and aimed.frozen is None and any(_is_of(failed, revision) for failed in history.failed)


def _is_of(release: Release, revision: Revision) -> bool:
    return split_release(release)[0] == revision


def _find_course(want: DesiredService, asked: Release, history: History, around: Around) -> Aim:
    if history.pinned is not None and history.pinned_over == want.revision:
        return _pinned(want, asked, history, around)
    if (why := find_quarantine(want, history)) is not None:
        return _after_failure(want, why, history, around)
    target, because = around.back.releases.get(want.name), around.back.because
    if target is not None and _is_to_leave(asked, target, history) and not ran_to_its_end(want, history):
        old = _as_release(want, target, around.known)
        if old is not None and target in history.failed:
            return Aim(old, asked, message=_tell_both(because, history.failed[target]), course=Course.HALTED)
        if old is not None:
            return Aim(old, asked, message=because, course=Course.STACK_RETURNING)
    if target is not None and is_release(asked, target):
        want = replace(want, image_id=split_release(target)[1])  # nor is what is lost made of what its tag stands for
    if history.halted:
        message = "its update is halted; `controller rollout resume` goes on"
        return Aim(want, asked, message=message, course=Course.HALTED)
    return Aim(want, asked)


def _is_to_leave(asked: Release, target: Release, history: History) -> bool:
    """It is something else, or what its tag brought by an `apply` that nobody asks for any more is still there."""
    if not is_release(asked, target):
        return True
    there = history.attempt.release if history.attempt is not None else history.good
    if there is None or not is_release(asked, there):
        return False
    return not is_release(there, target) or (history.attempt is not None and there == target != asked)


def _pinned(want: DesiredService, asked: Release, history: History, around: Around) -> Aim:
    assert history.pinned is not None
    old = _as_release(want, history.pinned, around.known)
    if old is None:
        message = f"what revision {split_release(history.pinned)[0]} was made from is not known any more"
        return Aim(want, asked, message=message, course=Course.HALTED)
    if history.pinned in history.failed:
        return Aim(old, asked, message=history.failed[history.pinned], course=Course.HALTED)
    return Aim(old, asked, message="undone by a person; `controller rollout resume` goes on", course=Course.PINNED)


def _after_failure(want: DesiredService, why: str, history: History, around: Around) -> Aim:
    """Back to the last good release, unless the policy says to stop where it is, or that has failed as well."""
    asked = release_of(want)
    if want.update.failure_action is not FailureAction.ROLLBACK:
        return Aim(want, asked, message=why, course=Course.HALTED)
    old = _as_release(want, history.good, around.known) if history.good is not None else None
    if old is None:
        return Aim(want, asked, message=f"{why}; there is no earlier release to go back to", course=Course.HALTED)
    if (failed := history.failed.get(history.good or asked)) is not None:
        return Aim(old, asked, message=_tell_both(why, failed), course=Course.HALTED)
    alone = around.back.barred if want.update.scope is Scope.STACK else ""
    return Aim(old, asked, message=f"{why}; {alone}" if alone else why, course=Course.RETURNING)


def _tell_both(why: str, failed: str) -> str:
    return f"{why}; and on the way back: {failed}"


def ran_to_its_end(want: DesiredService, history: History) -> bool:
    """A job is never run backwards: an older migration on newer data is worse than none."""
    return want.is_job is True or history.completed == want.revision


def _as_release(want: DesiredService, release: Release, known: Known) -> DesiredService | None:
    """The service as it was then, in the strength and under the policies of today, with what is laid over it.

    Dependencies that it does not have today are left out: nothing would tell that they are met.
    """
    revision, image_id = split_release(release)
    old = want if revision == want.revision else known.get((want.name, revision))
    if old is None:
        return None
    return replace(
        old if old is want else judged_as(laid_as(old, want), want),
        revision=revision,
        image_id=image_id,
        replicas=want.replicas,
        leaving=None,
        needs={name: need for name, need in old.needs.items() if name in want.needs},
        update=want.rollback,
        rollback=want.rollback,
        priority=want.priority,
        backoff=want.backoff,
        heals_unhealthy=want.heals_unhealthy,
        drift=want.drift,
        ignore_drift=want.ignore_drift,
        irreversible=want.irreversible,
        drain_timeout=want.drain_timeout,
        pre_stop_delay=want.pre_stop_delay,
        follows_tag=False,
    )
