"""What lives are drawn from: random stacks, times, faults, leftovers and events; chance comes from the seed alone."""

from __future__ import annotations

from random import Random

from controller.engines.simulated_behaviour import Behaviour, crash_after, job_fails
from controller.engines.simulated_faults import Faults
from controller.model.desired import (
    Condition,
    DesiredService,
    DesiredStack,
    DockerRestart,
    Need,
    Order,
    StackPolicy,
    StartupMode,
    UpdatePolicy,
)
from controller.model.observed import Health, Mount, Replica, ReplicaPhase, ServiceView
from controller.model.resources import Optimization
from controller.model.timings import Span, Timings
from tests.builders import IMAGE, NOW, empty_views, probe, replica, service, stack, timings, view
from tests.property.life import Event


def random_stack(random: Random, *, share_namespaces: bool = True) -> DesiredStack:
    services: list[DesiredService] = []
    for number in range(random.randint(2, 7)):
        services.append(_random_service(random, f"s{number}", services, share_namespaces))
    mode = StartupMode.SEQUENTIAL if random.random() < 0.2 else StartupMode.PARALLEL
    limit = random.choice((None, None, 1, 2, 3))
    policy = StackPolicy(mode=mode, max_parallel=limit, optimization=_random_optimization(services))
    return stack(*services, policy=policy)


def _random_optimization(services: list[DesiredService]) -> Optimization:
    """Of a chance of its own: a switch more draws no other world."""
    dice = Random(" ".join(f"{each.name}x{each.replicas} {sorted(each.needs)}" for each in services))
    return Optimization(longest_path_first=dice.random() < 0.7, early_pulls=dice.random() < 0.6)


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
        late_by=random.choice((1.0, 30.0)),
        ahead=random.choice((0.0, 0.0, -0.2, 0.2)),
        away=((NOW + away, NOW + away + random.choice((3.0, 60.0, 400.0))),) if random.random() < 0.3 else (),
    )


# --- what happens to it

ACCIDENTS = ("kill", "crash", "remove", "freeze", "sicken")
CHANGES = ("edit", "scale", "leave", "stop", "pause", "hold")


def draw_events(random: Random, wanted: DesiredStack, times: int, span: float, *acts: str) -> tuple[Event, ...]:
    """So many, at any instant within `span` seconds."""
    return tuple(_draw_event(random, wanted, span, random.choice(acts), number) for number in range(times))


def _draw_event(random: Random, wanted: DesiredStack, span: float, act: str, number: int) -> Event:
    at = round(random.uniform(0.0, span), 2)
    name = random.choice(sorted(wanted.services))
    lasts = round(random.uniform(0.5, 40.0), 2)
    if act == "die":
        return Event(at, act, lasts=random.choice((0.0, 0.0, 1.0, lasts)))
    if act == "set_clock":
        return Event(at, act, number=random.choice((-600.0, -3.0, -0.5, 2.0, 60.0, 86400.0)))
    fits = {"scale": may_scale(wanted, name), "leave": not _is_shared(wanted, name)}
    if act == "edit" or not fits.get(act, True):
        return Event(at, "edit", name, 2 + number)
    if act == "scale":
        return Event(at, act, name, random.choice((1, 2, 3, 4)))
    if act in ("hold", "stop", "pause", "leave"):
        return Event(at, act, "" if act == "hold" else name, lasts=lasts)
    return Event(at, act, name, random.randrange(4))


def edit_some(random: Random, wanted: DesiredStack, at: float, revision: int) -> tuple[Event, ...]:
    """Several services at once, as a changed variable does."""
    return tuple(Event(at, "edit", name, revision) for name in wanted.services if random.random() < 0.5)


def may_scale(wanted: DesiredStack, name: str) -> bool:
    service_ = wanted.services[name]
    return not service_.is_job and service_.namespace_of is None and not _is_shared(wanted, name)


def _is_shared(wanted: DesiredStack, name: str) -> bool:
    return any(other.namespace_of == name for other in wanted.services.values())


def random_misbehaviour(random: Random, wanted: DesiredStack) -> dict[tuple[str, str], Behaviour]:
    """Some revisions crash a few times before they are fine, some jobs fail at first."""
    return {
        (name, random.choice(("v1", "v2", "v3"))): (
            job_fails(random.randint(1, 3)) if service_.is_job else _some_crashes(random)
        )
        for name, service_ in wanted.services.items()
        if random.random() < 0.3
    }


def _some_crashes(random: Random) -> Behaviour:
    """Servers may say 0 at a stop."""
    return crash_after(random.uniform(0.1, 20.0), random.choice((0, 1, 137)), lives=random.randint(1, 5))
