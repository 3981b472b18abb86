"""The kinds of random worlds: how a life of each is drawn, and what is asked of it beyond the rules of every step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random

from controller.decide.rehearsal import rehearse
from controller.decide.world import make_world
from controller.engines.simulated_behaviour import crash_after, job_fails, never_ready
from controller.engines.simulated_world import Simulation
from controller.model.decision import Phase
from controller.model.desired import Leaving
from controller.model.observed import ReplicaPhase
from tests.builders import NOW, empty_views
from tests.property.life import Event, Life, begin
from tests.property.play import Play
from tests.property.rules import floor_of
from tests.property.worlds import (
    ACCIDENTS,
    CHANGES,
    draw_events,
    edit_some,
    random_faults,
    random_leftovers,
    random_misbehaviour,
    random_stack,
    random_timings,
)

CALM, WILD = 600.0, 4000.0


@dataclass(frozen=True, slots=True)
class Kind:
    """`promise` is a sentence; `live` lives a life and raises AssertionError where the promise is broken."""

    promise: str
    draw: Callable[[Random], Life]
    live: Callable[[Life], Play]


def _draw(random: Random, **others: object) -> Life:
    wanted = random_stack(random)
    return Life(wanted, random_timings(random, wanted), until=CALM, **others)  # type: ignore[arg-type]


# --- nothing in its way


def _cold(random: Random) -> Life:
    return _draw(random)


def live_cold_start(life: Life) -> Play:
    play = _live_calmly(life)
    lives = play.simulation.processes.lives
    for name, want in play.world.desired.services.items():
        assert lives[(name, want.revision)] == want.replicas, f"{name} was started more than once"
    assert play.conflicts == 0
    wanted = sum(want.replicas for want in play.world.desired.services.values())
    assert len(play.done) == 2 * wanted, f"{len(play.done)} steps for {wanted} replicas"
    return play


def _live_calmly(life: Life) -> Play:
    """Up to the instant of the first event."""
    play = begin(life)
    play.rules.calm = True
    play.run(NOW + CALM - 1)
    play.rules.check_goal()
    play.rules.calm = False
    return play


def _planned(random: Random) -> Life:
    life = _draw(random)
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
    life = _draw(random)
    return replace(life, events=edit_some(random, life.stack, CALM, 2), until=2 * CALM + 400)


def live_above_floor(life: Life) -> Play:
    play = _live_calmly(life)
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
    life = _draw(random)
    events: list[Event] = []
    for turn in range(6):
        at = CALM + 300.0 * turn
        drawn = draw_events(random, life.stack, 1, 0.0, "die", "scale", "stop", "leave", "edit")
        new = edit_some(random, life.stack, at, 10 + turn) if random.random() < 0.3 else drawn
        events += [replace(e, at=at, number=10 + turn if e.act == "edit" else e.number) for e in new]
    return replace(life, events=tuple(events), until=CALM + 300.0 * 7)


def live_with_jobs(life: Life) -> Play:
    play = _live_to_goal(life)
    for (name, revision), count in play.simulation.processes.lives.items():
        if play.world.desired.services[name].is_job:
            assert count == 1, f"{name} {revision} ran {count} times"
    return play


def _stopped(random: Random) -> Life:
    life = _draw(random)
    return replace(life, events=tuple(Event(CALM, "stop", n, lasts=CALM) for n in life.stack.services), until=3 * CALM)


def live_with_a_stop(life: Life) -> Play:
    play = _live_calmly(life)
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


# --- accidents, edits, a controller that dies


def _any(random: Random) -> Life:
    life = _draw(random, behaviours={})
    events = (
        *draw_events(random, life.stack, random.randint(0, 8), 400.0, *ACCIDENTS),
        *draw_events(random, life.stack, random.randint(0, 5), 400.0, *CHANGES),
        *draw_events(random, life.stack, random.randint(0, 3), 400.0, "die"),
    )
    return replace(life, events=events, behaviours=random_misbehaviour(random, life.stack), until=WILD)


def _live_to_goal(life: Life) -> Play:
    play = begin(life)
    play.run(NOW + life.until)
    play.rules.check_goal()
    return play


def _busy_edits(random: Random) -> Life:
    """Before the last one is through, and with accidents in between."""
    life = _draw(random)
    edits = draw_events(random, life.stack, random.randint(3, 10), 40.0, "edit", "edit", "scale", "leave")
    blows = draw_events(random, life.stack, random.randint(0, 3), 60.0, *ACCIDENTS, "die")
    events = tuple(replace(event, at=event.at + CALM) for event in (*edits, *blows))
    return replace(life, events=events, until=CALM + WILD)


def _hopeless(random: Random) -> Life:
    life = _draw(random)
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
    life = _draw(random)
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
    play = _live_to_goal(life)
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
    life = _draw(random)
    deaths = tuple(Event(CALM + round(random.uniform(0.0, 30.0), 2), "die") for _ in range(6))
    return replace(life, events=(*edit_some(random, life.stack, CALM, 2), *deaths), until=3 * CALM)


def live_as_if_undisturbed(life: Life) -> Play:
    """Killed again and again in mid-update, it ends where it would have ended, with as many creates."""
    undisturbed, killed = _live_to_goal(replace(life, events=life.named("edit"))), _live_to_goal(life)
    assert whats_left(killed) == whats_left(undisturbed)
    assert killed.simulation.containers.made == undisturbed.simulation.containers.made
    return killed


def whats_left(play: Play) -> list[tuple[str, str]]:
    views = play.simulation.observe(play.now)
    return sorted((r.service, str(r.revision)) for view in views.values() for r in view.replicas)


# --- an engine that lies, a clock that is set


def _faulty(random: Random) -> Life:
    life = _draw(random, behaviours={}, faults=random_faults(random))
    acts = (*ACCIDENTS, *CHANGES, "die")
    events = draw_events(random, life.stack, random.randint(0, 5), 300.0, *acts)
    return replace(life, events=events, behaviours=random_misbehaviour(random, life.stack), until=WILD)


def live_through_faults(life: Life) -> Play:
    play = begin(life)
    play.rules.lied_to = life.faults is not None and life.faults.lagging > 0.0
    play.run(NOW + 1000)
    play.rules.lied_to = False
    play.bed = play.simulation
    play.restart()
    play.run(NOW + life.until)
    play.rules.check_goal()
    return play


def _lagging(random: Random) -> Life:
    life = _faulty(random)
    faults = replace(life.faults, partial=0.0, stale=0.0, lagging=random.uniform(0.05, 0.5))
    return replace(life, faults=faults)


def _clock(random: Random) -> Life:
    life = _any(random)
    return replace(
        life, events=(*life.events, *draw_events(random, life.stack, random.randint(1, 3), 400.0, "set_clock"))
    )


KINDS: Mapping[str, Kind] = {
    "cold": Kind("a cold start reaches its goal with two calls a replica", _cold, live_cold_start),
    "plan": Kind("what was planned is what is done", _planned, live_as_planned),
    "update": Kind("an update of what runs well keeps its floor", _edited, live_above_floor),
    "jobs": Kind("a job that succeeds runs once for each revision", _jobs, live_with_jobs),
    "stop": Kind("all stops in reverse order and comes back", _stopped, live_with_a_stop),
    "any": Kind("whatever happens the goal is reached", _any, _live_to_goal),
    "edits": Kind("edits in mid-update end where the last one wants it", _busy_edits, _live_to_goal),
    "hopeless": Kind("who never recovers holds up only who needs it", _hopeless, live_beside_the_lost),
    "left": Kind("whatever was left behind is brought into shape", _left, live_among_leftovers),
    "killed": Kind("a controller that dies at any instant makes no container more", _killed, live_as_if_undisturbed),
    "faults": Kind("an engine that lies and fails delays but never doubles", _faulty, live_through_faults),
    "lagging": Kind("looks that are older than they say do no lasting harm", _lagging, live_through_faults),
    "clock": Kind("a clock that is set back or forth does no lasting harm", _clock, _live_to_goal),
}


def draw(kind: str, seed: int) -> Life:
    """The same life for the same words, whatever the process."""
    return KINDS[kind].draw(Random(f"{kind} {seed}"))
