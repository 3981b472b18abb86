"""What is said of the limits of a stack, by what was measured under them; for the loop and for who only asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from controller.loop.loaded import Loaded
from controller.loop.usagehistory import read_highest, read_history, read_newest
from controller.model.adjustment import Adjustment, put
from controller.model.advice import LimitStatus, Recommendation, Resource, ServiceLimits, StackLimits
from controller.model.desired import DesiredService
from controller.model.names import Instant
from controller.model.observed import ServiceView
from controller.model.resources import AdjustPolicy, Claims
from controller.model.usage import ServiceUsage
from controller.resources.adjust import Facts, judge, window_of
from controller.resources.bounds import given_bounds, part
from controller.resources.samples import Sample, Span, cpu_use, memory_use, sample_of, samples_of

_SLACK = 60.0
"""Seconds of history that are read beyond the window."""


class Measured(NamedTuple):
    """What is known of use: samples by service, oldest first, and how many cores there are.

    `highest`: bytes that one replica of each used at most in the last day, and since its newest start, as far as known.
    """

    samples: Mapping[str, Sequence[Sample]]
    cores: float | None = None
    highest: Mapping[str, int] = MappingProxyType({})


def read_measured(
    folder: Path,
    stack: str,
    policy: AdjustPolicy,
    now: Instant,
    newest: tuple[Instant, Mapping[str, ServiceUsage]] | None = None,
    started: Mapping[str, Instant] | None = None,
) -> Measured:
    """What controllers measured of a stack, by what lies in its folder; `newest`: a sample that is not kept there.

    `started`: when each service began its newest life.
    """
    since = now - window_of(policy) - _SLACK
    found = {one.service: samples_of(one.points) for one in read_history(folder, None, since, now)}
    latest = read_newest(folder, now)
    if newest is None and latest is not None:
        newest = (latest.at, latest.stacks.get(stack, {}))
    at, services = newest if newest is not None else (now, {})
    for name, usage in services.items():
        known = found.setdefault(name, [])
        if not known or known[-1].at < at:
            known.append(sample_of(usage, at))
    cores = None if latest is None else latest.cores
    return Measured(found, cores, read_highest(folder, now, started) or {})


def find_started(views: Mapping[str, ServiceView]) -> Mapping[str, Instant]:
    """When each service began its newest life."""
    lives = {name: [one.started_at or 0.0 for one in view.replicas if one.running] for name, view in views.items()}
    return {name: max(begun) for name, begun in lives.items() if begun}


def facts_of(
    name: str,
    claims: Claims,
    policy: AdjustPolicy,
    adjustment: Adjustment | None,
    measured: Measured,
    now: Instant,
) -> Facts:
    """What one service's limits follow from."""
    samples = measured.samples.get(name, ())
    span = Span(now, window_of(policy), policy.cooldown, adjustment.since if adjustment is not None else None)
    memory, cpu = memory_use(samples, span), cpu_use(samples, span)
    return Facts(name, policy, claims, adjustment, memory, cpu, measured.cores, measured.highest.get(name))


def advise(loaded: Loaded, kept: Mapping[str, Adjustment], measured: Measured, now: Instant) -> StackLimits:
    """Of every service that is to run."""
    policy = loaded.resources.adjust
    services = (one for _, one in sorted(loaded.desired.services.items()) if one.leaving is None)
    told = tuple(_advise_one(one, policy, kept.get(one.name), measured, now) for one in services)
    return StackLimits(loaded.name, policy.mode, told)


def _advise_one(
    want: DesiredService, policy: AdjustPolicy, adjustment: Adjustment | None, measured: Measured, now: Instant
) -> ServiceLimits:
    facts = facts_of(want.name, want.claims, policy, adjustment, measured, now)
    recommended = {one.resource: one for one in judge(facts, now)}
    rows = tuple(_row(facts, resource, recommended.get(resource)) for resource in Resource)
    if adjustment is None:
        return ServiceLimits(want.name, rows)
    changed = put(want.claims.limit, adjustment) != want.claims.limit
    return ServiceLimits(
        want.name, rows, adjustment.since, adjustment.why if changed else "", adjustment.held_over is not None
    )


def _row(facts: Facts, resource: Resource, recommendation: Recommendation | None) -> LimitStatus:
    claims, of_memory = facts.claims, resource is Resource.MEMORY
    least, most = given_bounds(claims.bounds, resource)
    return LimitStatus(
        resource,
        reserved=(claims.reserved.memory if of_memory else claims.reserved.cpu) or None,
        limit=facts.present(resource),
        original=part(claims.limit, resource),
        least=least,
        most=most,
        use=facts.use(resource),
        recommendation=recommendation,
    )
