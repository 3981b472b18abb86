"""How often a crash loop is tried: pauses grow, are capped, are forgiven after a good while, and outlive a restart."""

from dataclasses import replace
from itertools import pairwise

import pytest

from controller.engines.simulated_behaviour import Behaviour, crash_after, job_fails, never_ready
from controller.engines.simulated_faults import Faults
from controller.model.desired import Backoff
from controller.model.phases import Phase
from tests.builders import NOW, checked, job, service, stack
from tests.property.bringing import life_of, live, starts
from tests.property.life import Event, begin
from tests.property.play import Play

pytestmark = pytest.mark.unit

HOUR = 3600.0
DEATHS = tuple(Event(at, "die") for at in range(100, 3600, 217))


def tries(play: Play, until: float) -> list[float]:
    """When the processes of `web` began, in seconds."""
    begun: list[float] = []
    while play.now < NOW + until:
        play.run(play.now + 0.25)
        begun += [
            record.started_at - NOW
            for record in play.simulation.containers.of("web")
            if record.started_at is not None and record.started_at - NOW not in begun
        ]
    return begun


@pytest.mark.fault("W2")
@pytest.mark.parametrize("deaths", [(), DEATHS], ids=["the controller lives", "the controller dies again and again"])
@pytest.mark.parametrize("after", [0.0, 0.6, 5.0])
def test_a_crash_loop_is_tried_at_most_twenty_times_in_its_first_hour(after: float, deaths: tuple[Event, ...]) -> None:
    play = begin(life_of(stack(service()), *deaths, behaviours={("web", ""): crash_after(after)}))
    begun = tries(play, HOUR)
    gaps = [later - earlier for earlier, later in pairwise(begun)]
    assert len(begun) - 1 <= 20
    assert all(later >= earlier - 0.5 for earlier, later in pairwise(gaps[1:])), gaps
    assert 250.0 <= max(gaps) <= 310.0
    assert play.world.decisions["web"].phase is Phase.CRASH_LOOP


@pytest.mark.fault("W2")
def test_a_crash_loop_is_tried_for_ever_at_the_cap() -> None:
    """A day later as after an hour: once in five minutes, no more and no less."""
    play = begin(life_of(stack(service()), behaviours={("web", ""): crash_after(0.6)}))
    play.run(NOW + 23 * HOUR)
    before = starts(play)["web"]
    last = tries(play, 24 * HOUR)
    gaps = [later - earlier for earlier, later in pairwise(last)]
    assert len(gaps) >= 10 and all(298.0 <= gap <= 310.0 for gap in gaps), gaps
    assert 22 * HOUR / 310 <= before - 1 <= 20 + 22 * HOUR / 298
    assert play.world.decisions["web"].phase is Phase.CRASH_LOOP


def test_who_never_becomes_ready_is_restarted_with_growing_pauses() -> None:
    play = begin(life_of(stack(checked(start_timeout=10.0)), behaviours={("web", ""): never_ready()}))
    begun = tries(play, HOUR)
    gaps = [later - earlier for earlier, later in pairwise(begun)]
    assert 10 < len(begun) <= 25 and max(gaps) <= 315.0 and gaps[-1] > 290.0


def test_pauses_begin_anew_after_ten_good_minutes() -> None:
    play = begin(
        life_of(stack(service()), Event(1000.0, "crash", "web"), behaviours={("web", ""): crash_after(0.5, lives=6)})
    )
    play.run(NOW + 999)
    assert not play.world.histories["web"].restarts
    play.run(NOW + 1001)
    assert starts(play)["web"] == 8, "six crashes, the good life, and the one after it at once"


def test_the_manifests_pauses_are_kept() -> None:
    want = service(backoff=Backoff(initial=5.0, maximum=20.0))
    begun = tries(begin(life_of(stack(want), behaviours={("web", ""): crash_after(0.1)})), 200.0)
    gaps = [round(later - earlier) for earlier, later in pairwise(begun)]
    assert gaps[:5] == [0, 5, 10, 20, 20]


def test_a_job_has_as_many_tries_as_its_backoff_gives_it() -> None:
    wanted = stack(job("web", backoff=Backoff(attempts=3)))
    play = begin(life_of(wanted, *DEATHS, behaviours={("web", ""): job_fails(1000)}))
    play.run(NOW + HOUR)
    assert (starts(play)["web"], play.world.decisions["web"].phase) == (3, Phase.FAILED)


def test_what_the_engine_refuses_for_good_is_asked_for_at_the_longest_pause() -> None:
    play = begin(life_of(stack(service()), behaviours={("web", ""): Behaviour(create_refused=True)}))
    play.run(NOW + HOUR)
    assert 2 <= len(play.done) <= HOUR / 300 + 1


def test_an_engine_that_only_fails_is_asked_less_and_less() -> None:
    play = begin(replace(life_of(stack(service())), faults=Faults(transient=1.0)))
    play.run(NOW + HOUR)
    assert 5 <= len(play.done) <= 21


def test_a_replica_that_ran_longer_than_its_pause_returns_at_once() -> None:
    play = live(life_of(stack(service()), *(Event(100.0 + 40 * n, "crash", "web") for n in range(5))))
    assert starts(play)["web"] == 6
    ready = [record.started_at for record in play.simulation.containers.all()]
    assert ready[0] is not None and ready[0] < NOW + 262
