"""Judging an update: when it is under way, whether it has failed or goes on, when it has settled.

Nothing here acts. Failures are keyed by life, progress by the most that ever was settled at once, so that an
observation that comes twice, or after our death, changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from controller.decide.aim import is_release, release_of
from controller.decide.case import Case, Parts, ready_since, was_set_back
from controller.decide.failures import failed_lives, tell_failure
from controller.decide.moves import Moves
from controller.model.decision import Attempt, Course, History
from controller.model.desired import FailureAction, Watch
from controller.model.names import Instant, make_release, split_release
from controller.model.observed import Replica
from controller.model.steps import Stop

KEPT_FAILURES = 100
"""Lives that are remembered of one update at most."""


class Failure(NamedTuple):
    """An update that has failed: why, in one sentence."""

    why: str


def note_attempt(case: Case, parts: Parts) -> History:
    """An update is open from the first sight of something to replace; what has failed of it is kept."""
    history = _drop_retired(case)
    attempt, release = history.attempt, release_of(case.want)
    if case.aim.course is Course.HALTED:
        return history
    if parts.stale and not is_release(release, attempt.release if attempt is not None else None):
        return replace(history, attempt=_open(case, parts))
    if attempt is None:
        return history
    noted = _with_failures(case, parts, attempt)
    return history if noted is attempt else replace(history, attempt=noted)


def close_attempt(case: Case, parts: Parts) -> History:
    """An update that has not failed is over when all of the new was watched, and then baked."""
    history, attempt = case.history, case.history.attempt
    if attempt is None or parts.stale or case.aim.course is Course.HALTED:
        return history
    if attempt.settled_at is None and _all_watched(case, parts):
        return replace(history, attempt=_begin_bake(case, parts, attempt))
    if attempt.settled_at is not None and not _bakes(case, attempt):
        return replace(history, attempt=None)
    return history


def find_failure(case: Case, parts: Parts) -> Failure | None:
    """The update under way has failed: more replicas than the policy lets pass, or more than the release before."""
    attempt, policy = case.history.attempt, case.want.update
    if attempt is None or not attempt.failures:
        return None
    if case.aim.course is Course.HALTED or not _is_judged(case, attempt):
        return None
    failed = len({life[0] for life in attempt.failures}) if attempt.settled_at is None else len(attempt.failures)
    most = policy.max_failure_ratio * max(1, case.want.replicas)
    if failed <= most + (attempt.baseline if attempt.settled_at is not None else 0):
        return None
    return Failure(tell_failure(case, parts, attempt))


def note_progress(case: Case, parts: Parts, moves: Moves) -> History:
    """Its clock begins anew with each replica that settles, and rests while it may not go on.

    How long an old one takes to stop is not the new one's fault: nobody looks while it does.
    """
    history, attempt = case.history, case.history.attempt
    if attempt is None or attempt.settled_at is not None:
        return history
    settled = sum(1 for replica in parts.fresh if is_settled(case, replica))
    clock = attempt.clock
    if moves.rests or case.aim.course is Course.HALTED or any(isinstance(step, Stop) for step in moves.steps):
        clock = None
    elif settled > attempt.best or clock is None or clock > case.now:
        clock = case.now
    changed = attempt._replace(best=max(attempt.best, settled), clock=clock)
    return history if changed == attempt else replace(history, attempt=changed)


def rest_clock(history: History) -> History:
    """Nothing may be done about it now: the time for its progress begins anew when that is over."""
    attempt = history.attempt
    if attempt is None or attempt.clock is None:
        return history
    return replace(history, attempt=attempt._replace(clock=None))


def find_deadline(case: Case) -> Instant | None:
    """When the update will have failed for want of progress; what we did not watch does not count."""
    attempt = case.history.attempt
    if attempt is None or attempt.clock is None or attempt.settled_at is not None or not _is_judged(case, attempt):
        return None
    return max(attempt.clock, case.seen.since) + case.want.update.progress_deadline


def find_overdue(case: Case) -> Failure | None:
    """It has made no progress for too long."""
    deadline, attempt = find_deadline(case), case.history.attempt
    if deadline is None or attempt is None or case.now < deadline:
        return None
    done = f"{attempt.best} of {case.want.replicas} replaced"
    return Failure(f"no progress for {case.want.update.progress_deadline:g} s ({done})")


def quarantine(case: Case, failure: Failure) -> History:
    """The release is not tried again until something changes; a restart that failed is simply over.

    Replicas that were to be replaced though nothing changed stay: nothing better comes for them.
    """
    attempt, history = case.history.attempt, replace(case.history, attempt=None, retired=frozenset())
    assert attempt is not None
    if _is_restart(case, attempt):
        return history
    asked = split_release(case.aim.asked)[0]
    failed = {**(history.failed if history.failed_for == asked else {}), attempt.release: failure.why}
    return replace(history, failed=failed, failed_for=asked)


def note_good(case: Case, parts: Parts) -> History:
    """What has settled is what the next update goes back to, with the image that it runs on."""
    history = case.history
    if history.attempt is not None or parts.stale or parts.ready_fresh < case.want.replicas:
        return history
    image_id = parts.fresh[0].image_id if parts.fresh else case.want.image_id
    good = make_release(case.want.revision, image_id)
    if history.good == good and not history.carried:
        return history
    return replace(history, good=good, carried=())


def is_settled(case: Case, replica: Replica) -> bool:
    """It serves, and was watched for as long as the policy wants it watched."""
    until = watched_until(case, replica)
    return until is not None and until <= case.now


def watched_until(case: Case, replica: Replica) -> Instant | None:
    """When it will have been watched; None while it does not serve. What began ahead of us was watched already."""
    since = ready_since(replica, case.want.settle, case.now)
    if since is None:
        return None
    if was_set_back(max(since, replica.started_at or 0.0), case.now):
        return case.now
    return since + (0.0 if case.want.update.watch is Watch.READY else case.want.update.monitor)


def is_done(case: Case, replica: Replica) -> bool:
    """It settled, or it failed and that is let pass: the update goes on to the next."""
    return is_settled(case, replica) or has_been_let_pass(case, replica)


def has_been_let_pass(case: Case, replica: Replica) -> bool:
    """A failed one of an update whose policy lets some fail."""
    attempt, policy = case.history.attempt, case.want.update
    if attempt is None or not (policy.failure_action is FailureAction.CONTINUE or policy.max_failure_ratio > 0):
        return False
    return any(life[0] == replica.id for life in attempt.failures)


def bakes_until(case: Case) -> Instant | None:
    """When the bake of an update that has settled is over."""
    attempt = case.history.attempt
    if attempt is None or attempt.settled_at is None:
        return None
    return attempt.settled_at + case.want.update.bake


def all_watched_at(case: Case, parts: Parts) -> Instant | None:
    """When the last of the new ones will have been watched; None while one of them does not serve, or is missing."""
    ends = [watched_until(case, replica) for replica in parts.fresh if not has_been_let_pass(case, replica)]
    if parts.stale or len(parts.fresh) < case.want.replicas:
        return None
    known = [end for end in ends if end is not None]
    return max(known, default=case.now) if len(known) == len(ends) else None


def _drop_retired(case: Case) -> History:
    """Those that a person wanted replaced, as long as they are there."""
    history = case.history
    if not history.retired:
        return history
    present = history.retired & {replica.id for replica in case.seen.replicas}
    return history if present == history.retired else replace(history, retired=present)


def _open(case: Case, parts: Parts) -> Attempt:
    tries = (case.history.restarts[r.id].tries for r in parts.stale if r.id in case.history.restarts)
    baseline = sum(tries) + sum(1 for replica in parts.stale if replica.restarts)
    return Attempt(release_of(case.want), excused=frozenset(failed_lives(case, parts.fresh)), baseline=baseline)


def _with_failures(case: Case, parts: Parts, attempt: Attempt) -> Attempt:
    """While it is under way one life of each replica counts; in its bake every life does."""
    new = set(failed_lives(case, parts.fresh)) - attempt.excused - attempt.failures
    if attempt.settled_at is None:
        known = {life[0] for life in attempt.failures}
        new = {life for life in new if life[0] not in known}
    if not new or len(attempt.failures) >= KEPT_FAILURES:
        return attempt
    return attempt._replace(failures=attempt.failures | new)


def _all_watched(case: Case, parts: Parts) -> bool:
    return len(parts.fresh) >= case.want.replicas and all(is_done(case, replica) for replica in parts.fresh)


def _begin_bake(case: Case, parts: Parts, attempt: Attempt) -> Attempt | None:
    """Without an earlier release to go back to, or without a bake, it is over."""
    good = case.history.good
    if case.want.update.bake <= 0 or good is None or is_release(attempt.release, good):
        return None
    excused = frozenset(failed_lives(case, parts.fresh))
    return attempt._replace(settled_at=case.now, failures=frozenset(), excused=excused, clock=None)


def _bakes(case: Case, attempt: Attempt) -> bool:
    assert attempt.settled_at is not None
    return attempt.settled_at <= case.now < attempt.settled_at + case.want.update.bake


def _is_judged(case: Case, attempt: Attempt) -> bool:
    """Whether the update may fail as a whole.

    Where what was lost is put up again as it was, or there never was another release, there is nothing to go back to:
    it is tried for ever, and goes no further while the new ones do not serve.
    """
    if case.want.update.failure_action is FailureAction.CONTINUE:
        return False
    return case.aim.course is not None or leads_elsewhere(case.history, attempt)


def leads_elsewhere(history: History, attempt: Attempt) -> bool:
    """There was another release before it, or other replicas of it are asked for."""
    return bool(history.retired) or (history.good is not None and not is_release(attempt.release, history.good))


def _is_restart(case: Case, attempt: Attempt) -> bool:
    return is_release(attempt.release, case.history.good) and bool(case.history.retired)
