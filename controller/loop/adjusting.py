"""Has limits follow use: what is measured comes in, and what the limits are to be is written down for the loop to do.

Beside what the kernel killed, which each pass heeds by itself.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.decide.lacking import is_by_hand
from controller.decide.raised import find_no_room_to_raise, note_raise
from controller.loop.advising import Measured, facts_of, find_started, read_measured
from controller.loop.controller import Controller
from controller.loop.overlay import find_claims, is_frozen
from controller.loop.reconcile import Reconciler
from controller.loop.usagehistory import read_highest
from controller.model.advice import Recommendation, Resource
from controller.model.desired import DesiredService
from controller.model.names import Instant
from controller.model.phases import Phase
from controller.model.resources import NO_BOUNDS, AdjustMode, AdjustPolicy
from controller.model.usage import ServiceUsage, Usage
from controller.resources.adjust import judge, window_of
from controller.resources.limitwords import tell_change
from controller.resources.samples import Sample, sample_of

_SETTLED = frozenset({Phase.READY, Phase.DEGRADED, Phase.CRASH_LOOP, Phase.STARTING, Phase.PAUSED})
"""Phases of services of which one release runs, or is to run."""


_RENEW = 60.0
"""Seconds after which is read anew what was used at most: what came since lies in the samples themselves."""


@dataclass(slots=True)
class _Track:
    """What one stack's services used lately. `seen`: the last sample of each, which is told again with later ones.

    `highest`: what they used at most for longer, as it was read at `read_at`. `held`: services of which was told that
    there is no room for the limit that they should have.
    """

    policy: AdjustPolicy
    samples: dict[str, deque[Sample]] = field(default_factory=dict)
    seen: dict[str, ServiceUsage] = field(default_factory=dict)
    highest: Mapping[str, int] = field(default_factory=dict)
    read_at: Instant = -math.inf
    held: set[str] = field(default_factory=set)


class Adjuster:
    """Of all stacks of one controller. `take` is for the metering thread, all else happens in the loop's."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._tracks: dict[str, _Track] = {}

    def take(self, usage: Usage) -> None:
        """A newer sample."""
        stacks = self._controller.stacks
        names = [name for name in usage.stacks if (one := stacks.get(name)) is not None and _concerns(one)]
        if names:
            self._controller.call(lambda now: self._look(usage, names, now))

    def _look(self, usage: Usage, names: list[str], now: Instant) -> None:
        for name in names:
            if (reconciler := self._controller.stacks.get(name)) is not None:
                reconciler.bounds.settle(reconciler.loaded, now)
                self._follow(reconciler, usage, now)

    def _follow(self, reconciler: Reconciler, usage: Usage, now: Instant) -> None:
        name, policy = reconciler.loaded.name, reconciler.loaded.resources.adjust
        if policy.mode is not AdjustMode.APPLY:
            self._tracks.pop(name, None)
            return
        track = self._track(reconciler, policy, now)
        for service, used in usage.stacks[name].items():
            want = reconciler.loaded.desired.services.get(service)
            if want is None or want.claims.bounds == NO_BOUNDS or track.seen.get(service) is used:
                continue
            track.seen[service] = used
            _add(track, service, sample_of(used, usage.at), now)
            measured = Measured(track.samples, usage.cores, track.highest)
            _adjust(reconciler, want, measured, track.held, now)

    def _track(self, reconciler: Reconciler, policy: AdjustPolicy, now: Instant) -> _Track:
        """What was measured before this process began counts too."""
        name = reconciler.loaded.name
        track = self._tracks.get(name)
        if track is None or track.policy != policy:
            known = read_measured(reconciler.store.folder, name, policy, now).samples
            track = self._tracks[name] = _Track(policy, {service: deque(found) for service, found in known.items()})
        if not 0 <= now - track.read_at < _RENEW:
            started = find_started(reconciler.world.views)
            highest = read_highest(reconciler.store.folder, now, started)
            track.highest, track.read_at = track.highest if highest is None else highest, now
        return track


def _concerns(reconciler: Reconciler) -> bool:
    """Something of it may follow use, or did."""
    return reconciler.loaded.resources.adjust.mode is AdjustMode.APPLY or bool(reconciler.limits.kept)


def _add(track: _Track, service: str, sample: Sample, now: Instant) -> None:
    samples = track.samples.setdefault(service, deque())
    if not samples or sample.at > samples[-1].at:
        samples.append(sample)
    elif samples[-1].at > now:
        samples.clear()  # the clock was set back: what it dated ahead of us says nothing of now
    while samples and samples[0].at < now - window_of(track.policy):
        samples.popleft()


def _adjust(reconciler: Reconciler, want: DesiredService, measured: Measured, held: set[str], now: Instant) -> None:
    claims = find_claims(want, reconciler.world.views.get(want.name), reconciler.world)
    if claims is None or not _may_change(reconciler, want.name):
        return
    policy, kept = reconciler.loaded.resources.adjust, reconciler.limits.kept.get(want.name)
    found = [one for one in judge(facts_of(want.name, claims, policy, kept, measured, now), now) if not one.obstacle]
    found = _admit(reconciler, want.name, found, held, now)
    if found:
        reconciler.limits.adjust(want, claims, found, now)
        reconciler.bounds.changed(want.name)


def _admit(
    reconciler: Reconciler, name: str, found: list[Recommendation], held: set[str], now: Instant
) -> list[Recommendation]:
    """Without what the machine has no room for, which is told once."""
    memory = next((one for one in found if one.resource is Resource.MEMORY), None)
    short = find_no_room_to_raise(reconciler.world, name, memory.present or 0.0, memory.next) if memory else ""
    if memory is None or not short:
        held.discard(name)
        if memory is not None:
            note_raise(reconciler.world, name, memory.present or 0.0, memory.next)
        return found
    if name not in held:
        held.add(name)
        change = tell_change(memory.resource, memory.present, memory.next)
        reconciler.limits.tell_held(name, f"{change} waits: {short}", now)
    return [one for one in found if one is not memory]


def _may_change(reconciler: Reconciler, name: str) -> bool:
    """Nothing is under way for it, nobody wants it left alone, nor has set its limits himself."""
    world = reconciler.world
    decision = world.decisions.get(name)
    want, view = world.desired.services[name], world.views.get(name)
    if view is None or any(is_by_hand(replica, want, world.known) for replica in view.replicas):
        return False
    if decision is None or is_frozen(world, name) or name in world.busy or reconciler.unavailable is not None:
        return False
    return decision.phase in _SETTLED and not decision.history.updating
