"""A simulated world that misbehaves: slow and failing calls, lost and late events, half and old looks, absence."""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Protocol

from controller.engines.simulated_calls import skipped
from controller.model.errors import Transient
from controller.model.names import Instant
from controller.model.observed import Replica, ServiceView
from controller.model.steps import Outcome, Result, Step, split_fetches


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong: chances from 0 to 1 for each call, look or event; times in seconds.

    `transient` fails without an effect, `unknown` after it. A `partial` look has of some containers no more than a list
    tells, and says so; one that is `vanished` shows none and does not, a `stale` one repeats the last, a `lagging` one
    shows one of the last five as if it were new. Events come up to `late_by` late and overtake each other. The engine's
    clock is `ahead` of ours. While it is `away` (from, until) every call and look fails and events are lost; afterwards
    every service is told.
    """

    seed: int = 0
    slow: float = 0.0
    transient: float = 0.0
    unknown: float = 0.0
    conflict: float = 0.0
    partial: float = 0.0
    vanished: float = 0.0
    stale: float = 0.0
    lagging: float = 0.0
    lost: float = 0.0
    doubled: float = 0.0
    late: float = 0.0
    late_by: float = 1.0
    ahead: float = 0.0
    away: tuple[tuple[Instant, Instant], ...] = ()

    def is_away(self, now: Instant) -> bool:
        return any(begin <= now < end for begin, end in self.away)


class Bed(Protocol):
    """What a simulated world offers."""

    def perform(self, steps: Sequence[Step], now: Instant) -> tuple[Outcome, ...]: ...
    def view(self, service: str, now: Instant) -> ServiceView: ...
    def observe(self, now: Instant) -> Mapping[str, ServiceView]: ...
    def changed(self, now: Instant) -> tuple[str, ...]: ...
    def next_change(self, now: Instant) -> Instant | None: ...
    def is_busy(self, service: str, now: Instant) -> bool: ...
    def shift(self, seconds: float) -> None: ...


class FaultyWorld:
    """The same face as the world that it spoils; chance comes from the seed alone."""

    def __init__(self, world: Bed, faults: Faults) -> None:
        self._world = world
        self._faults = faults
        self._random = Random(faults.seed)  # noqa: S311 - chance that can be repeated, not a secret
        self._shown: dict[str, ServiceView] = {}
        self._slow_until: dict[str, Instant] = {}
        self._late: list[tuple[Instant, str]] = []
        self._before: defaultdict[str, deque[ServiceView]] = defaultdict(lambda: deque(maxlen=5))
        self._missed: Instant | None = None
        self._shifted = 0.0

    def shift(self, seconds: float) -> None:
        """The machine's clock is set."""
        self._world.shift(seconds)
        self._shifted += seconds
        self._slow_until = {service: until + seconds for service, until in self._slow_until.items()}
        self._late = [(at + seconds, service) for at, service in self._late]
        self._shown = {name: replace(view, taken_at=view.taken_at + seconds) for name, view in self._shown.items()}

    def is_busy(self, service: str, now: Instant) -> bool:
        return self._slow_until.get(service, now) > now or self._world.is_busy(service, now)

    def perform(self, steps: Sequence[Step], now: Instant) -> tuple[Outcome, ...]:
        """As the world would, slower, and not always telling the truth. When it is over is told without fail."""
        outcomes = self._slowed(self._spoil(steps, now))
        end = now + sum(outcome.seconds for outcome in outcomes)
        for service in {step.service for step in steps}:
            heapq.heappush(self._late, (end, service))
        for step in split_fetches(steps)[1]:
            self._slow_until[step.service] = end
        return outcomes

    def _spoil(self, steps: Sequence[Step], now: Instant) -> tuple[Outcome, ...]:
        at = self._random.randrange(len(steps))
        if self._is_away(now):
            return _fail(steps, Outcome(steps[0], Result.TRANSIENT, "the engine is away"))
        if self._strikes(self._faults.transient):
            before = self._world.perform(steps[:at], now) if at else ()
            return (*before, *_fail(steps[at:], Outcome(steps[at], Result.TRANSIENT, "no answer")))
        if self._strikes(self._faults.conflict):
            return _fail(steps, Outcome(steps[0], Result.CONFLICT, "somebody else was quicker"))
        if self._strikes(self._faults.unknown):
            done = self._world.perform(steps[: at + 1], now)
            silent = replace(done[-1], result=Result.TRANSIENT, message="no answer", replica=None)
            return (*done[:-1], *_fail(steps[at:], silent))
        return self._world.perform(steps, now)

    def view(self, service: str, now: Instant) -> ServiceView:
        """A look at one service. Raises Transient while the engine is away."""
        if self._is_away(now):
            raise Transient("the engine is away")
        if service in self._shown and self._strikes(self._faults.stale):
            return self._shown[service]
        seen = self._dated(replace(self._world.view(service, now), taken_at=now))
        before = self._before[service]
        if before and self._strikes(self._faults.lagging):
            return replace(self._random.choice(before), taken_at=now)
        self._shown[service] = seen
        if not before or before[-1].replicas != seen.replicas:
            before.append(seen)
        if self._strikes(self._faults.vanished):
            return replace(seen, replicas=())
        if self._strikes(self._faults.partial):
            shown = tuple(r if self._random.random() < 0.5 else _as_listed(r) for r in seen.replicas)
            return replace(seen, replicas=shown, complete=False)
        return seen

    def observe(self, now: Instant) -> Mapping[str, ServiceView]:
        """All services. Raises Transient while the engine is away."""
        return {service: self.view(service, now) for service in self._world.observe(now)}

    def changed(self, now: Instant) -> tuple[str, ...]:
        """What the event stream tells: some twice, some late, some never; everything after an absence."""
        if self._is_away(now):
            return ()
        if self._has_returned(now):
            self._world.changed(now)
            return tuple(self._world.observe(now))
        told: list[str] = []
        for service in self._world.changed(now):
            told.extend(self._tell(service, now))
        while self._late and self._late[0][0] <= now:
            told.append(heapq.heappop(self._late)[1])
        return tuple(told)

    def next_change(self, now: Instant) -> Instant | None:
        """When there may be news; an absence that ends is news."""
        if self._is_away(now):
            return max(end for begin, end in self._away() if begin <= now < end)
        ends = (end for _, end in self._away() if end > now)
        late = (self._late[0][0],) if self._late else ()
        change = self._world.next_change(now)
        return min((*ends, *late, *(() if change is None else (change,))), default=None)

    def _tell(self, service: str, now: Instant) -> tuple[str, ...]:
        if self._slow_until.get(service, now) > now:
            return ()
        if self._strikes(self._faults.lost):
            return ()
        if self._strikes(self._faults.late):
            heapq.heappush(self._late, (now + self._faults.late_by * self._random.uniform(0.5, 1.0), service))
            return ()
        return (service, service) if self._strikes(self._faults.doubled) else (service,)

    def _has_returned(self, now: Instant) -> bool:
        """Whether an absence ended since this was last asked."""
        last = max((end - self._shifted for _, end in self._away() if end <= now), default=None)
        returned = last is not None and last != self._missed
        self._missed = last
        return returned

    def _away(self) -> Iterable[tuple[Instant, Instant]]:
        """By the clock as it is set now."""
        return ((begin + self._shifted, end + self._shifted) for begin, end in self._faults.away)

    def _is_away(self, now: Instant) -> bool:
        return self._faults.is_away(now - self._shifted)

    def _dated(self, view: ServiceView) -> ServiceView:
        """Nobody watched during an absence; what the engine dates is by its own clock."""
        since = max((end for _, end in self._away() if end <= view.taken_at), default=view.since)
        if self._faults.ahead:
            view = replace(view, replicas=tuple(_later(replica, self._faults.ahead) for replica in view.replicas))
        return view if since <= view.since else replace(view, since=since)

    def _slowed(self, outcomes: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
        """The last call that was made takes longer."""
        if not self._faults.slow:
            return outcomes
        made = max(index for index, outcome in enumerate(outcomes) if outcome.result is not Result.SKIPPED)
        slower = replace(outcomes[made], seconds=outcomes[made].seconds + self._faults.slow)
        return (*outcomes[:made], slower, *outcomes[made + 1 :])

    def _strikes(self, chance: float) -> bool:
        return chance > 0.0 and self._random.random() < chance


def _as_listed(replica: Replica) -> Replica:
    """What a list tells of it, where an inspect is not to be had."""
    return replace(
        replica, ready_since=None, exit_code=None, started_at=None, finished_at=None, restarts=0, check=None, drift=None
    )


def _later(replica: Replica, seconds: float) -> Replica:
    def later(instant: Instant | None) -> Instant | None:
        return None if instant is None else instant + seconds

    return replace(
        replica,
        created_at=replica.created_at + seconds,
        started_at=later(replica.started_at),
        finished_at=later(replica.finished_at),
    )


def _fail(steps: Sequence[Step], outcome: Outcome) -> tuple[Outcome, ...]:
    """The first of these steps ended so; the others are not tried."""
    return (outcome, *(skipped(step) for step in steps[1:]))
