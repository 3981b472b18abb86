"""A look without a hand: what a stack would be decided to be, for `plan` and `status` while no controller runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from controller.decide.stack import decide_stack
from controller.decide.status import make_status
from controller.decide.world import World, make_world
from controller.engines.base import Engine
from controller.health.prober import Prober
from controller.loop.chosen import chosen_services, with_dependencies
from controller.loop.conditions import Obstacles, make_conditions
from controller.loop.confining import lay_over_networks
from controller.loop.handback import as_composed, differing, tell_rest
from controller.loop.holds import Circumstances, adoption_hold, find_hold
from controller.loop.learneduse import LearnedUse
from controller.loop.loaded import Loaded
from controller.loop.overlay import given_back, lay_over_limits
from controller.loop.rooms import LookAt, Rooms
from controller.loop.senses import Senses
from controller.loop.store import Store
from controller.loop.wanted import with_tags
from controller.model.desired import DesiredStack
from controller.model.names import Instant
from controller.model.observed import Health, Observed, ServiceView
from controller.model.plan import Held, Plan
from controller.model.status import StackStatus
from controller.model.timings import Span, Timings
from controller.security.former import find_former

MakeBed = Callable[[DesiredStack, Mapping[str, ServiceView], Timings, Instant], object]
"""Makes the simulated engine of a rehearsal from what is wanted, seen and learned, and the instant."""

_PATIENCE = 2.0
"""Seconds to wait for the first verdicts; what has none by then is shown as starting."""


class Peek:
    """One stack, looked at once, with one round of probes."""

    def __init__(
        self,
        engine: Engine,
        loaded: Loaded,
        store: Store,
        prober: Prober | None,
        now: Instant,
        survey: LookAt | None = None,
    ) -> None:
        self._kept = store.adjustments.load()
        self._files, self._limited = loaded, lay_over_limits(loaded, self._kept)
        self.loaded = lay_over_networks(self._limited)
        self.store = store
        self._survey = survey
        self.timings: Timings = store.timings.load()
        self._known = store.stack.revisions()
        self._senses = Senses(engine, prober, store.replicas.known, lambda: self._known, now)
        self.observed, self.views = self._look(now)
        self.now = time.time()

    def _look(self, begun: Instant) -> tuple[Observed, Mapping[str, ServiceView]]:
        observed, views = self._senses.look(self.loaded.desired, None)
        while _undecided(views) and time.time() < begun + _PATIENCE:
            time.sleep(0.02)
            observed, views = self._senses.look(self.loaded.desired, None)
        return observed, views

    def world(self, *, for_apply: bool = False) -> World:
        """The stack as it stands. `for_apply`: an apply ends stops, lifts `autoStart: false`, lets moved tags count."""
        memory = self.store.stack.load()
        world = make_world(self.loaded.desired, self.timings.until_serving)
        world.see(self.views)
        for name, history in self.store.histories.load().items():
            world.remember(name, replace(history, stopped="") if for_apply else history)
        world.known, world.settled = self._known, memory.settled
        self.loaded = lay_over_networks(self._limited, find_former(world))
        world.desired = self.loaded.desired
        world.started = for_apply or (bool(world.histories) and not memory.not_started)
        around = Circumstances(self.loaded, memory, self.observed)
        world.hold = self.loaded.hold if for_apply else find_hold(world, around, self.now)
        if for_apply:
            world.desired = with_tags(world.desired, self.views)
        if self._survey is not None:
            rooms = Rooms(self._survey, time.time, LearnedUse(lambda _: self.store.folder, time.time))
            rooms.add(world)
            rooms.before(world)
            rooms.after(world)
        return world

    def plan(self, make_bed: MakeBed, services: tuple[str, ...] = ()) -> Plan:
        """What an `apply` of these services (none: all) would do now. Raises ControllerError for an unknown one."""
        world = self.world(for_apply=True)
        if services:
            world.only = with_dependencies(world, chosen_services(world, services))
        adoption = adoption_hold(world, Circumstances(self.loaded, self.store.stack.load(), self.observed))
        bed = make_bed(world.desired, self.views, self.timings, self.now)
        plan = _rehearse(world, bed, self.now)
        if adoption is None:
            return plan
        return replace(plan, held=(*plan.held, Held(self.loaded.name, None, adoption.reason, adoption.message)))

    def plan_release(self, make_bed: MakeBed) -> Plan:
        """What a `release` would do now."""
        world = self.world()
        world.desired = as_composed(lay_over_limits(self._files, given_back(self._kept)))
        world.recount()
        world.only = differing(world.desired, self.views, world.known)
        bed = make_bed(world.desired, self.views, self.timings, self.now)
        return _rehearse(world, bed, self.now)

    def rest(self) -> tuple[str, ...]:
        """What `docker compose up -d` would still change after it."""
        return (*tell_rest(self.loaded.desired, self.views), *self._tell_secrets())

    def _tell_secrets(self) -> Iterator[str]:
        """Plain Compose knows no secrets that are kept elsewhere."""
        given = self.loaded.delivery
        if given.files or given.sets:
            names = ", ".join(sorted(given.users))
            yield f"{self.loaded.name}: secrets are the controller's yet: {names}; `docker compose` lacks them"

    def status(self) -> StackStatus:
        """The status now; nothing of it is kept."""
        world = self.world()
        world.absorb(decide_stack(world.desired.services, world, self.now))
        before = self.store.status.load()
        conditions = make_conditions(world, Obstacles(vault=self.loaded.delivery.locked), self.now, before)
        usually = lambda service: self.timings.usual(service, Span.READY)  # noqa: E731
        return make_status(world, before, conditions, usually, self.now)


def _rehearse(world: World, bed: object, now: Instant) -> Plan:
    from controller.decide.rehearsal import rehearse  # a status needs none of it

    return rehearse(world, bed, now)  # type: ignore[arg-type]


def _undecided(views: Mapping[str, ServiceView]) -> bool:
    """Some running replica has no verdict yet."""
    return any(r.running and r.health is Health.STARTING for view in views.values() for r in view.replicas)
