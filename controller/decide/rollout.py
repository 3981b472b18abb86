"""Moving counts of old and new replicas towards what is wanted, without ever going below the floor.

Not a stored state machine: what to do next follows from what runs. Numbers are only names.
"""

from __future__ import annotations

from controller.decide.admission import PORT_AGAIN, count_going, find_no_room, tell_ports
from controller.decide.attempt import has_been_let_pass, is_done, watched_until
from controller.decide.barred import tell_barred
from controller.decide.batch import has_begun
from controller.decide.case import ALIVE, Case, Parts, free_numbers, ids, is_ready, still_waits, tried_again_at
from controller.decide.drain import serves
from controller.decide.fetching import in_turn
from controller.decide.gates import tell_wait, unmet_need, unsettled_need
from controller.decide.heal import follow
from controller.decide.identity import has_revision, publishes_itself
from controller.decide.moves import NONE, WAITS_FOR_SLOT, Moves
from controller.decide.touched import is_beyond_repair
from controller.model.decision import BUILDING, FETCHING, Course, Shortage
from controller.model.desired import Order, PullPolicy
from controller.model.names import HALF_MADE, Instant
from controller.model.observed import Mount, Replica, ReplicaPhase
from controller.model.steps import Build, Create, Pull, Remove, Rename, Step, Stop

WAYS_BACK = frozenset({Course.RETURNING, Course.STACK_RETURNING})
"""Courses on which a service goes back because a release failed."""

GOING = 5.0
"""Seconds after its end in which a container that is being removed is waited for; then another number is taken."""


def replace_stale(case: Case, parts: Parts) -> Moves:
    """Let replicas of other revisions go, as many as the policy and the floor allow; a shut gate begins no batch."""
    if not parts.stale:
        return NONE
    if (shut := _find_hindrance(case, parts)) is not None:
        return shut._replace(stays=case.aim.course not in WAYS_BACK)  # there what is old has failed
    leaving, short = _may_go(case, parts)
    going = [replica for replica in parts.stale if replica.phase not in ALIVE] + list(leaving)
    return Moves(
        steps=tuple(end_replica(case, replica, _why_stale(case, replica)) for replica in going),
        reason="Updating",
        message=_tell_update(case, parts),
        carried=tuple(replica.mounts for replica in going if replica.mounts and replica.phase not in ALIVE),
        asks_slot=bool(going),
        short=short,
    )


def _find_hindrance(case: Case, parts: Parts) -> Moves | None:
    """Why nobody old may go now."""
    if case.aim.course is Course.HALTED:
        return Moves(reason="UpdateHalted", message=case.aim.message, shut=True)
    if barred := tell_barred(case):  # also where it had begun before that was found
        return barred
    if image := fetch_image(case):
        return image
    if not has_begun(case, parts) and (shut := _find_gate(case, parts)):
        return shut._replace(steps=_clear_away(case, parts))
    if blocked := _find_blocked_port(case, parts):
        return blocked
    if case.want.namespace_of is not None and case.holder is not None and case.holder.holder is None:
        return Moves(reason="DependencyNotReady", message=f"waits for a container of {case.want.namespace_of}")
    return None


def _clear_away(case: Case, parts: Parts) -> tuple[Step, ...]:
    """Old ones that ended while there are enough: they were on their way out, which no gate stops."""
    ended = [replica for replica in parts.stale if replica.phase not in ALIVE and not replica.mounts]
    there = len(parts.fresh) + len(parts.stale) - len(ended)
    return (
        tuple(_remove(replica, _why_stale(case, replica)) for replica in ended) if there >= case.want.replicas else ()
    )


def _why_stale(case: Case, replica: Replica) -> str:
    if has_revision(replica, case.want) and is_beyond_repair(replica, case.want):
        return f"a hand set {', '.join(found.path for found in replica.limits)}, which only another one is without"
    return "was left half made" if replica.revision == HALF_MADE else "replaced by a newer revision"


def _find_gate(case: Case, parts: Parts) -> Moves | None:
    """Why no batch may begin now. The slot for the start is asked for before anything that serves is stopped.

    On the way back nothing is waited for but those that depend on it and serve: they go back before it.
    """
    if case.aim.course in WAYS_BACK:
        if case.go_first and parts.ready:
            message = f"goes back after {', '.join(case.go_first)}"
            return Moves(reason="DependentsFirst", message=message, waits_for=case.go_first[0])
    elif (waits_for := unmet_need(case) or unsettled_need(case)) is not None:
        return Moves(reason="DependencyNotReady", message=tell_wait(case, waits_for), waits_for=waits_for)
    if (until := _delayed_until(case, parts)) is not None:
        message = f"waits {case.want.update.delay:g} s between two batches"
        return Moves(wake_at=until, reason="Delaying", message=message, shut=True)
    if (short := find_no_room(case, parts)) is not None:
        return short
    if not case.may_begin and parts.stale_serve:
        return WAITS_FOR_SLOT
    return None


def _delayed_until(case: Case, parts: Parts) -> Instant | None:
    """Until when the policy's pause after the last batch lasts; None: it does not."""
    delay = case.want.update.delay
    ends = [end for replica in parts.fresh if (end := watched_until(case, replica)) is not None]
    if not delay or not ends or case.history.attempt is None or not case.history.attempt.best:
        return None
    until = max(ends) + delay
    return until if still_waits(until, delay, case.now) else None


def _find_blocked_port(case: Case, parts: Parts) -> Moves | None:
    """A new one could not start where somebody else has its host port: the old ones run on until it is free.

    Nor could one be reached behind an ingress that cannot be had.
    """
    if case.seen.no_ingress and any(r.phase in ALIVE and publishes_itself(r, case.want) for r in parts.stale):
        message = f"keeps its host port: {case.seen.no_ingress}"
        return Moves(wake_at=case.now + PORT_AGAIN, reason="IngressUnavailable", message=message, shut=True)
    if not case.seen.taken_ports or not any(replica.phase in ALIVE for replica in parts.stale):
        return None
    short = tell_ports(case)
    return Moves(wake_at=case.now + PORT_AGAIN, reason=short.reason, message=short.message, short=short, shut=True)


def remove_surplus(case: Case, parts: Parts) -> Moves:
    """Scale down: unready ones first, then the highest numbers. The dead are removed whatever the count."""
    excess = find_surplus(case, parts)
    if not excess and not parts.dead:
        return NONE
    steps = [end_replica(case, replica, f"scaled down to {case.want.replicas}") for replica in excess]
    steps += [_remove(replica, "dead") for replica in parts.dead]
    reason = "ScalingDown" if excess else "RemovingDead" if parts.dead else ""
    return Moves(steps=tuple(steps), reason=reason, message="removes what is too much")


def find_surplus(case: Case, parts: Parts) -> tuple[Replica, ...]:
    """Who is too much among those that are as wanted."""
    excess = len(parts.fresh) - case.want.replicas
    if excess <= 0:
        return ()
    return tuple(sorted(parts.fresh, key=lambda r: (is_ready(case, r), -r.number))[:excess])


def create_missing(case: Case, parts: Parts) -> Moves:
    """Create what is missing. Creating needs no gate, only starting does, unless it begins to replace what runs.

    The owner of a namespace comes first.
    """
    count = _may_create(case, parts)
    if count <= 0:
        return NONE
    going = _going_until(case)
    if going is not None:
        return Moves(wake_at=going, reason="Removing", message="waits until what is being removed is gone")
    halted = case.aim.course is Course.HALTED
    if parts.stale and case.tied:
        return NONE  # what is old stays, and has said so
    if parts.stale and not halted and not has_begun(case, parts) and (shut := _find_gate(case, parts)):
        return shut
    if image := fetch_image(case):
        return NONE if parts.stale and not halted else image  # what is old waits for it, and has said so
    holder = case.holder
    if holder is not None and (holder.holder is None or not holder.settled):
        # Joined to a container that is about to be replaced it would have to be replaced itself at once.
        owner = case.want.namespace_of
        return Moves(reason="DependencyNotReady", message=f"waits for a container of {owner}", waits_for=owner)
    carry = _unclaimed(case)
    steps = tuple(
        Create(
            case.want.name,
            number,
            case.want.revision,
            case.want.template,
            _why_created(case),
            carry[position] if position < len(carry) else (),
            holder.holder if holder is not None else None,
            case.want.image_id if case.want.image_id != case.seen.image_id else None,
        )
        for position, number in enumerate(free_numbers(case.seen.replicas, count))
    )
    keeps = case.history.updating or (case.may_begin and not case.fetches_early)  # the slot it was fetched with
    return Moves(steps=steps, reason="Creating", message=f"creates {count} of {case.want.replicas}", asks_slot=keeps)


def _why_created(case: Case) -> str:
    if not case.history.updating:
        return "missing"
    match case.aim.course:
        case Course.RETURNING | Course.STACK_RETURNING:
            return "back to the last good release"
        case Course.PINNED:
            return "back to an earlier release"
        case _:
            return "replaces an older revision"


def _going_until(case: Case) -> Instant | None:
    """Until when the number and name of a container that is being removed are waited for."""
    ends = (r.finished_at + GOING for r in case.seen.replicas if r.phase is ReplicaPhase.REMOVING and r.finished_at)
    return max((end for end in ends if still_waits(end, GOING, case.now)), default=None)


def finish_interrupted(case: Case, parts: Parts) -> Moves:
    """A recreate that died half-way leaves `<hash>_name`: give it its name once nobody else has it."""
    temporary = [replica for replica in parts.fresh if replica.temporary]
    if not temporary:
        return NONE
    held = {replica.number for replica in (*parts.fresh, *parts.stale) if not replica.temporary}
    steps = tuple(
        Rename(case.want.name, replica.id, replica.number, "left by an interrupted recreate")
        for replica in temporary
        if replica.number not in held
    )
    return Moves(steps=steps, reason="Renaming" if steps else "", message="finishes an interrupted recreate")


def fetch_image(case: Case) -> Moves | None:
    """The pull or build that has to come before a create; None when the image is there and fresh enough.

    Where a pull fails and an image is present, that image is kept until it is tried again: not in an update, which has
    begun with it. However long it takes, that is not the release's fault. One that is on its way is waited for, and not
    asked for again.
    """
    want, seen = case.want, case.seen
    if not want.image or (want.image_id is not None and want.image_id != seen.image_id):
        return None  # an earlier release is made from the very image that it had
    missing = seen.image_id is None
    stale = want.pull is PullPolicy.ALWAYS and want.image not in seen.pulled
    trouble = case.fetch_trouble
    failed = trouble is not None and (case.history.updating or tried_again_at(case, trouble) is not None)
    if not missing and (not stale or failed):
        return None
    if want.pull is PullPolicy.NEVER and not want.builds:
        message = f"{want.image} is not here, and pull_policy is never"
        return Moves(reason="ImageNeverPulled", message=message, shut=True)
    because = "image is not here" if missing else "pull_policy: always"
    if want.builds and want.pull is not PullPolicy.ALWAYS:
        message = f"builds {want.image}: {because}"
        fetch = Moves((Build(want.name, want.image, because),), reason=BUILDING, message=message, shut=True)
    else:
        message = f"fetches {want.image}: {because}"
        fetch = Moves((Pull(want.name, want.image, because),), reason=FETCHING, message=message, shut=True)
    if not case.fetches_early and case.aim.course not in WAYS_BACK:
        return in_turn(case, fetch)
    return fetch._replace(steps=()) if case.fetching else fetch


def _parallelism(case: Case) -> int:
    return case.want.update.parallelism or max(1, case.want.replicas)


def _may_go(case: Case, parts: Parts) -> tuple[tuple[Replica, ...], Shortage | None]:
    """How many running old ones may leave now: |done| + |live old| − floor, and as many as could come back as new ones.

    Those that do not serve leave first, and a serving one only while the floor serves without it. A new one that is to
    restart after what it depends on takes nobody's place yet.
    """
    live = [replica for replica in parts.stale if replica.phase in ALIVE]
    done = sum(1 for replica in parts.fresh if _takes_over(case, replica))
    wanted, at_once = case.want.replicas, _parallelism(case)
    floor = wanted if case.want.update.order is Order.START_FIRST else max(0, wanted - at_once)
    allowed, short = count_going(case, max(0, min(done + len(live) - floor, at_once)))
    in_order = sorted(live, key=lambda r: (serves(case, r), r.number))[:allowed]
    idle = [replica for replica in in_order if not serves(case, replica)]
    serving = sum(1 for replica in parts.fresh + parts.stale if serves(case, replica))
    serving += sum(1 for replica in parts.fresh if has_been_let_pass(case, replica) and not serves(case, replica))
    return tuple(idle + in_order[len(idle) :][: max(0, serving - floor)]), short


def _takes_over(case: Case, replica: Replica) -> bool:
    """An old one may go for it: it was watched, has its traffic, and is not about to restart."""
    if has_been_let_pass(case, replica):
        return True
    return is_done(case, replica) and serves(case, replica) and follow(case, replica) is NONE


def _may_create(case: Case, parts: Parts) -> int:
    """create ≤ min(N − |new|, p − in flight, cap − (|live old| + |new|)); with nothing old left, all at once."""
    missing = case.want.replicas - len(parts.fresh)
    if not parts.stale:
        return missing
    if case.aim.course is Course.HALTED:
        return missing - len(parts.stale)  # those are put up again as they are
    live = sum(1 for replica in parts.stale if replica.phase in ALIVE)
    in_flight = sum(1 for replica in parts.fresh if not is_done(case, replica))
    start_first = case.want.update.order is Order.START_FIRST
    cap = case.want.replicas + (_parallelism(case) if start_first else 0)
    return min(missing, _parallelism(case) - in_flight, cap - (live + len(parts.fresh)))


def _unclaimed(case: Case) -> tuple[tuple[Mount, ...], ...]:
    """Anonymous volumes of replicas that went, which no present replica has taken over yet."""
    taken = {mount.volume for replica in case.seen.replicas for mount in replica.mounts}
    return tuple(mounts for mounts in case.history.carried if not any(mount.volume in taken for mount in mounts))


def end_replica(case: Case, replica: Replica, because: str) -> Step:
    if replica.phase not in ALIVE:
        return _remove(replica, because)
    by_compose = case.want.template.starts_by_compose
    return Stop(case.want.name, replica.id, replica.number, case.want.stop_grace, because, by_compose)


def _remove(replica: Replica, because: str) -> Remove:
    return Remove(replica.service, replica.id, replica.number, because)


def _tell_update(case: Case, parts: Parts) -> str:
    done = len(ids(parts.fresh))
    return f"{done} of {case.want.replicas} replaced, {case.want.update.order}, {_parallelism(case)} at a time"
