"""Kinds of worlds in which releases fail: random policies, behaviours of what is new, and a controller that dies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from random import Random

from controller.engines.simulated_behaviour import OK, Behaviour, crash_after, create_refused, never_ready
from controller.model.decision import History
from controller.model.desired import DesiredService, DesiredStack, FailureAction, Order, Scope, UpdatePolicy
from controller.model.names import Revision, split_release
from controller.model.observed import Replica
from controller.model.phases import Phase
from tests.builders import COMPLETED, HEALTHY, NOW, checked, job, stack
from tests.property.ends import is_halted, revision_for, waits_for_good
from tests.property.kind import CALM, Kind, whats_left
from tests.property.life import Event, Life, begin
from tests.property.play import Play
from tests.property.rules import floor_of
from tests.property.worlds import random_timings

LONG = 2500.0
"""Seconds after the last change in which every update and every way back has come to its end."""

BACK, PAUSE, CONTINUE = FailureAction.ROLLBACK, FailureAction.PAUSE, FailureAction.CONTINUE


def _policy(random: Random, **others: object) -> UpdatePolicy:
    return UpdatePolicy(
        **{
            "order": random.choice(tuple(Order)),
            "parallelism": random.choice((0, 1, 2)),
            "monitor": random.choice((0.0, 1.0, 5.0, 20.0)),
            "delay": random.choice((0.0, 0.0, 3.0, 15.0)),
            "failure_action": random.choice((BACK, BACK, BACK, PAUSE, CONTINUE)),
            "max_failure_ratio": random.choice((0.0, 0.0, 0.0, 0.34, 0.5)),
            "progress_deadline": random.choice((60.0, 600.0)),
            "bake": random.choice((0.0, 0.0, 30.0, 120.0)),
            "scope": random.choice((Scope.SERVICE, Scope.STACK)),
            **others,
        }  # type: ignore[arg-type]
    )


def _service(random: Random, name: str, before: list[DesiredService]) -> DesiredService:
    chosen = random.sample(before, min(len(before), random.choice((0, 1, 1, 2))))
    needs = {other.name: COMPLETED if other.is_job else HEALTHY for other in sorted(chosen, key=lambda s: s.name)}
    irreversible = random.choice((None, None, None, True, False))
    if before and random.random() < 0.1:
        return job(name, needs=needs, irreversible=irreversible)
    return checked(
        name,
        random.choice((1, 2, 3, 4)),
        needs=needs,
        update=_policy(random),
        rollback=_policy(random, failure_action=PAUSE, bake=0.0, delay=0.0, max_failure_ratio=0.0),
        start_timeout=random.choice((15.0, 30.0)),
        irreversible=irreversible,
        pre_stop_delay=random.choice((0.0, 0.0, 0.0, 2.0, 15.0)),
    )


def _stack(random: Random) -> DesiredStack:
    services: list[DesiredService] = []
    for number in range(random.randint(1, 4)):
        services.append(_service(random, f"s{number}", services))
    return stack(*services)


def _behaviour(random: Random, late: float) -> Behaviour:
    """`late`: the latest at which it crashes."""
    return random.choice(
        (
            crash_after(random.uniform(0.1, 2.0)),
            crash_after(random.uniform(2.0, 30.0)),
            crash_after(random.uniform(2.0, late)),
            crash_after(random.uniform(0.1, 20.0), lives=random.randint(1, 2)),
            never_ready(),
            create_refused(),
        )
    )


def _draw(random: Random, late: float = 200.0) -> Life:
    """A stack comes up; then some of it, or all, gets another revision."""
    wanted = _stack(random)
    share = random.choice((0.5, 1.0))
    edited = [name for name in wanted.services if random.random() < share] or ["s0"]
    behaviours = {
        (name, "v2"): _behaviour(random, late)
        for name in edited
        if random.random() < 0.6 and not wanted.services[name].is_job
    }
    events = tuple(Event(CALM, "edit", name, 2) for name in edited)
    return Life(wanted, random_timings(random, wanted), events, behaviours, until=CALM + LONG)


def _releases(random: Random) -> Life:
    """At times what was good cannot be made any more, or something else is asked for before it is over."""
    life = _draw(random)
    edited = [event.service for event in life.events]
    more: list[Event] = []
    if random.random() < 0.3:
        jobs = [name for name, want in life.stack.services.items() if want.is_job]
        more += [Event(CALM, "spoil", name, 1) for name in random.sample(edited, 1) if name not in jobs]
    if random.random() < 0.3:
        at = CALM + round(random.uniform(0.0, 400.0), 2)
        more += [Event(at, "edit", name, random.choice((1, 3))) for name in edited]
    return replace(life, events=(*life.events, *more), until=life.until + 400.0)


def live_releases(life: Life) -> Play:
    play = begin(life)
    play.run(NOW + life.until)
    _check_ends(play)
    _check_bound(play, life)
    made = play.simulation.containers.made
    play.run(NOW + life.until + LONG)
    assert play.simulation.containers.made == made, "containers are made without end"
    _check_ends(play)
    return play


def _check_bound(play: Play, life: Life) -> None:
    """Each change of what is wanted may replace everything once, and take that back once."""
    changes = len({event.at for event in life.named("edit")})
    made = Counter(service for service, action, _ in play.done if action == "create")
    for name, want in life.stack.services.items():
        if life.behaviours.get((name, "v2"), OK).create_refused:
            continue  # what is asked for again and again was never made
        most = want.replicas * (1 + 2 * changes) + 2 * changes * len(life.events)
        assert made[name] <= most, f"{name}: {made[name]} containers were made"


def _check_ends(play: Play) -> None:
    """Each is whole at the release that it is to have, or it is said that it is not."""
    for name, want in play.world.desired.services.items():
        history = play.world.histories[name]
        if want.is_job:
            assert history.completed == want.revision or _is_held_up(play, name), f"{name} has not run"
        elif is_halted(play.world, name):
            _check_halted(play, want)
        else:
            _check_whole(play, want, history)


def _check_halted(play: Play, want: DesiredService) -> None:
    """It is kept as it is, in the strength that is wanted, and it is told so where it does not crash for ever."""
    decision, there = play.world.decisions[want.name], _there(play, want.name)
    trying = (Phase.CRASH_LOOP, Phase.STARTING)
    assert decision.phase in (Phase.DEGRADED, Phase.FAILED, *trying), decision
    refused = play.simulation.containers.script.get((want.name, want.revision), OK).create_refused
    assert decision.reason in ("UpdatePaused", "RollbackFailed") or decision.phase in trying or refused, decision
    assert len(there) >= want.replicas or refused, f"{want.name} is not kept in shape: {decision} {there}"


def _check_whole(play: Play, want: DesiredService, history: History) -> None:
    decision, there = play.world.decisions[want.name], _there(play, want.name)
    wanted = revision_for(play.world, want.name)
    story = [(r.number, str(r.revision), str(r.phase), str(r.health)) for r in there]
    if _is_bad(play, want.name, wanted):
        return  # what fails after it was accepted, or is let pass, is tried for ever
    if _is_held_up(play, want.name) and {replica.revision for replica in there} != {wanted}:
        _check_held_up(play, want, history)  # its update is not begun, or goes no further
        return
    well = all(play.rules.serving(dep) for dep in play.world.graph.needs[want.name] if not _is_job(play, dep))
    right = [r for r in there if r.revision == wanted and (not well or play.rules.serves(want, r))]
    lost = [r.number for r in there if play.rules.serves(want, r) and not r.by_name]
    assert not lost, f"{want.name}: nobody finds {lost} by name"
    assert len(right) == len(there) == want.replicas, f"{want.name}: {want.replicas} of {wanted}, and not {story}"
    if wanted != want.revision:
        assert (decision.phase, decision.reason) == (Phase.DEGRADED, "RolledBack"), decision


def _check_held_up(play: Play, want: DesiredService, history: History) -> None:
    """As many serve as an update has to leave, of the release before it or of its own."""
    well = all(play.rules.serving(dep) for dep in play.world.graph.needs[want.name] if not _is_job(play, dep))
    story = [(r.number, str(r.revision), str(r.phase), str(r.health)) for r in _there(play, want.name)]
    enough = play.rules.serving(want.name) >= floor_of(want)
    bad = history.good is not None and _is_bad(play, want.name, split_release(history.good)[0])
    assert enough or bad or not well, f"{want.name} is held up, and below its floor: {story}"


def _is_held_up(play: Play, name: str) -> bool:
    """By something that it needs, which went back, or never becomes well."""
    world = play.world
    needs = world.graph.needs[name]
    sick = any(_is_bad(play, dep, revision_for(world, dep)) or _is_held_up(play, dep) for dep in needs)
    return sick or waits_for_good(world, name)


def _is_job(play: Play, name: str) -> bool:
    return bool(play.world.desired.services[name].is_job)


def _is_bad(play: Play, name: str, revision: Revision) -> bool:
    return (name, revision) in play.simulation.containers.script


def _there(play: Play, name: str) -> tuple[Replica, ...]:
    return play.simulation.view(name, play.now).replicas


def _killed(random: Random) -> Life:
    """What fails does so in its watch or never: an accident that nobody saw is told from no failure.

    Nothing bars a way back: whether it has settled before another one fails would be chance.
    """
    life = _draw(random, late=3.0)
    services = {name: replace(want, irreversible=False) for name, want in life.stack.services.items()}
    life = replace(life, stack=replace(life.stack, services=services))
    behaviours = {
        key: behaviour
        for key, behaviour in life.behaviours.items()
        if behaviour.lives is None and (behaviour.crash_after is None or behaviour.crash_after <= 3.0)
    }
    deaths = [Event(CALM + round(random.uniform(0.0, 120.0), 2), "die") for _ in range(random.randint(0, 4))]
    falls = [
        Event(CALM + round(random.uniform(0.0, 60.0), 2), "fall", number=random.randint(1, 6))
        for _ in range(random.randint(1, 6))
    ]
    return replace(life, events=(*life.events, *deaths, *falls), behaviours=behaviours)


def live_killed_releases(life: Life) -> Play:
    """Killed at any point it ends as if it had not been."""
    undisturbed = begin(replace(life, events=life.named("edit")))
    undisturbed.run(NOW + life.until)
    killed = live_releases(life)
    moved = {n for n in life.stack.services if not is_halted(killed.world, n)}  # where others were halted, is chance
    left, others = ([one for one in whats_left(play) if one[0] in moved] for play in (killed, undisturbed))
    assert left == others, f"{left} is left, and without a death {others}"
    failed, others = ({n: set(h.failed) for n, h in p.world.histories.items()} for p in (killed, undisturbed))
    assert failed == others, f"{failed} failed, and without a death {others}"
    return killed


RELEASE_KINDS: Mapping[str, Kind] = {
    "releases": Kind("a release ends whole, or the one before it does, or it is said", _releases, live_releases),
    "released": Kind("death at any point changes the end of no update", _killed, live_killed_releases),
}
