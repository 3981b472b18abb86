"""Nobody watched for longer than each timeout: what went well meanwhile is left, and old deadlines blame nobody."""

import pytest

from controller.engines.simulated_behaviour import crash_after
from controller.model.desired import Order, UpdatePolicy
from tests.builders import NOW, checked, stack
from tests.property.bringing import UP, containers, farm, life_of, live, shop, starts
from tests.property.life import Event, begin

pytestmark = pytest.mark.unit

LENGTHS = pytest.mark.parametrize("seconds", [4.0, 40.0, 130.0, 310.0, 700.0])
"""Longer than the monitor, a start, the start timeout, the longest pause, the time after which tries are forgiven."""


@LENGTHS
@pytest.mark.parametrize("gone", ["the engine", "the controller"])
@pytest.mark.parametrize("begun", [0.0, 1.5, 2.5, 4.0, 9.0])
def test_an_absence_in_mid_update_costs_no_container_and_no_start(seconds: float, gone: str, begun: float) -> None:
    wanted, edit = farm(3, Order.START_FIRST, 1), Event(UP, "edit", "web", 2)
    at = UP + begun
    if gone == "the engine":
        play = live(life_of(wanted, edit, away=(at, at + seconds)))
    else:
        play = live(life_of(wanted, edit, Event(at, "die", lasts=seconds)))
    assert (play.simulation.containers.made, starts(play)["web"]) == (6, 6)


@LENGTHS
@pytest.mark.parametrize("gone", ["the engine", "the controller"])
def test_a_slow_start_gets_its_whole_time_again_after_an_absence(seconds: float, gone: str) -> None:
    """Ready after 100 s watched; the start timeout alone would have ended long ago."""
    wanted = stack(checked("slow", start_timeout=110.0))
    ready = {"slow": seconds + 100.0}
    if gone == "the engine":
        play = live(life_of(wanted, ready=ready, away=(5.0, 5.0 + seconds)))
    else:
        play = live(life_of(wanted, Event(5.0, "die", lasts=seconds), ready=ready))
    assert starts(play)["slow"] == 1


@LENGTHS
def test_a_cold_start_that_was_interrupted_goes_on(seconds: float) -> None:
    play = live(life_of(shop(), Event(3.0, "die", lasts=seconds)))
    assert play.simulation.containers.made == 4
    assert starts(play) == {"db": 1, "migrate": 1, "web": 2}


@LENGTHS
def test_a_job_that_ends_while_nobody_looks_has_ended(seconds: float) -> None:
    play = live(life_of(shop(), Event(4.0, "die", lasts=seconds), Event(4.0 + seconds + 1, "remove", "migrate")))
    assert starts(play)["migrate"] == 1


@LENGTHS
def test_a_crash_loop_is_no_shorter_for_an_absence(seconds: float) -> None:
    wanted = stack(checked("web"))
    life = life_of(wanted, Event(60.0, "die", lasts=seconds), behaviours={("web", ""): crash_after(0.5)})
    play = begin(life)
    play.run(NOW + 60)
    tries = max(grant.tries for grant in play.world.histories["web"].restarts.values())
    play.run(NOW + 60 + seconds + 1)
    assert max(grant.tries for grant in play.world.histories["web"].restarts.values()) in (tries, tries + 1)


def test_a_stack_whose_memory_is_lost_is_left_as_it_runs() -> None:
    """The store loses history, never services: all is current, so nothing is done; a job is known by its container."""
    play = begin(life_of(shop()))
    play.run(NOW + UP)
    before, begun, done = containers(play), starts(play), len(play.done)
    play.world.histories.clear()
    play.restart(after=5.0)
    play.run(NOW + 1500)
    assert (containers(play), starts(play), len(play.done)) == (before, begun, done)


def test_an_update_whose_memory_is_lost_ends_where_it_would_have() -> None:
    play = begin(life_of(farm(3, Order.STOP_FIRST, 1), Event(UP, "edit", "web", 2)))
    play.run(NOW + UP + 3)
    play.world.histories.clear()
    play.restart()
    play.run(NOW + 900)
    play.rules.check_goal()
    assert play.simulation.containers.made == 6


def test_what_is_watched_after_an_update_is_watched_in_full() -> None:
    web = checked("web", 1, update=UpdatePolicy(Order.START_FIRST, 1, monitor=30.0))
    play = begin(life_of(stack(web), Event(UP, "edit", "web", 2), Event(UP + 10, "die", lasts=1.0)))
    play.run(NOW + UP + 25)
    assert play.world.histories["web"].attempt is not None
    play.run(NOW + UP + 60)
    assert play.world.histories["web"].attempt is None
