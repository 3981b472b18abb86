"""A world that misbehaves: each fault alone, struck for certain, judged by what is shown and what truly is."""

from __future__ import annotations

import pytest

from controller.engines.simulated_faults import Faults, FaultyWorld
from controller.engines.simulated_world import Simulation
from controller.model.errors import Transient
from controller.model.observed import ReplicaPhase
from controller.model.steps import Result
from controller.model.timings import Span
from tests.builders import NOW, create, replica, service, stack, start, stop, timings, view

pytestmark = pytest.mark.unit

CALLS = timings(web={Span.CREATE: 0.1, Span.START: 0.2, Span.STOP: 0.5})


def spoiled(*replicas, **faults) -> tuple[Simulation, FaultyWorld]:
    world = Simulation(stack(service()), {"web": view(*replicas)}, CALLS, NOW)
    return world, FaultyWorld(world, Faults(**faults))


def results(outcomes) -> list[Result]:
    return [outcome.result for outcome in outcomes]


def test_without_faults_it_is_the_world_itself() -> None:
    (plain, _), (other, faulty) = spoiled(replica(1)), spoiled(replica(1))
    assert faulty.perform([stop("web-1-id")], NOW) == plain.perform([stop("web-1-id")], NOW)
    assert faulty.next_change(NOW) == plain.next_change(NOW)
    over = NOW + 0.5
    assert set(faulty.changed(over)) == set(plain.changed(over)) == {"web"}
    assert faulty.view("web", over) == plain.view("web", over) == other.view("web", over)


def test_a_transient_call_has_no_effect() -> None:
    world, faulty = spoiled(transient=1.0)
    assert results(faulty.perform([create(1)], NOW)) == [Result.TRANSIENT]
    assert world.view("web", NOW + 9).replicas == ()


def test_an_unknown_call_has_its_effect_but_does_not_say_so() -> None:
    world, faulty = spoiled(unknown=1.0)
    (outcome,) = faulty.perform([create(1)], NOW)
    assert (outcome.result, outcome.replica) == (Result.TRANSIENT, None)
    assert len(world.view("web", NOW + 9).replicas) == 1


@pytest.mark.parametrize("fault", ["transient", "unknown"])
def test_steps_after_the_one_that_fails_are_not_done(fault: str) -> None:
    world, faulty = spoiled(replica(1), replica(2), replica(3), seed=3, **{fault: 1.0})
    outcomes = faulty.perform([stop(f"web-{number}-id", number) for number in (1, 2, 3)], NOW)
    at = results(outcomes).index(Result.TRANSIENT)
    assert results(outcomes) == [Result.DONE] * at + [Result.TRANSIENT] + [Result.SKIPPED] * (2 - at)
    ended = [seen.phase is ReplicaPhase.EXITED for seen in world.view("web", NOW + 9).replicas]
    assert sum(ended) == at + (fault == "unknown")


def test_a_conflict_leaves_all_as_it_was() -> None:
    world, faulty = spoiled(replica(1), conflict=1.0)
    assert results(faulty.perform([stop("web-1-id"), start("web-1-id")], NOW)) == [Result.CONFLICT, Result.SKIPPED]
    assert world.view("web", NOW + 9).replicas == (replica(1),)


def test_slow_calls_keep_their_service_busy_and_their_end_is_told() -> None:
    _, faulty = spoiled(replica(1), slow=30.0, lost=1.0)
    outcomes = faulty.perform([stop("web-1-id")], NOW)
    over = NOW + outcomes[0].seconds
    assert over == pytest.approx(NOW + 30.5)
    assert faulty.is_busy("web", NOW + 30) and not faulty.is_busy("web", over)
    assert (faulty.changed(NOW + 30), faulty.changed(over)) == ((), ("web",))


def test_a_partial_look_says_so_and_a_vanished_one_does_not() -> None:
    _, partial = spoiled(*(replica(number) for number in range(1, 9)), partial=1.0)
    seen = partial.view("web", NOW)
    assert not seen.complete and [one.number for one in seen.replicas] == list(range(1, 9))
    assert 0 < sum(one.started_at is None for one in seen.replicas) < 8
    _, vanished = spoiled(replica(1), vanished=1.0)
    assert (vanished.view("web", NOW).replicas, vanished.view("web", NOW).complete) == ((), True)


def test_a_stale_look_repeats_the_last_one_with_its_date() -> None:
    world, faulty = spoiled(replica(1), stale=1.0)
    before = faulty.view("web", NOW)
    world.perform([stop("web-1-id")], NOW)
    assert faulty.view("web", NOW + 9) is before
    assert world.view("web", NOW + 9) != before


@pytest.mark.parametrize(
    ("faults", "told"),
    [
        pytest.param({"lost": 1.0}, [(), ()], id="lost"),
        pytest.param({"doubled": 1.0}, [("web", "web"), ()], id="doubled"),
        pytest.param({"late": 1.0, "late_by": 3.0}, [(), ("web",)], id="late"),
    ],
)
def test_events_get_lost_doubled_or_late(faults: dict[str, float], told: list[tuple[str, ...]]) -> None:
    world, faulty = spoiled(replica(1), **faults)
    world.perform([stop("web-1-id")], NOW)
    assert [faulty.changed(NOW + 1), faulty.changed(NOW + 4)] == told


def test_an_absence_fails_everything_and_ends_with_a_look_at_all() -> None:
    world, faulty = spoiled(replica(1), away=((NOW + 10, NOW + 20),))
    assert faulty.changed(NOW + 1) == ()
    assert faulty.next_change(NOW + 12) == NOW + 20
    assert results(faulty.perform([stop("web-1-id")], NOW + 12)) == [Result.TRANSIENT]
    with pytest.raises(Transient, match="away"):
        faulty.view("web", NOW + 12)
    world.perform([stop("web-1-id")], NOW + 13)
    assert faulty.changed(NOW + 14) == ()
    assert faulty.changed(NOW + 20) == ("web",)
    assert faulty.view("web", NOW + 20).since == NOW + 20


def test_chance_can_be_repeated() -> None:
    def play(seed: int) -> list[object]:
        _, faulty = spoiled(*(replica(n) for n in range(1, 5)), seed=seed, partial=0.5, stale=0.3, vanished=0.1)
        return [faulty.view("web", NOW + at).replicas for at in range(20)]

    assert play(7) == play(7)
    assert play(7) != play(8)
