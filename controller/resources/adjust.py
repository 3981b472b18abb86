"""Judges: what a limit should be, by what is used under it. Pure.

As Kubernetes' Vertical Pod Autoscaler recommends (github.com/kubernetes/autoscaler, vertical-pod-autoscaler: memory by
its peaks, processor time by a high percentile, a margin above both; `RecordOOM` in pkg/recommender/model/container.go:
who was killed for want of memory needs a fifth more than it had, or 100 MiB, whichever is more, and that is remembered
for a day), but for a running container and its limit: one change per cool-down, in steps, and down only after a while.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from controller.model.adjustment import Adjustment, Need, put
from controller.model.advice import Recommendation, Resource, Use
from controller.model.names import Instant
from controller.model.quantities import tell_seconds
from controller.model.resources import AdjustMode, AdjustPolicy, Claims
from controller.resources.bounds import LOWEST, UNIT, Range, find_range, part, round_up
from controller.resources.limitwords import tell, tell_use

HYSTERESIS = 0.05
"""Of the present limit: a smaller change is none."""
NEAR, THROTTLED = 0.9, 0.95
"""Shares of a limit in use from which on it is short: of memory, now; of cores, half of the time lately."""

SHRINKS_AFTER, FEWEST = 3.0, 5
"""Cool-downs for which, and samples by which it was watched before a limit is lowered."""
SHORTEST = 60.0
"""Seconds of watching that count at least."""

KILLED_SHARE, KILLED_BYTES = 1.2, 100 * 2**20
"""What who was killed for want of memory needs: so much of what it had, or so many bytes more."""
NEEDED_FOR = 86400.0
"""Seconds for which that counts."""


_UNKNOWN = "what it needed at its start, or for a day, was not measured yet, and it is not lowered before"


class Facts(NamedTuple):
    """One service: what the files say of it (`claims`), what was laid over that, and what it used. None: not known.

    `cores`: how many there are. `highest`: bytes that one replica used at most in the last day, and since the newest
    start: what a start needs is more than what it uses later, and another one may come at any time. Where that is not
    known no memory limit is lowered.
    """

    name: str
    policy: AdjustPolicy
    claims: Claims
    adjustment: Adjustment | None = None
    memory: Use | None = None
    cpu: Use | None = None
    cores: float | None = None
    highest: float | None = None

    def use(self, resource: Resource) -> Use | None:
        return self.memory if resource is Resource.MEMORY else self.cpu

    def present(self, resource: Resource) -> float | None:
        """The limit in force."""
        return part(put(self.claims.limit, self.adjustment), resource)


class _Case(NamedTuple):
    """One resource of a service. `present` 0: without a limit. `need`: bytes that it was found to need.

    `highest`: bytes that it used at most, for longer than `use` tells of; None: not known.
    """

    resource: Resource
    policy: AdjustPolicy
    present: float
    range: Range
    use: Use
    need: float = 0.0
    highest: float | None = None

    @property
    def short(self) -> bool:
        """It uses nearly all that it may."""
        if self.resource is Resource.CPU:
            return self.use.late >= THROTTLED * self.present > 0
        return self.use.now >= NEAR * self.present > 0


def window_of(policy: AdjustPolicy) -> float:
    """Seconds of use that a limit follows from."""
    return max(SHRINKS_AFTER * policy.cooldown, SHORTEST)


def judge(facts: Facts, now: Instant) -> tuple[Recommendation, ...]:
    """One recommendation for each resource whose limit should be another; memory first."""
    found = (_judge_one(facts, resource, now) for resource in Resource)
    return tuple(one for one in found if one is not None)


def _judge_one(facts: Facts, resource: Resource, now: Instant) -> Recommendation | None:
    use, present = facts.use(resource), facts.present(resource)
    if use is None:
        return None
    need = _need(facts.adjustment, now) if resource is Resource.MEMORY else 0.0
    bounds = find_range(facts.claims, resource, facts.cores)
    case = _Case(
        resource, facts.policy, present or 0.0, bounds or Range(LOWEST[resource], math.inf), use, need, facts.highest
    )
    target = find_target(case)
    if present is None:
        barred = "the Compose file sets no limit, and one that it was made without cannot be taken back in place"
        return Recommendation(resource, None, target, target, _tell(case), barred=barred)
    if bounds is not None:
        return _follow(case, target, facts, now)
    barred = f"no bounds: services.{facts.name}.limits gives none for it"
    return (
        Recommendation(resource, present, target, target, _tell(case), barred=barred)
        if _differs(case, target)
        else None
    )


def _follow(case: _Case, target: float, facts: Facts, now: Instant) -> Recommendation | None:
    inside = case.range.clamp(case.present)
    if inside != case.present:
        return _go_inside(case, inside, facts, now)
    goes = _step(case, target)
    if not _differs(case, target) or goes == case.present or (goes < case.present and goes < _floor(case)):
        return None  # not worth it, too small a step, or what is used now has just come
    early = _too_soon(case) if goes < case.present else ""
    waits = find_wait(facts, now)
    return Recommendation(case.resource, case.present, target, goes, _tell(case), early=early, waits=waits)


def _go_inside(case: _Case, inside: float, facts: Facts, now: Instant) -> Recommendation:
    """The bounds are others than they were."""
    barred = ""
    if inside < case.present and inside < _floor(case):
        barred = f"it uses {tell(case.resource, case.use.now)}, too near to the most that its bounds allow"
    waits = find_wait(facts, now)
    return Recommendation(case.resource, case.present, inside, inside, _tell(case), barred=barred, waits=waits)


def find_target(case: _Case) -> float:
    """What the limit should be in the end."""
    use, room = case.use, 1.0 + case.policy.headroom
    if case.resource is Resource.CPU:
        wanted = use.p95 * room
        if case.short:
            wanted = max(wanted, case.present * (1.0 + case.policy.step))  # what it would use without, nobody knows
    else:
        ahead = use.now + use.grew if case.short else use.now  # until the next change it goes on like that
        wanted = max(max(use.peak, ahead) * room, case.need)
        if wanted < case.present:
            wanted = max(wanted, min(case.present, (case.highest or 0.0) * room))  # what was needed once may be again
    return case.range.clamp(round_up(case.resource, wanted))


def _step(case: _Case, target: float) -> float:
    """One change towards it: the whole way where memory is short, or was found to be."""
    present, step = case.present, case.policy.step
    if target > present:
        whole = case.resource is Resource.MEMORY and (case.short or case.need > present)
        return target if whole else case.range.clamp(min(target, round_up(case.resource, present * (1.0 + step))))
    lower = min(round_up(case.resource, present * (1.0 - step)), present - UNIT[case.resource])
    return max(target, case.range.clamp(lower))


def _differs(case: _Case, target: float) -> bool:
    """By enough to be worth a change; where memory is short anything is."""
    unit = UNIT[case.resource]
    if target > case.present and case.resource is Resource.MEMORY and case.short:
        return target - case.present >= unit
    return abs(target - case.present) >= max(HYSTERESIS * case.present, unit)


def _floor(case: _Case) -> float:
    """Below this no limit is lowered: what is used now, and of memory the room above it."""
    return case.use.now * (1.0 + (case.policy.headroom if case.resource is Resource.MEMORY else 0.0))


def _too_soon(case: _Case) -> str:
    wanted = window_of(case.policy)
    if case.use.span >= wanted * 0.95 and case.use.samples >= FEWEST:
        return _UNKNOWN if case.resource is Resource.MEMORY and case.highest is None else ""
    return f"watched for {tell_seconds(case.use.span)} so far, and lowered after {tell_seconds(wanted)} at the earliest"


def find_wait(facts: Facts, now: Instant) -> str:
    """Why no limit of this service is changed by itself now; "": nothing speaks against it."""
    name, policy, adjustment = facts.name, facts.policy, facts.adjustment
    if policy.mode is not AdjustMode.APPLY:
        return f"autoAdjust.mode is {policy.mode}: `controller resources apply {name}` sets it once"
    if adjustment is None:
        return ""
    if adjustment.held_over is not None:
        return f"undone by a person: `controller resources resume {name}` lets it follow use again"
    left = (adjustment.since or -math.inf) + policy.cooldown - now
    if not 0 < left <= policy.cooldown:  # what lies further ahead was dated by a clock that was wrong
        return ""
    return f"changed {tell_seconds(policy.cooldown - left)} ago, and again in {tell_seconds(left)} at the earliest"


# --- killed for want of memory


def judge_killed(facts: Facts, now: Instant) -> tuple[int, Need]:
    """What the memory limit is to be for who was killed under the present one, and what it was found to need.

    No more than its bounds allow, so that it may be the present one.
    """
    present = facts.present(Resource.MEMORY) or 0.0
    had = max(present, facts.memory.peak if facts.memory is not None else 0.0)
    share = max(KILLED_SHARE, 1.0 + facts.policy.headroom)
    needed = round_up(Resource.MEMORY, max(had * share, had + KILLED_BYTES))
    bounds = find_range(facts.claims, Resource.MEMORY, facts.cores)
    allowed = needed if bounds is None else max(bounds.clamp(needed), present)
    return int(allowed), Need(int(needed), now)


def _need(adjustment: Adjustment | None, now: Instant) -> float:
    need = adjustment.need if adjustment is not None else None
    return float(need.memory) if need is not None and abs(now - need.at) < NEEDED_FOR else 0.0


def _tell(case: _Case) -> str:
    told = case.need if case.need > case.use.peak * (1.0 + case.policy.headroom) else 0.0
    return tell_use(case.resource, case.use, short=case.short, need=told)
