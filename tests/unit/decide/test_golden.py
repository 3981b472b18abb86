"""Golden rehearsals: with fixed timings a plan is the same text, byte for byte.

`UPDATE_GOLDEN=1 pytest tests/unit/decide/test_golden.py` writes the texts anew; read the difference before you keep it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from controller.decide.adoption import judge_adoption
from controller.decide.rehearsal import rehearse
from controller.decide.world import World, make_world
from controller.engines.simulated_world import Simulation
from controller.model.decision import History
from controller.model.desired import (
    DesiredService,
    DesiredStack,
    DockerRestart,
    Leaving,
    Order,
    StackPolicy,
    StartupMode,
    UpdatePolicy,
)
from controller.model.names import Revision
from controller.model.observed import ServiceView
from controller.model.plan import Plan
from controller.model.timings import Span, Timings
from tests.builders import (
    COMPLETED,
    HEALTHY,
    NOW,
    STARTED,
    checked,
    empty_views,
    exited,
    healthy,
    job,
    service,
    stack,
    template,
    timings,
    view,
)

pytestmark = pytest.mark.unit

GOLDEN = Path(__file__).parent / "golden"
CALLS = {Span.CREATE: 0.1, Span.START: 0.3, Span.STOP: 0.4, Span.REMOVE: 0.1, Span.PULL: 8.0}


def learned(**ready: float) -> Timings:
    return timings(**{name: {**CALLS, Span.READY: seconds} for name, seconds in ready.items()})


TIMES = learned(qdrant=0.9, redis=0.3, postgresql=2.2, prometheus=1.1, grafana=3.0, rag_server=1.4)


def rag(**changes: DesiredService) -> DesiredStack:
    """The six services of the sample stack."""
    services = {
        "grafana": checked("grafana", needs={"prometheus": HEALTHY}),
        "postgresql": checked("postgresql"),
        "prometheus": checked("prometheus"),
        "qdrant": checked("qdrant"),
        "rag-server": server(),
        "redis": checked("redis", docker_restart=DockerRestart.UNLESS_STOPPED),
    }
    return stack(*{**services, **changes}.values(), name="rag")


def server(replicas: int = 1, revision: str = "v1", **others) -> DesiredService:
    needs = {"prometheus": STARTED, "qdrant": HEALTHY, "redis": HEALTHY}
    return checked("rag-server", replicas, revision, needs=needs, priority=10, **others)


def running(wanted: DesiredStack) -> dict[str, ServiceView]:
    return {
        name: view(
            *(healthy(n + 1, want.revision, service=name, name=f"rag-{name}-{n + 1}") for n in range(want.replicas))
        )
        for name, want in wanted.services.items()
    }


def known(wanted: DesiredStack, **others) -> dict[str, History]:
    return {name: History(good=s.revision, adopted_at=0.0, **others) for name, s in wanted.services.items()}


def plan_of(
    wanted: DesiredStack,
    views: dict[str, ServiceView] | None = None,
    learned_times: Timings = TIMES,
    prepare: Callable[[World], None] = lambda _: None,
) -> Plan:
    world = make_world(wanted, lambda name: learned_times.usual(name, Span.READY) or 1.0)
    found = dict(empty_views(wanted) if views is None else views)
    world.views = found
    prepare(world)
    return rehearse(world, Simulation(world.desired, found, learned_times, NOW), NOW)


def cold_start() -> Plan:
    return plan_of(rag())


def cold_start_never_measured() -> Plan:
    return plan_of(rag(), learned_times=Timings())


def cold_start_without_images() -> Plan:
    wanted = rag()
    return plan_of(wanted, {name: view(image_id=None) for name in wanted.services})


def cold_start_sequential() -> Plan:
    return plan_of(replace(rag(), policy=StackPolicy(mode=StartupMode.SEQUENTIAL)))


def cold_start_two_at_a_time() -> Plan:
    return plan_of(replace(rag(), policy=StackPolicy(max_parallel=2)))


def scale_up() -> Plan:
    return plan_of(rag(**{"rag-server": server(3)}), running(rag()))


def scale_down() -> Plan:
    return plan_of(rag(), running(rag(**{"rag-server": server(3)})))


def update_one_service() -> Plan:
    return plan_of(rag(redis=checked("redis", revision="v2")), running(rag()))


def update_three_replicas() -> Plan:
    before = rag(**{"rag-server": server(3)})
    return plan_of(
        rag(**{"rag-server": server(3, "v2")}), running(before), prepare=lambda w: w.histories.update(known(before))
    )


def update_start_first() -> Plan:
    before = rag(**{"rag-server": server(2)})
    return plan_of(rag(**{"rag-server": server(2, "v2", update=UpdatePolicy(Order.START_FIRST))}), running(before))


def update_of_all() -> Plan:
    before = rag()
    after = {
        name: replace(s, revision=Revision("v2"), template=template(name, "v2")) for name, s in before.services.items()
    }
    return plan_of(replace(before, services=after), running(before))


def stop_in_reverse() -> Plan:
    def prepare(world: World) -> None:
        world.histories.update(known(world.desired, stopped="StoppedByUser"))

    return plan_of(rag(), running(rag()), prepare=prepare)


def start_after_a_stop() -> Plan:
    wanted = rag()
    down = {n: view(exited(service=n, exit_code=0, check=checked().readiness)) for n in wanted.services}

    def prepare(world: World) -> None:
        lives = {n: {f"{n}-1-id": NOW - 100} for n in wanted.services}
        world.histories.update({n: History(good="v1", adopted_at=0.0, put_down=lives[n]) for n in wanted.services})

    return plan_of(wanted, down, prepare=prepare)


def switch_to_the_minimal_profile() -> Plan:
    wanted = rag()
    minimal = {
        name: s if name in ("qdrant", "redis") else replace(s, replicas=0, leaving=Leaving.OUT_OF_PROFILE)
        for name, s in wanted.services.items()
    }
    return plan_of(replace(wanted, services=minimal), running(wanted))


def adoption_of_what_is_as_wanted() -> Plan:
    def prepare(world: World) -> None:
        assert judge_adoption(world, "") is None

    return plan_of(rag(), running(rag()), prepare=prepare)


def adoption_that_would_replace() -> Plan:
    def prepare(world: World) -> None:
        world.hold = judge_adoption(world, "The Compose file was edited since.")

    return plan_of(rag(redis=checked("redis", revision="v2")), running(rag()), prepare=prepare)


def one_killed_one_paused() -> Plan:
    views = running(rag())
    views["redis"] = view(exited(service="redis", exit_code=137, check=checked().readiness))

    def prepare(world: World) -> None:
        world.histories.update(known(world.desired))
        world.histories["grafana"] = History(adopted_at=0.0, paused=True)

    return plan_of(rag(), views, prepare=prepare)


def migrations() -> DesiredStack:
    return stack(
        checked("api", 2, needs={"migrate": COMPLETED, "db": HEALTHY}),
        checked("db"),
        job("migrate", needs={"db": HEALTHY}),
        service("proxy", needs={"api": HEALTHY}),
        name="shop",
    )


MIGRATION_TIMES = timings(
    api={**CALLS, Span.READY: 1.0},
    db={**CALLS, Span.READY: 2.0},
    migrate={**CALLS, Span.RUN: 4.0},
    proxy=CALLS,
)


def job_before_its_dependents() -> Plan:
    return plan_of(migrations(), learned_times=MIGRATION_TIMES)


def release_with_a_migration() -> Plan:
    before = migrations()
    views = running(before)
    views["migrate"] = view(exited(service="migrate", exit_code=0))
    after = {
        name: replace(s, revision=Revision("v2"), template=template(name, "v2")) if name in ("api", "migrate") else s
        for name, s in before.services.items()
    }

    def prepare(world: World) -> None:
        world.histories.update(known(before))
        world.histories["migrate"] = History(good="v1", adopted_at=0.0, completed="v1")

    return plan_of(replace(before, services=after), views, MIGRATION_TIMES, prepare)


SCENES = (
    cold_start,
    cold_start_never_measured,
    cold_start_without_images,
    cold_start_sequential,
    cold_start_two_at_a_time,
    scale_up,
    scale_down,
    update_one_service,
    update_three_replicas,
    update_start_first,
    update_of_all,
    stop_in_reverse,
    start_after_a_stop,
    switch_to_the_minimal_profile,
    adoption_of_what_is_as_wanted,
    adoption_that_would_replace,
    one_killed_one_paused,
    job_before_its_dependents,
    release_with_a_migration,
)


def text_of(plan: Plan) -> str:
    lines = [(step.at, f"{step.action:<8}{step.replica or step.service:<16}{step.because}") for step in plan.steps]
    waits = [(w.at, f"wait    {w.service:<16}for {w.waits_for}, {_seconds(w.seconds)}") for w in plan.waits]
    body = [
        f"{_seconds(at):>8}  {line}".rstrip() for at, line in sorted(lines + waits, key=lambda line: line[0] or 0.0)
    ]
    held = [f"    held  {held.service or 'the stack'}: {held.reason} {held.message}".rstrip() for held in plan.held]
    down = ", ".join(f"{name} {_seconds(seconds)}" for name, seconds in plan.downtime.items()) or "none"
    end = f"{len(plan.steps)} steps in {_seconds(plan.seconds)}, downtime {down}, settles: {plan.settles}"
    return "\n".join([*body, *held, end]) + "\n"


def _seconds(seconds: float | None) -> str:
    return "?" if seconds is None else f"{seconds:.2f}s"


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_the_plan_is_the_golden_text(scene: Callable[[], Plan]) -> None:
    path = GOLDEN / f"{scene.__name__}.txt"
    text = text_of(scene())
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


def test_every_golden_text_has_its_scene() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == {scene.__name__ for scene in SCENES}
