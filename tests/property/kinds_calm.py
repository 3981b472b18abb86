"""Kinds of worlds with nothing in their way: starts, plans, updates, jobs, a stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random

from controller.decide.rehearsal import rehearse
from controller.decide.world import make_world
from controller.engines.simulated_world import Simulation
from controller.model.observed import ReplicaPhase
from tests.builders import NOW, empty_views
from tests.property.kind import CALM, Kind, draw_calm, live_calmly, live_to_goal
from tests.property.life import Event, Life, begin
from tests.property.play import Play
from tests.property.rules import floor_of
from tests.property.worlds import (
    draw_events,
    edit_some,
    random_leftovers,
)


def _cold(random: Random) -> Life:
    return draw_calm(random)


def live_cold_start(life: Life) -> Play:
    play = live_calmly(life)
    lives = play.simulation.processes.lives
    for name, want in play.world.desired.services.items():
        assert lives[(name, want.revision)] == want.replicas, f"{name} was started more than once"
    assert play.conflicts == 0
    wanted = sum(want.replicas for want in play.world.desired.services.values())
    assert len(play.done) == 2 * wanted, f"{len(play.done)} steps for {wanted} replicas"
    return play


def _planned(random: Random) -> Life:
    life = draw_calm(random)
    return replace(life, views=random.choice((empty_views(life.stack), random_leftovers(random, life.stack))))


def live_as_planned(life: Life) -> Play:
    """With the same timings the rehearsal takes the very steps of the loop, in the same order within each service."""
    play = begin(life)
    play.run(NOW + life.until)
    assert life.views is not None
    plan = rehearse(make_world(life.stack), Simulation(life.stack, life.views, life.timings, NOW), NOW)
    assert plan.settles
    for name in life.stack.services:
        planned = [(step.action, step.replica) for step in plan.steps if step.service == name]
        done = [(action, number and f"{name}-{number}") for service, action, number in play.done if service == name]
        assert planned == done, f"planned for {name}: {planned}, done: {done}"
    return play


def _edited(random: Random) -> Life:
    life = draw_calm(random)
    return replace(life, events=edit_some(random, life.stack, CALM, 2), until=2 * CALM + 400)


def live_above_floor(life: Life) -> Play:
    play = live_calmly(life)
    edited = {event.service: event for event in life.named("edit")}
    least = {name: play.rules.serving(name) for name in edited}
    while play.now < NOW + life.until:
        play.run(play.now + 0.5)
        least = {name: min(least[name], play.rules.serving(name)) for name in edited}
    play.rules.check_goal()
    for name in edited:
        want = play.world.desired.services[name]
        assert least[name] >= floor_of(want), f"{name}: {least[name]} of {want.replicas} served"
    return play


def _jobs(random: Random) -> Life:
    life = draw_calm(random)
    events: list[Event] = []
    for turn in range(6):
        at = CALM + 300.0 * turn
        drawn = draw_events(random, life.stack, 1, 0.0, "die", "scale", "stop", "leave", "edit")
        new = edit_some(random, life.stack, at, 10 + turn) if random.random() < 0.3 else drawn
        events += [replace(e, at=at, number=10 + turn if e.act == "edit" else e.number) for e in new]
    return replace(life, events=tuple(events), until=CALM + 300.0 * 7)


def live_with_jobs(life: Life) -> Play:
    play = live_to_goal(life)
    for (name, revision), count in play.simulation.processes.lives.items():
        if play.world.desired.services[name].is_job:
            assert count == 1, f"{name} {revision} ran {count} times"
    return play


def _stopped(random: Random) -> Life:
    life = draw_calm(random)
    return replace(life, events=tuple(Event(CALM, "stop", n, lasts=CALM) for n in life.stack.services), until=3 * CALM)


def live_with_a_stop(life: Life) -> Play:
    play = live_calmly(life)
    play.run(NOW + CALM + CALM - 1)
    play.rules.check_services(play.world.desired.services)
    ends = {}
    for name, view in play.simulation.observe(play.now).items():
        assert all(replica.phase is not ReplicaPhase.RUNNING for replica in view.replicas), f"{name} runs"
        ends[name] = [replica.finished_at or 0.0 for replica in view.replicas]
    jobs = {name for name, want in play.world.desired.services.items() if want.is_job}
    for name, needs in play.world.graph.needs.items():
        for dep in needs.keys() - jobs if name not in jobs else ():
            assert max(ends[name]) <= min(ends[dep]), f"{dep} ended before {name}"
    play.run(NOW + life.until)
    play.rules.check_goal()
    return play


CALM_KINDS: Mapping[str, Kind] = {
    "cold": Kind("a cold start reaches its goal with two calls a replica", _cold, live_cold_start),
    "plan": Kind("what was planned is what is done", _planned, live_as_planned),
    "update": Kind("an update of what runs well keeps its floor", _edited, live_above_floor),
    "jobs": Kind("a job that succeeds runs once for each revision", _jobs, live_with_jobs),
    "stop": Kind("all stops in reverse order and comes back", _stopped, live_with_a_stop),
}
