"""A limit that follows use, over random courses of it: within its bounds, seldom, never below what is used."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest

from controller.model.adjustment import Adjustment, change, put
from controller.model.resources import AdjustMode, AdjustPolicy, Bounds, Claims, Limit
from controller.resources.adjust import HYSTERESIS, Facts, judge, judge_killed, window_of
from controller.resources.bounds import with_part
from controller.resources.samples import Sample, Span, cpu_use, memory_use

pytestmark = pytest.mark.unit

MIB = 2**20
CURVES = 160

Curve = Callable[[float], float]
"""MiB that one uses, at a second of its life."""


@dataclass
class Change:
    at: float
    before: Limit
    after: Limit
    used: float
    killed: bool


@dataclass
class Life:
    """One service, sampled and judged as the loop does it."""

    policy: AdjustPolicy
    claims: Claims
    interval: float
    adjustment: Adjustment | None = None
    now: float = 1_000_000.0
    samples: deque[Sample] = field(default_factory=deque)
    changes: list[Change] = field(default_factory=list)
    kills: int = 0

    @property
    def limit(self) -> Limit:
        return put(self.claims.limit, self.adjustment)

    def live(self, curve: Curve, cores: Curve, seconds: float) -> None:
        until, begun = self.now + seconds, self.now
        while self.now < until:
            self.now += self.interval
            memory = int(curve(self.now - begun) * MIB)
            allowed, _ = self.limit
            assert allowed is not None
            if memory > allowed:
                self.die(allowed)
                memory = 0
            self.samples.append(Sample(self.now, memory, min(cores(self.now - begun), self.limit.cpu or math.inf)))
            while self.samples[0].at < self.now - window_of(self.policy):
                self.samples.popleft()
            self.judge(memory)

    def facts(self) -> Facts:
        since = self.adjustment.since if self.adjustment is not None else None
        span = Span(self.now, window_of(self.policy), self.policy.cooldown, since)
        memory, cpu = memory_use(self.samples, span), cpu_use(self.samples, span)
        return Facts("web", self.policy, self.claims, self.adjustment, memory, cpu, highest=0.0)

    def judge(self, used: float) -> None:
        found = [one for one in judge(self.facts(), self.now) if not one.obstacle]
        limit = self.adjustment.limit if self.adjustment is not None else Limit()
        for one in found:
            limit = with_part(limit, one.resource, one.next)
        if found:
            self.become(limit, used, killed=False)

    def die(self, allowed: int) -> None:
        self.kills += 1
        more, need = judge_killed(self.facts(), self.now)
        self.adjustment = self.adjustment or Adjustment(self.claims.limit)
        self.adjustment = replace(self.adjustment, need=need)
        if more > allowed:
            self.become(self.adjustment.limit._replace(memory=more), 0.0, killed=True)

    def become(self, limit: Limit, used: float, *, killed: bool) -> None:
        before = self.limit
        self.adjustment = change(self.adjustment or Adjustment(self.claims.limit), limit, "", self.now)
        self.changes.append(Change(self.now, before, self.limit, used, killed))


def born(chance: random.Random) -> Life:
    own = chance.choice([32, 64, 200, 1024])
    least, most = chance.uniform(0.2, 1.0) * own, chance.uniform(1.0, 6.0) * own
    policy = AdjustPolicy(
        AdjustMode.APPLY, chance.uniform(0.05, 0.6), chance.choice([30.0, 120.0, 600.0]), chance.uniform(0.05, 0.6)
    )
    bounds = Bounds(int(least * MIB), int(most * MIB), 0.1, 3.0)
    return Life(policy, Claims(limit=Limit(own * MIB, 1.0), bounds=bounds), chance.choice([5.0, 15.0, 30.0]))


def draw(chance: random.Random, low: float, high: float) -> Curve:
    """Flat, a saw, a wave, a leak, leaps, noise: by themselves and added up."""
    middle, size = (low + high) / 2, (high - low) / 2
    period, phase = chance.uniform(60.0, 4000.0), chance.uniform(0.0, 6.0)
    leaps = [chance.uniform(low, high) for _ in range(50)]
    kinds: list[Curve] = [
        lambda _: middle,
        lambda t: low + (t % period) / period * 2 * size,
        lambda t: middle + size * math.sin(t / period * 6.3 + phase),
        lambda t: min(high, low + t / 20_000.0 * 2 * size),
        lambda t: leaps[int(t / period) % len(leaps)],
        lambda t: middle + size * (hash((int(t), phase)) % 1000 / 1000.0 - 0.5),
    ]
    first, second, share = chance.choice(kinds), chance.choice(kinds), chance.random()
    return lambda t: share * first(t) + (1 - share) * second(t)


_PARTS = range(0, CURVES, CURVES // 8)


@pytest.mark.parametrize("first", [*_PARTS[:2], *(pytest.param(part, marks=pytest.mark.slow) for part in _PARTS[2:])])
def test_over_any_course_of_use(first: int) -> None:
    for seed in range(first, first + CURVES // 8):
        chance = random.Random(seed)
        life = born(chance)
        life.live(draw(chance, 2.0, 0.9 * (life.claims.bounds.max_memory or 0) / MIB), draw(chance, 0.0, 3.5), 8_000.0)
        check(life, seed)


def check(life: Life, seed: int) -> None:
    bounds, policy = life.claims.bounds, life.policy
    for one in life.changes:
        memory, cpu = one.after
        assert memory is not None and cpu is not None
        assert (bounds.min_memory or 0) <= memory <= (bounds.max_memory or 0), (seed, one)
        assert 0.1 <= cpu <= 3.0, (seed, one)
        assert memory >= one.used, (seed, one)
        assert one.before != one.after, (seed, one)
        if memory < (one.before.memory or 0):
            assert memory >= one.used * (1 + policy.headroom) - 1, (seed, one)
            assert memory >= (one.before.memory or 0) * (1 - policy.step) - MIB, (seed, one)
    for earlier, later in pairwise(life.changes):
        assert later.killed or later.at - earlier.at >= policy.cooldown, (seed, earlier, later)


@pytest.mark.parametrize("use", [3.0, 30.0, 52.0, 60.0, 100.0, 190.0])
@pytest.mark.parametrize("step", [0.05, 0.25, 1.0])
def test_on_constant_use_it_comes_to_rest_near_it_and_stays_there(use: float, step: float) -> None:
    policy = AdjustPolicy(AdjustMode.APPLY, headroom=0.2, cooldown=60.0, step=step)
    bounds = Bounds(16 * MIB, 256 * MIB, 0.1, 2.0)
    life = Life(policy, Claims(limit=Limit(200 * MIB, 1.0), bounds=bounds), 5.0)
    life.live(lambda _: use, lambda _: use / 100, 12_000.0)
    last = life.changes[-1].at if life.changes else life.now
    assert life.now - last > 2_000.0, "it changes no more"
    memory, cpu = life.limit
    assert memory is not None and cpu is not None and life.kills == 0
    wanted = max(16.0, use * 1.2)
    assert abs(memory / MIB - wanted) <= max(1.0, HYSTERESIS * memory / MIB) + 1.0, (memory / MIB, wanted)
    assert abs(cpu - min(2.0, max(0.1, use / 100 * 1.2))) <= max(0.01, HYSTERESIS * cpu) + 0.01
    signs = [(one.after.memory or 0) - (one.before.memory or 0) for one in life.changes]
    assert all(sign <= 0 for sign in signs) or all(sign >= 0 for sign in signs), "there and back"


def test_one_that_is_killed_again_and_again_is_so_only_up_to_what_its_bounds_allow() -> None:
    """What it needs in a moment that no sample sees: raised until it has it, and not lowered to what killed it."""
    policy = AdjustPolicy(AdjustMode.APPLY, headroom=0.2, cooldown=60.0, step=0.5)
    life = Life(policy, Claims(limit=Limit(64 * MIB, 1.0), bounds=Bounds(16 * MIB, 400 * MIB)), 5.0)
    life.live(lambda t: 300.0 if int(t) % 500 < 5 else 20.0, lambda _: 0.1, 10_000.0)
    assert life.kills == 3 and (life.limit.memory or 0) >= 300 * MIB
