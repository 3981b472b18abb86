"""Random stacks and what happens to them; chance comes from the seed alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from controller.engines.simulated_behaviour import Behaviour, crash_after, job_fails
from controller.engines.simulated_faults import Faults
from controller.engines.simulated_hands import Hands
from controller.model.desired import (
    Condition,
    DesiredService,
    DesiredStack,
    DockerRestart,
    Leaving,
    Need,
    Order,
    StackPolicy,
    StartupMode,
    UpdatePolicy,
)
from controller.model.names import Revision
from controller.model.observed import Health, Mount, Replica, ReplicaPhase, ServiceView
from controller.model.timings import Span, Timings
from tests.builders import IMAGE, NOW, empty_views, probe, replica, service, stack, template, timings, view
from tests.property.play import Play


def random_stack(random: Random, *, share_namespaces: bool = True) -> DesiredStack:
    services: list[DesiredService] = []
    for number in range(random.randint(2, 7)):
        services.append(_random_service(random, f"s{number}", services, share_namespaces))
    mode = StartupMode.SEQUENTIAL if random.random() < 0.2 else StartupMode.PARALLEL
    limit = random.choice((None, None, 1, 2, 3))
    return stack(*services, policy=StackPolicy(mode=mode, max_parallel=limit))


def _random_service(random: Random, name: str, before: list[DesiredService], shares: bool) -> DesiredService:
    chosen = random.sample(before, min(len(before), random.choice((0, 1, 1, 2, 3))))
    needs = {other.name: _random_need(random, other) for other in sorted(chosen, key=lambda s: s.name)}
    if random.random() < 0.15:
        return service(name, 1, "v1", is_job=True, needs=needs)
    owners = [other for other in chosen if other.replicas == 1 and not other.is_job and other.namespace_of is None]
    owner = owners[0].name if shares and owners and random.random() < 0.25 else None
    order = (
        random.choice((Order.STOP_FIRST, Order.STOP_FIRST, Order.START_FIRST)) if owner is None else Order.STOP_FIRST
    )
    return service(
        name,
        1 if owner else random.choice((1, 1, 2, 3)),
        "v1",
        needs=needs,
        readiness=probe() if random.random() < 0.7 else None,
        update=UpdatePolicy(
            order=order, parallelism=random.choice((0, 1, 1, 2)), monitor=random.choice((0.0, 1.0, 5.0))
        ),
        priority=random.choice((0, 0, 5)),
        docker_restart=random.choice((DockerRestart.NO, DockerRestart.UNLESS_STOPPED, DockerRestart.ON_FAILURE)),
        namespace_of=owner,
        is_job=False,
    )


def _random_need(random: Random, other: DesiredService) -> Need:
    if other.is_job:
        return Need(Condition.COMPLETED)
    return Need(random.choice((Condition.STARTED, Condition.HEALTHY)), restart=random.random() < 0.2)


def random_leftovers(random: Random, wanted: DesiredStack) -> dict[str, ServiceView]:
    """What somebody else left behind: right and foreign containers in every phase, numbers with gaps."""
    views = dict(empty_views(wanted))
    for name, want in wanted.services.items():
        if want.namespace_of is None and random.random() < 0.8:
            numbers = random.sample(range(1, 7), random.randint(0, 4))
            found = (_random_replica(random, want, number) for number in numbers)
            views[name] = view(*found, since=NOW, image_id=random.choice((None, IMAGE, IMAGE)))
    return views


def _random_replica(random: Random, want: DesiredService, number: int) -> Replica:
    phase = random.choice([*ReplicaPhase, *[ReplicaPhase.RUNNING] * 4])
    checked = want.readiness is not None and phase is ReplicaPhase.RUNNING
    health = random.choice((Health.HEALTHY, Health.STARTING, Health.UNHEALTHY)) if checked else Health.NONE
    return replica(
        number,
        random.choice(("v1", "v1", "foreign:abc")),
        phase,
        service=want.name,
        health=health,
        ready_since=NOW - 50 if health is Health.HEALTHY else None,
        mounts=(Mount("/data", f"{want.name}-{number}"),) if random.random() < 0.3 else (),
    )


def random_timings(random: Random, wanted: DesiredStack) -> Timings:
    spans = {
        name: {
            Span.CREATE: random.uniform(0.02, 0.5),
            Span.START: random.uniform(0.05, 0.8),
            Span.READY: random.uniform(0.1, 8.0),
            Span.STOP: random.uniform(0.05, 3.0),
            Span.REMOVE: random.uniform(0.01, 0.3),
            Span.PULL: random.uniform(0.5, 5.0),
            Span.RUN: random.uniform(0.5, 20.0),
        }
        for name in wanted.services
    }
    jobs = {name for name, wanted_one in wanted.services.items() if wanted_one.is_job}
    return timings(
        **{n: {s: t for s, t in known.items() if s is not Span.RUN or n in jobs} for n, known in spans.items()}
    )


def random_faults(random: Random) -> Faults:
    """Up to some of everything that an engine does wrong, for the first ten minutes."""

    def some(most: float) -> float:
        return random.choice((0.0, random.uniform(0.0, most)))

    away = random.uniform(5.0, 200.0)
    return Faults(
        seed=random.randrange(1 << 30),
        slow=random.choice((0.0, 0.0, 2.0)),
        transient=some(0.2),
        unknown=some(0.2),
        conflict=some(0.1),
        partial=some(0.4),
        stale=some(0.3),
        lost=some(0.3),
        doubled=some(0.3),
        late=some(0.3),
        away=((NOW + away, NOW + away + random.choice((3.0, 60.0, 400.0))),) if random.random() < 0.3 else (),
    )


class Fate:
    """What happens to a stack from outside, at random instants within `span` seconds."""

    def __init__(self, play: Play, random: Random, span: float) -> None:
        self.play, self.random, self.span = play, random, span
        self.hands = Hands(play.simulation)
        self.generation = 1

    def strike(self, times: int, *kinds: str) -> None:
        for _ in range(times):
            self.play.at(NOW + self.random.uniform(0.0, self.span), getattr(self, self.random.choice(kinds)))

    # --- people and accidents

    def kill(self) -> None:
        self._hand(self.hands.kill)

    def crash(self) -> None:
        self._hand(self.hands.crash)

    def remove(self) -> None:
        self._hand(self.hands.remove)

    def freeze(self) -> None:
        self._hand(self.hands.pause)

    def sicken(self) -> None:
        self._hand(self.hands.sicken)

    def die(self) -> None:
        """The controller is killed and comes back at once."""
        self.play.restart()

    def stop_and_start(self) -> None:
        name = self._name()
        self.play.wish(name, stopped="StoppedByUser")
        self.play.at(self.play.now + self.random.uniform(0.0, 30.0), lambda: self._again(name, stopped=""))

    def pause_and_resume(self) -> None:
        name = self._name()
        self.play.wish(name, paused=True)
        self.play.at(self.play.now + self.random.uniform(0.0, 30.0), lambda: self._again(name, paused=False))

    # --- newer generations

    def edit(self) -> None:
        self.generation += 1
        self._change(self._name(), revision=Revision(f"v{self.generation}"))

    def edit_some(self) -> None:
        """Several services at once, as a changed variable does."""
        self.generation += 1
        for name in tuple(self.play.world.desired.services):
            if self.random.random() < 0.5:
                self._change(name, revision=Revision(f"v{self.generation}"))

    def scale(self) -> None:
        name = self._name()
        wanted = self.play.world.desired.services[name]
        if not wanted.is_job and wanted.namespace_of is None and not self._is_shared(name):
            self._change(name, replicas=self.random.choice((1, 2, 3, 4)))

    def leave_and_return(self) -> None:
        name = self._name()
        before = self.play.world.desired.services[name]
        if before.leaving is not None or self._is_shared(name):
            return
        self._change(name, leaving=Leaving.OUT_OF_PROFILE, replicas=0)
        later = self.play.now + self.random.uniform(0.0, 40.0)
        self.play.at(later, lambda: self._change(name, leaving=None, replicas=before.replicas))

    def _change(self, name: str, **fields: object) -> None:
        desired = self.play.world.desired
        changed = replace(desired.services[name], **fields)
        made = template(name, changed.revision, namespace_of=changed.namespace_of)
        services = {**desired.services, name: replace(changed, template=made)}
        self.play.retarget(replace(desired, services=services, generation=desired.generation + 1))

    def _again(self, name: str, **fields: object) -> None:
        if name in self.play.world.desired.services:
            self.play.wish(name, **fields)

    def _is_shared(self, name: str) -> bool:
        return any(other.namespace_of == name for other in self.play.world.desired.services.values())

    def _name(self) -> str:
        return self.random.choice(sorted(self.play.world.desired.services))

    def _hand(self, act: Callable[..., None]) -> None:
        records = list(self.play.simulation.containers.all())
        if records:
            act(self.random.choice(records).base.id, self.play.now)


def misbehave(play: Play, random: Random) -> None:
    """Some revisions crash a few times before they are fine, some jobs fail at first; servers may say 0 at a stop."""
    for name, wanted in play.world.desired.services.items():
        if random.random() < 0.3:
            behaviour = job_fails(random.randint(1, 3)) if wanted.is_job else _some_crashes(random)
            play.simulation.behave(name, behaviour, Revision(random.choice(("v1", "v2", "v3"))))


def _some_crashes(random: Random) -> Behaviour:
    return crash_after(random.uniform(0.1, 20.0), random.choice((0, 1, 137)), lives=random.randint(1, 5))
