"""Random stacks with random lives: whatever happens, the same rules hold at every step, and the goal is reached."""

from random import Random

import pytest

from controller.decide.rehearsal import rehearse
from controller.decide.world import make_world
from controller.engines.simulated_behaviour import crash_after, job_fails, never_ready
from controller.engines.simulated_world import Simulation
from controller.model.decision import Phase
from controller.model.observed import ReplicaPhase
from tests.builders import NOW, empty_views
from tests.property.play import Play
from tests.property.rules import floor_of
from tests.property.worlds import Fate, misbehave, random_faults, random_leftovers, random_stack, random_timings

pytestmark = pytest.mark.unit

FEW, MANY = range(35), range(35, 700)
CALM, WILD = 600.0, 4000.0
ACCIDENTS = ("kill", "crash", "remove", "freeze", "sicken")
CHANGES = ("edit", "edit_some", "scale", "leave_and_return", "stop_and_start", "pause_and_resume")


def seeds(test):
    """A few in the fast set, many in the slow one."""
    params = [*FEW, *(pytest.param(seed, marks=pytest.mark.slow) for seed in MANY)]
    return pytest.mark.parametrize("seed", params)(test)


def cold_start(seed: int, until: float = CALM) -> tuple[Play, Random]:
    """A stack that came up with nothing in its way."""
    random = Random(seed)
    wanted = random_stack(random)
    play = Play(wanted, random_timings(random, wanted))
    play.rules.calm = True
    play.run(NOW + until)
    return play, random


@seeds
def test_a_cold_start_reaches_its_goal(seed: int) -> None:
    play, _ = cold_start(seed)
    play.rules.check_goal()
    lives = play.simulation.processes.lives
    for name, want in play.world.desired.services.items():
        assert lives[(name, want.revision)] == want.replicas, f"{name} was started more than once"
    assert play.conflicts == 0


@seeds
def test_the_plan_is_what_is_done(seed: int) -> None:
    """With the same timings the rehearsal takes the very steps of the loop, in the same order within each service."""
    random = Random(seed)
    wanted = random_stack(random)
    learned = random_timings(random, wanted)
    views = random.choice((empty_views(wanted), random_leftovers(random, wanted)))
    play = Play(wanted, learned, views=views)
    play.run(NOW + CALM)
    plan = rehearse(make_world(wanted), Simulation(wanted, views, learned, NOW), NOW)
    assert plan.settles
    for name in wanted.services:
        planned = [(step.action, step.replica) for step in plan.steps if step.service == name]
        done = [(action, number and f"{name}-{number}") for service, action, number in play.done if service == name]
        assert planned == done


@seeds
def test_an_update_of_what_runs_well_keeps_its_floor(seed: int) -> None:
    play, random = cold_start(seed)
    play.rules.calm = False
    fate = Fate(play, random, 0.0)
    fate.edit_some()
    edited = {
        name
        for name, want in play.world.desired.services.items()
        if not want.is_job and not any(need.restart for need in want.needs.values()) and want.namespace_of is None
    }
    least = {name: play.rules.serving(name) for name in edited}
    while play.now < NOW + CALM + 400:
        play.run(play.now + 0.5)
        least = {name: min(least[name], play.rules.serving(name)) for name in edited}
    play.rules.check_goal()
    for name in edited:
        want = play.world.desired.services[name]
        assert least[name] >= floor_of(want), f"{name}: {least[name]} of {want.replicas} served"


@seeds
def test_a_job_that_succeeds_runs_once_for_each_revision(seed: int) -> None:
    play, random = cold_start(seed)
    fate = Fate(play, random, 0.0)
    for _ in range(6):
        random.choice((fate.edit_some, fate.die, fate.scale, fate.stop_and_start, fate.leave_and_return))()
        play.run(play.now + 300)
    play.rules.check_goal()
    for (name, revision), count in play.simulation.processes.lives.items():
        if play.world.desired.services[name].is_job:
            assert count == 1, f"{name} {revision} ran {count} times"


@seeds
def test_whatever_happens_the_goal_is_reached(seed: int) -> None:
    random = Random(seed)
    wanted = random_stack(random)
    play = Play(wanted, random_timings(random, wanted))
    misbehave(play, random)
    fate = Fate(play, random, 400.0)
    fate.strike(random.randint(0, 8), *ACCIDENTS)
    fate.strike(random.randint(0, 5), *CHANGES)
    fate.strike(random.randint(0, 3), "die")
    play.run(NOW + WILD)
    play.rules.check_goal()


@seeds
def test_who_never_recovers_holds_up_only_who_needs_it(seed: int) -> None:
    random = Random(seed)
    wanted = random_stack(random)
    play = Play(wanted, random_timings(random, wanted))
    lost = random.choice(sorted(wanted.services))
    hopeless = job_fails(1000) if wanted.services[lost].is_job else random.choice((crash_after(0.7), never_ready()))
    play.simulation.behave(lost, hopeless)
    fate = Fate(play, random, 100.0)
    fate.strike(random.randint(0, 2), "edit_some", "scale", "die")
    play.run(NOW + WILD)
    concerned = {lost}
    for name in play.world.graph.order:
        if concerned & set(play.world.graph.needs[name]):
            concerned.add(name)
    play.rules.check_services(name for name in wanted.services if name not in concerned)
    assert play.world.decisions[lost].phase not in (Phase.COMPLETED, Phase.READY) or not wanted.services[lost].readiness


@seeds
def test_an_engine_that_lies_and_fails_delays_but_never_doubles(seed: int) -> None:
    random = Random(seed)
    wanted = random_stack(random)
    play = Play(wanted, random_timings(random, wanted), random_faults(random))
    misbehave(play, random)
    fate = Fate(play, random, 300.0)
    fate.strike(random.randint(0, 4), *ACCIDENTS, *CHANGES, "die")
    play.run(NOW + 1000)
    play.bed = play.simulation
    play.restart()
    play.run(NOW + WILD)
    play.rules.check_goal()


@seeds
def test_whatever_was_left_behind_is_brought_into_shape(seed: int) -> None:
    random = Random(seed)
    wanted = random_stack(random)
    play = Play(wanted, random_timings(random, wanted), views=random_leftovers(random, wanted))
    fate = Fate(play, random, 60.0)
    fate.strike(random.randint(0, 2), *CHANGES, "die")
    play.run(NOW + WILD)
    play.rules.check_goal()


@seeds
def test_a_controller_that_dies_at_any_instant_makes_no_container_more(seed: int) -> None:
    """Killed again and again in mid-update, it ends where it would have ended, with as many creates."""

    def made(deaths: int) -> tuple[int, list[tuple[str, str]]]:
        play, random = cold_start(seed, 200.0)
        play.rules.calm = False
        fate = Fate(play, random, 0.0)
        fate.edit_some()
        chance = Random(seed + 1)
        for _ in range(deaths):
            play.at(play.now + chance.uniform(0.0, 30.0), play.restart)
        play.run(play.now + CALM)
        play.rules.check_goal()
        views = play.simulation.observe(play.now)
        end = [(r.service, str(r.revision)) for view in views.values() for r in view.replicas]
        return play.simulation.containers.made, sorted(end)

    undisturbed, killed = made(0), made(6)
    assert killed[1] == undisturbed[1]
    assert killed[0] == undisturbed[0]


@seeds
def test_stopping_everything_goes_in_reverse_and_starting_comes_back(seed: int) -> None:
    play, _ = cold_start(seed)
    for name in play.world.desired.services:
        play.wish(name, stopped="StoppedByUser")
    play.run(play.now + CALM)
    play.rules.check_goal()
    ends = {}
    for name, view in play.simulation.observe(play.now).items():
        assert all(replica.phase is not ReplicaPhase.RUNNING for replica in view.replicas)
        ends[name] = [replica.finished_at or 0.0 for replica in view.replicas]
    for name, needs in play.world.graph.needs.items():
        for dep in needs:
            if not play.world.desired.services[dep].is_job and not play.world.desired.services[name].is_job:
                assert max(ends[name]) <= min(ends[dep]), f"{dep} ended before {name}"
    for name in play.world.desired.services:
        play.wish(name, stopped="")
    play.run(play.now + CALM)
    play.rules.check_goal()
