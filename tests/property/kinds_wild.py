"""Kinds of worlds with accidents, edits at any time, leftovers, and a controller that dies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random

from controller.engines.simulated_behaviour import crash_after, job_fails, never_ready
from controller.model.desired import Leaving
from controller.model.observed import ReplicaPhase
from controller.model.phases import Phase
from tests.builders import NOW
from tests.property.kind import CALM, WILD, Kind, draw_calm, live_to_goal, whats_left
from tests.property.life import Event, Life, begin
from tests.property.play import Play
from tests.property.worlds import (
    ACCIDENTS,
    CHANGES,
    draw_events,
    edit_some,
    random_leftovers,
    random_misbehaviour,
)


def draw_any(random: Random) -> Life:
    life = draw_calm(random, behaviours={})
    events = (
        *draw_events(random, life.stack, random.randint(0, 8), 400.0, *ACCIDENTS),
        *draw_events(random, life.stack, random.randint(0, 5), 400.0, *CHANGES),
        *draw_events(random, life.stack, random.randint(0, 3), 400.0, "die"),
    )
    return replace(life, events=events, behaviours=random_misbehaviour(random, life.stack), until=WILD)


def _busy_edits(random: Random) -> Life:
    """Before the last one is through, and with accidents in between."""
    life = draw_calm(random)
    edits = draw_events(random, life.stack, random.randint(3, 10), 40.0, "edit", "edit", "scale", "leave")
    blows = draw_events(random, life.stack, random.randint(0, 3), 60.0, *ACCIDENTS, "die")
    events = tuple(replace(event, at=event.at + CALM) for event in (*edits, *blows))
    return replace(life, events=events, until=CALM + WILD)


def _hopeless(random: Random) -> Life:
    life = draw_calm(random)
    lost = random.choice(sorted(life.stack.services))
    is_job = life.stack.services[lost].is_job
    behaviour = job_fails(1000) if is_job else random.choice((crash_after(0.7), never_ready()))
    events = draw_events(random, life.stack, random.randint(0, 4), 100.0, "edit", "scale", "die")
    return replace(life, events=events, behaviours={(lost, ""): behaviour}, until=WILD)


def live_beside_the_lost(life: Life) -> Play:
    play = begin(life)
    play.run(NOW + life.until)
    lost = {name for name, _ in life.behaviours}
    concerned = set(lost)
    for name in play.world.graph.order:
        if concerned & set(play.world.graph.needs[name]):
            concerned.add(name)
    play.rules.check_services(name for name in life.stack.services if name not in concerned)
    for name in lost:
        fine = play.world.decisions[name].phase in (Phase.COMPLETED, Phase.READY)
        assert not fine or not life.stack.services[name].readiness, f"{name} is said to be fine"
    return play


def _left(random: Random) -> Life:
    life = draw_calm(random)
    events = draw_events(random, life.stack, random.randint(0, 4), 60.0, *CHANGES, "die")
    views = random_leftovers(random, life.stack)
    return replace(_with_orphans(random, life), events=events, views=views, until=WILD)


def _with_orphans(random: Random, life: Life) -> Life:
    """Some services that nobody needs are not in the file any more."""
    needed = {name for want in life.stack.services.values() for name in want.needs}
    services = {
        name: replace(want, leaving=Leaving.ORPHANED, replicas=0)
        if name not in needed and want.namespace_of is None and random.random() < 0.3
        else want
        for name, want in life.stack.services.items()
    }
    return replace(life, stack=replace(life.stack, services=services))


def live_among_leftovers(life: Life) -> Play:
    """Orphans are not touched; where nothing else happens a few calls a container are enough."""
    play = live_to_goal(life)
    assert life.views is not None
    for name, want in life.stack.services.items():
        if want.leaving is Leaving.ORPHANED:
            before, after = life.views[name].replicas, play.simulation.view(name, play.now).replicas
            lasting = {replica.id for replica in before if replica.phase is not ReplicaPhase.REMOVING}
            assert lasting == {replica.id for replica in after}, f"{name} is nobody's business"
    concerned = sum(want.replicas + len(life.views[name].replicas) for name, want in life.stack.services.items())
    assert life.events or len(play.done) <= 3 * concerned + 5, f"{len(play.done)} steps for {concerned} containers"
    return play


def _killed(random: Random) -> Life:
    life = draw_calm(random)
    deaths = tuple(Event(CALM + round(random.uniform(0.0, 30.0), 2), "die") for _ in range(6))
    return replace(life, events=(*edit_some(random, life.stack, CALM, 2), *deaths), until=3 * CALM)


def live_as_if_undisturbed(life: Life) -> Play:
    """Killed again and again in mid-update, it ends where it would have ended, with as many creates."""
    undisturbed, killed = live_to_goal(replace(life, events=life.named("edit"))), live_to_goal(life)
    assert whats_left(killed) == whats_left(undisturbed)
    assert killed.simulation.containers.made == undisturbed.simulation.containers.made
    return killed


WILD_KINDS: Mapping[str, Kind] = {
    "any": Kind("whatever happens the goal is reached", draw_any, live_to_goal),
    "edits": Kind("edits in mid-update end where the last one wants it", _busy_edits, live_to_goal),
    "hopeless": Kind("who never recovers holds up only who needs it", _hopeless, live_beside_the_lost),
    "left": Kind("whatever was left behind is brought into shape", _left, live_among_leftovers),
    "killed": Kind("a controller that dies at any instant makes no container more", _killed, live_as_if_undisturbed),
}
