"""What is to be done about one service now: its rules in order, then its phase in words. The heart of deciding."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from controller.decide.admission import EXCEEDS, admit
from controller.decide.aim import has_moved_on, is_release, release_of
from controller.decide.attempt import (
    Failure,
    bakes_until,
    close_attempt,
    find_deadline,
    find_failure,
    find_overdue,
    note_attempt,
    note_good,
    note_progress,
    quarantine,
    rest_clock,
    watched_until,
)
from controller.decide.barred import INSECURE, bar_insecure
from controller.decide.batch import count_there, note_gone, note_there
from controller.decide.case import (
    ALIVE,
    Case,
    Parts,
    ids,
    is_ready,
    ready_since,
    soonest,
    sort_replicas,
    tried_again_at,
    with_history,
)
from controller.decide.drain import drain_first, lead
from controller.decide.follow_limits import give_back, limit_first
from controller.decide.heal import heal
from controller.decide.job import has_failed, is_completed, is_job, job_moves
from controller.decide.leave import leave, note_put_down
from controller.decide.mend import MENDS, is_mending, mend
from controller.decide.moves import NONE, Moves, add_up, ended_by, restarted_by
from controller.decide.networks import connect_first, move_the_down, move_the_job, move_the_orphan
from controller.decide.phase import PULL_BACKOFF, UPDATE_FAILED, begins, conclude, count_alive, find_phase
from controller.decide.restart import FORGIVEN_AFTER, keep_grants
from controller.decide.rollout import create_missing, finish_interrupted, remove_surplus, replace_stale
from controller.decide.turns import wait_turn
from controller.model.decision import ON_ITS_WAY, Aim, Course, Decision, Freeze, History
from controller.model.desired import Leaving
from controller.model.names import HALF_MADE, make_release, split_release
from controller.model.observed import Replica, Trouble
from controller.model.phases import Phase
from controller.model.steps import Restart, Route, Start, Step, Withdraw, split_fetches

SOON = 0.01
"""Seconds after a failure was written down until the next look acts on it."""


def decide(case: Case) -> Decision:
    """The decision for one service: steps to take now, what to remember before them, when to look again."""
    case = _with_own_trouble(case)
    parts = sort_replicas(case)
    case = with_history(case, _adopt(case))
    if case.aim.frozen in (Freeze.PAUSED, Freeze.HELD):
        return _frozen(with_history(case, rest_clock(case.history)), parts)
    case = with_history(case, _forget_outdated(case.history, case.aim))
    if case.want.leaving is not None:
        return _leaving(with_history(case, rest_clock(case.history)), parts)
    if case.aim.frozen is Freeze.NOT_STARTED and not _has_run(case, parts):
        return conclude(case, parts, NONE, (Phase.STOPPED, "NotStarted", case.aim.message))
    if is_job(case, parts):
        return _job(case, parts)
    return _service(case, parts)


def _with_own_trouble(case: Case) -> Case:
    """What was refused to another release is not refused to this one: a way back need not wait for it."""
    trouble = case.seen.trouble
    if trouble is None or trouble.release is None or is_release(trouble.release, release_of(case.want)):
        return case
    return case._replace(seen=replace(case.seen, trouble=None))


def _adopt(case: Case) -> History:
    """First sight sets the baseline: what was replaced before it restarts nobody."""
    if case.history.adopted_at is not None:
        return case.history
    return replace(case.history, adopted_at=case.now)


def _forget_outdated(history: History, aim: Aim) -> History:
    """Something else is asked for: what failed may be tried again, and what was undone has had its time.

    Not while nothing may be done: what is held may be asked for by mistake, and never come into force.
    """
    if history.failed_for is None and history.pinned_over is None:
        return history  # nearly always
    asked, _ = split_release(aim.asked)
    if history.failed_for not in (None, asked):
        history = replace(history, failed={}, failed_for=None)
    if has_moved_on(aim, history):
        history = replace(history, failed={}, failed_for=None)
    if history.pinned_over not in (None, asked):
        history = replace(history, pinned=None, pinned_over=None)
    return history


def _has_run(case: Case, parts: Parts) -> bool:
    """What runs, or ran well while we watched, is kept in shape also where nothing is started by itself."""
    return bool(count_alive(parts)) or case.history.good is not None or is_completed(case, parts)


def _frozen(case: Case, parts: Parts) -> Decision:
    if case.aim.frozen is Freeze.PAUSED:
        return conclude(case, parts, NONE, (Phase.PAUSED, "Paused", case.aim.message))
    served = len(parts.ready)
    want = case.want
    done = is_job(case, parts) and is_completed(case, parts)
    whole = served >= want.replicas and want.leaving is None
    phase = Phase.COMPLETED if done else Phase.READY if whole else Phase.DEGRADED if served else Phase.PENDING
    if want.leaving is Leaving.ORPHANED or (want.leaving is not None and not count_alive(parts)):
        phase = Phase.STOPPED
    return conclude(case, parts, NONE, (phase, str(Freeze.HELD), case.aim.message))


def _leaving(case: Case, parts: Parts) -> Decision:
    moves = drain_first(case, leave(case))
    moves = _bar_trouble(case, moves if moves.steps else moves._replace(steps=_lead_the_down(case).steps))
    case = with_history(case, _note_put_down(case, moves))
    if case.want.leaving is Leaving.ORPHANED:
        moves = _bar_trouble(case, move_the_orphan(case))
        return conclude(case, parts, moves, (Phase.STOPPED, "Orphaned", "not in the Compose file; `prune` removes it"))
    reason = case.history.stopped or str(case.want.leaving)
    message = moves.message if moves.steps or moves.reason in ("DependentsRunning", "Draining") else ""
    return conclude(case, parts, moves, (Phase.STOPPED, reason, message))


def _lead_the_down(case: Case) -> Moves:
    return add_up((give_back(case), move_the_down(case)))


def _job(case: Case, parts: Parts) -> Decision:
    if is_completed(case, parts):
        done = case.want.revision
        good = make_release(done)
        history = replace(case.history, completed=done, attempt=None, good=good, carried=(), restarts={})
        case = case._replace(history=history)
        back = _bar_trouble(case, _lead_the_down(case))
        return conclude(case, parts, back, (Phase.COMPLETED, "Completed", "ran to its end and exited with 0"))
    moves = admit(case, parts, bar_insecure(case, job_moves(case, parts)))
    moves = _bar_trouble(case, move_the_job(case, moves))
    moves = connect_first(case, limit_first(case, parts, moves))
    case = with_history(case, _note_carried(_note_grants(case, moves, ()), moves))
    if has_failed(case, parts.fresh):
        message = (
            f"{moves.message}, {case.want.backoff.attempts} tries; `controller retry {case.want.name}` tries again"
        )
        return conclude(case, parts, moves, (Phase.FAILED, "JobFailed", message))
    running = any(replica.phase in ALIVE for replica in parts.fresh)
    if moves.reason in (EXCEEDS, INSECURE):
        return conclude(case, parts, moves, (Phase.FAILED, moves.reason, moves.message))
    waits = moves.waits_for or moves.short
    phase = Phase.STARTING if running or begins(moves) else Phase.WAITING if waits else Phase.PENDING
    return conclude(case, parts, moves, (phase, moves.reason or "Running", moves.message))


def _service(case: Case, parts: Parts) -> Decision:
    if parts.stale or case.history.attempt is not None or case.history.retired:
        case, failure = _judge_update(case, parts)
        if failure is not None:
            return _fail(case, parts, failure)
    moves = _find_moves(case, parts)
    if case.history.attempt is not None:
        case = with_history(case, note_progress(case, parts, moves))
        if (overdue := find_overdue(case)) is not None:
            return _fail(case, parts, overdue)
        case = with_history(case, note_gone(case, parts, moves))
    case = with_history(case, _note_carried(_note_grants(case, moves, parts.fresh + parts.stale), moves))
    case = with_history(case, _note_put_down(case, moves))
    case = with_history(case, note_good(case, parts))
    return conclude(case, parts, _watch(case, parts, moves), find_phase(case, parts, moves))


def _judge_update(case: Case, parts: Parts) -> tuple[Case, Failure | None]:
    """Open it, count what failed of it, and close it when it is over."""
    before = case.history.attempt
    case = with_history(case, note_attempt(case, parts))
    case = with_history(case, note_there(case, parts, before))
    if (failure := find_failure(case, parts)) is not None:
        return case, failure
    return with_history(case, close_attempt(case, parts)), None


def _fail(case: Case, parts: Parts, failure: Failure) -> Decision:
    """Written down before anything follows from it: this pass does nothing, the next one aims elsewhere."""
    case = case._replace(history=quarantine(case, failure))
    return conclude(case, parts, Moves(wake_at=case.now + SOON), (Phase.UPDATING, UPDATE_FAILED, failure.why))


def _find_moves(case: Case, parts: Parts) -> Moves:
    """Mending comes where nothing else is to be done: one that can never succeed holds up nothing but itself."""
    ruled = add_up(_rules(case, parts))
    moves = _bar_trouble(case, drain_first(case, admit(case, parts, bar_insecure(case, ruled))))
    if moves.steps and split_fetches(moves.steps)[1]:
        return connect_first(case, limit_first(case, parts, moves))
    leaves = ended_by(ruled) | restarted_by((ruled,))
    mending = add_up((finish_interrupted(case, parts), mend(case, parts, leaves)))
    return add_up((moves, _bar_trouble(case, mending)))


def _rules(case: Case, parts: Parts) -> tuple[Moves, ...]:
    """In this order: let go, make room, put up, add. What is not to be replaced now is kept in shape as it is."""
    surplus, replaced = remove_surplus(case, parts), replace_stale(case, parts)
    going = ended_by(surplus) | ended_by(replaced)
    kept = parts.fresh + _find_kept(case, parts) if replaced.stays else parts.fresh
    left = going | wait_turn(case, parts)
    healed = [heal(case, replica) for replica in kept if replica.id not in left and replica.revision != HALF_MADE]
    led = lead(case, parts, going | (restarted_by(healed) & ids(parts.ready))) if case.want.frontends else NONE
    if replaced.stays:  # nor is that held up by a fetch that fails
        return (surplus, led, *healed, replaced, create_missing(case, parts))
    return (replaced, surplus, led, *healed, create_missing(case, parts))


def _find_kept(case: Case, parts: Parts) -> tuple[Replica, ...]:
    """Old ones that stay for now. Those that serve and only wait follow nobody: their successors will be newer.

    Where enough are there, one that has ended was let go: put up again it would be too much, and be let go again.
    """
    if case.aim.course is Course.HALTED:
        return parts.stale
    enough = count_there(parts) >= case.want.replicas
    waits = (replica for replica in parts.stale if replica not in parts.ready)
    return tuple(replica for replica in waits if replica.phase in ALIVE or not enough)


def _note_put_down(case: Case, moves: Moves) -> History:
    """What we end ourselves, because it is too much or makes way, has not failed."""
    history = case.history
    if not history.put_down and not ended_by(moves):
        return history
    put_down = note_put_down(history.put_down, case.seen.replicas, moves.steps)
    return history if put_down == history.put_down else replace(history, put_down=put_down)


def _note_grants(case: Case, moves: Moves, forgivable: Iterable[Replica]) -> History:
    """Those of them that were ready for long enough are forgiven their restarts."""
    history = case.history
    if not history.restarts and not moves.grants:
        return history
    forgiven = [replica.id for replica in forgivable if _is_forgiven(case, replica)]
    grants = keep_grants({**history.restarts, **moves.grants}, case.seen.replicas, forgiven)
    return history if grants == history.restarts else replace(history, restarts=grants)


def _is_forgiven(case: Case, replica: Replica) -> bool:
    since = ready_since(replica, case.want.settle, case.now)
    return since is not None and case.now - since >= FORGIVEN_AFTER


def _note_carried(history: History, moves: Moves) -> History:
    new = tuple(mounts for mounts in moves.carried if mounts not in history.carried)
    return replace(history, carried=history.carried + new) if new else history


def _watch(case: Case, parts: Parts, moves: Moves) -> Moves:
    """Look again when the watch of a new replica, the bake, or the time for any progress is over."""
    if case.history.attempt is None:
        return moves
    ends = [watched_until(case, replica) for replica in parts.fresh] if case.history.updating else [bakes_until(case)]
    ends += [find_deadline(case)] if not moves.steps else []
    return moves._replace(wake_at=soonest(moves.wake_at, *(end for end in ends if end is not None and end > case.now)))


def _bar_trouble(case: Case, moves: Moves) -> Moves:
    """After failed calls nothing is tried before its time; a refusal for good only at the longest pause."""
    if not moves.steps:
        return moves  # nearly always
    if case.seen.trouble is not None:
        moves = _bar_calls(case, moves, case.seen.trouble)
    return moves if case.fetch_trouble is None else _bar_fetch(case, moves, case.fetch_trouble)


def _bar_fetch(case: Case, moves: Moves, trouble: Trouble) -> Moves:
    """Repairs need no image: they go on."""
    due = tried_again_at(case, trouble)
    if due is None:
        return moves
    fetches, others = split_fetches(moves.steps)
    if not fetches:
        return moves
    barred = moves._replace(steps=others, wake_at=soonest(moves.wake_at, due))
    if others:
        return barred
    if moves.reason not in ON_ITS_WAY:
        return barred._replace(message="; ".join(filter(None, (moves.message, trouble.message))))
    return barred._replace(reason=PULL_BACKOFF, message=trouble.message)


def _bar_calls(case: Case, moves: Moves, trouble: Trouble) -> Moves:
    """What failed to be mended is no trouble of anything else, nor is any of the fetch of an image."""
    if trouble.reason in MENDS and not is_mending(moves):
        return moves
    due = tried_again_at(case, trouble)
    if due is None:
        return moves
    fetches, calls = split_fetches(moves.steps)
    others = tuple(step for step in calls if _may_pass(case, step, trouble.reason))
    if len(others) == len(calls):
        return moves
    if not others:
        reason = f"{trouble.reason}Failed"
        wake = soonest(moves.wake_at, due) if fetches else due
        return Moves(fetches, wake, reason, trouble.message, shut=moves.shut)
    begun = {step.replica for step in others if isinstance(step, Start | Restart)}
    grants = {replica: grant for replica, grant in moves.grants.items() if replica in begun}
    return moves._replace(steps=(*others, *fetches), grants=grants, wake_at=soonest(moves.wake_at, due))


def _may_pass(case: Case, step: Step, failed: str) -> bool:
    """No end waits for names. Whatever fails, who does not serve is led to no more.

    No more than that: of two kinds of calls that both fail each would make the other one forget its pause.
    """
    if failed == Withdraw.__name__:
        return not isinstance(step, Withdraw)
    if type(step).__name__ == failed or not isinstance(step, Route):
        return False
    return not any(one.id == step.replica and is_ready(case, one) for one in case.seen.replicas)
