"""A deterministic world of containers under a virtual clock: the bed of the rehearsal and of the property tests.

It starts from an observation, does steps as Docker would, and knows when something will change next.
Single-threaded; cost follows what changed, not the size of the stack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace

from controller.engines.simulated_behaviour import Behaviour
from controller.engines.simulated_calls import Calls, skipped
from controller.engines.simulated_containers import Containers
from controller.engines.simulated_process import Processes
from controller.engines.simulated_record import Record
from controller.model.desired import DesiredStack
from controller.model.names import ImageId, Instant, ReplicaId, Revision
from controller.model.observed import Replica, ServiceView
from controller.model.steps import (
    Build,
    Create,
    Fetch,
    Outcome,
    Pull,
    Result,
    Step,
    split_fetches,
)
from controller.model.timings import Span, Timings

HAIR = 1e-6
"""Seconds by which sums of the same durations may differ."""


class Simulation:
    """One stack of containers. Instants given to its methods do not go backwards, except by a `shift`.

    A call takes time: the effects of `perform` are dated one after another, and its services show their old view until
    the call is over, at `now` + the seconds of all outcomes; then they count as changed.
    """

    def __init__(self, stack: DesiredStack, views: Mapping[str, ServiceView], timings: Timings, now: Instant) -> None:
        self.processes = Processes()
        self.containers = Containers(stack, timings)
        self._calls = Calls(self.containers, self.processes)
        self._views: dict[str, ServiceView] = {name: ServiceView(taken_at=now, since=now) for name in stack.services}
        self._views.update(views)
        self._busy: dict[str, Instant] = {}
        self._arrivals: dict[str, list[tuple[Instant, str, ImageId]]] = {}
        """Images on their way, by service: when they will be here, by which name."""
        self._stale: dict[str, None] = {}
        self._news: dict[str, None] = {}
        for view in views.values():
            for replica in view.replicas:
                self._take_up(replica, now)
        self.advance(now)
        self._news.clear()

    def _take_up(self, replica: Replica, now: Instant) -> None:
        record = self.containers.take_up(replica)
        if self.processes.take_up(record, now):
            self.containers.count_on(record)

    @property
    def guesses(self) -> Set[tuple[str, Span]]:
        """Times that were never learned, so that defaults stand in for them. Not a copy: it is asked at every step."""
        return self.containers.guesses

    def retarget(self, stack: DesiredStack, now: Instant) -> None:
        """Another generation is wanted from now on: creates look up their service in it."""
        self.containers.stack = stack
        for name in stack.services:
            self._views.setdefault(name, ServiceView(taken_at=now, since=now))

    def behave(self, service: str, behaviour: Behaviour, revision: Revision | None = None) -> None:
        """Script what containers do that are created from now on; without a revision, of all that have no own line."""
        self.containers.script[(service, revision or Revision(""))] = behaviour

    def set_image(self, service: str, image: ImageId | None) -> None:
        """What the service's image name stands for from now on; None: there is none."""
        self._views[service] = replace(self._views.get(service, ServiceView()), image_id=image)

    def look_again(self) -> None:
        """The containers were put there from outside: make all views anew, and tell of all."""
        self._stale.update(dict.fromkeys(record.service for record in self.containers.all()))
        self._news.update(dict.fromkeys(self._views))

    def find(self, replica: ReplicaId) -> Record | None:
        return self.containers.find(replica)

    def advance(self, now: Instant) -> None:
        """Let everything happen that is due."""
        self.processes.advance(now)
        for record in self.processes.gone:
            self.containers.forget(record)
        self.processes.gone.clear()
        if self.processes.touched:
            self._stale.update(self.processes.touched)
            self._news.update(self.processes.touched)
            self.processes.touched.clear()

    def shift(self, seconds: float) -> None:
        """The clock is set: what is dated stays; what is to come, and our looks, keep their distance from now."""
        for service, view in self._views.items():
            self._views[service] = replace(view, taken_at=view.taken_at + seconds)
        self._busy = {service: until + seconds for service, until in self._busy.items()}
        for service, coming in self._arrivals.items():
            self._arrivals[service] = [(at + seconds, name, image) for at, name, image in coming]
        self.processes.shift(seconds)

    def is_busy(self, service: str, now: Instant) -> bool:
        """Whether a call for the service is not over yet."""
        return self._busy.get(service, now) > now + HAIR

    def view(self, service: str, now: Instant) -> ServiceView:
        """What a look at the service shows; of one with a call under way, what it showed before."""
        self.advance(now)
        if service in self._stale and not self.is_busy(service, now):
            del self._stale[service]
            old = self._views.get(service) or ServiceView(taken_at=now, since=now)
            replicas = tuple(record.freeze() for record in self.containers.of(service))
            if len(replicas) > 1:
                replicas = tuple(sorted(replicas, key=_in_order))
            self._views[service] = ServiceView(
                replicas, now, old.since, old.complete, old.image_id, old.pulled, old.trouble,
                taken_ports=old.taken_ports, holders=old.holders, taken_volumes=old.taken_volumes,
            )  # fmt: skip
            self._arrive(service, now)
        return self._views.get(service) or ServiceView(taken_at=now, since=now)

    def _arrive(self, service: str, now: Instant) -> None:
        if service not in self._arrivals:
            return  # nearly always
        coming = self._arrivals.pop(service)
        for _, name, image in (one for one in coming if one[0] <= now + HAIR):
            view = self._views[service]
            self._views[service] = replace(view, image_id=image, pulled=view.pulled | {name})
        if left := [one for one in coming if one[0] > now + HAIR]:
            self._arrivals[service] = left

    def observe(self, now: Instant) -> Mapping[str, ServiceView]:
        """All services; unchanged ones keep the view that they had."""
        self.advance(now)
        for service in tuple(self._stale):
            self.view(service, now)
        return dict(self._views)

    def changed(self, now: Instant) -> tuple[str, ...]:
        """Services whose view changed since this was last asked, each once; those with a call under way come later."""
        self.advance(now)
        news = tuple(service for service in self._news if not self.is_busy(service, now))
        for service in news:
            del self._news[service]
        return news

    def next_change(self, now: Instant) -> Instant | None:
        """When something will change by itself, or a call is over; `now` if `changed` has news; None: never."""
        self.advance(now)
        if any(not self.is_busy(service, now) for service in self._news):
            return now
        return self.processes.peek()

    def perform(self, steps: Sequence[Step], now: Instant) -> tuple[Outcome, ...]:
        """Do the steps one after another from `now`; after one that fails the rest is skipped.

        Fetches keep no service busy: their images are simply here at their end.
        """
        services = tuple(dict.fromkeys(step.service for step in steps))
        for service in services:
            self.view(service, now)
        outcomes: list[Outcome] = []
        at, failed = now, False
        for step in steps:
            outcome = skipped(step) if failed else self._do(step, at)
            failed = outcome.result is not Result.DONE
            at += outcome.seconds
            outcomes.append(outcome)
        for service in services:
            self.processes.look(service, at)
        for step in split_fetches(steps)[1]:
            self._busy[step.service] = at
        return tuple(outcomes)

    def _do(self, step: Step, at: Instant) -> Outcome:
        match step:
            case Pull() | Build():
                return self._fetch(step, at)
            case Create():
                image = step.image_id or self._views.get(step.service, ServiceView()).image_id
                return self._calls.create(step, image, at)
            case _:
                return self._calls.act(step, at)

    def _fetch(self, step: Fetch, at: Instant) -> Outcome:
        seconds = self.containers.seconds(step.service, Span.PULL if isinstance(step, Pull) else Span.BUILD)
        view = self._views.get(step.service, ServiceView())
        image = view.image_id or ImageId(f"sha256:simulated-{step.image}")
        self._arrivals.setdefault(step.service, []).append((at + seconds, step.image, image))
        self._stale[step.service] = None
        return Outcome(step, Result.DONE, seconds=seconds)


def _in_order(replica: Replica) -> tuple[int, Instant, ReplicaId]:
    return (replica.number, replica.created_at, replica.id)
