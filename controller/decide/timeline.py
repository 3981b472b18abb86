"""Who does what when: notes of a rehearsal as a row of bars for each service, with the critical path. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from controller.decide.case import ready_since
from controller.decide.world import World
from controller.model.desired import Watch
from controller.model.names import Instant, ReplicaId
from controller.model.observed import Replica, ReplicaPhase
from controller.model.plan import Bar, Doing, Row
from controller.model.routes import RouteState
from controller.model.steps import (
    Create,
    Outcome,
    Restart,
    Route,
    Start,
    Step,
    Stop,
    Withdraw,
    step_action,
    step_number,
)
from controller.model.timings import Span

_SPANS: Mapping[Doing, tuple[Span, ...]] = {
    Doing.PULL: (Span.PULL,),
    Doing.BUILD: (Span.BUILD,),
    Doing.CREATE: (Span.CREATE,),
    Doing.START: (Span.START,),
    Doing.RESTART: (Span.STOP, Span.START),
    Doing.READY: (Span.READY,),
    Doing.RUN: (Span.RUN,),
    Doing.STOP: (Span.STOP,),
    Doing.REMOVE: (Span.REMOVE,),
}
_CALLS = {one.value: one for one in _SPANS if one not in (Doing.READY, Doing.RUN)}
"""By the word for a step."""
_PREPARES = frozenset({Doing.WAIT, Doing.PULL, Doing.BUILD, Doing.CREATE})
_GATED = frozenset({Doing.START, Doing.RESTART, Doing.STOP})
"""What begins only when the gates are open."""
_FREES_SLOT = frozenset({Doing.READY, Doing.RUN})
_HAIR = 0.02
"""Seconds by which what follows from the end of a wait may come after it."""


class Act(NamedTuple):
    """A step that was done: when it began, by what clock the rehearsal goes."""

    outcome: Outcome
    at: Instant


class Waited(NamedTuple):
    """`of`: the service that was waited for; `lack`: what instead, a start slot or something of the machine."""

    service: str
    of: str
    lack: str
    since: Instant
    until: Instant


class Story(NamedTuple):
    """A rehearsal from its beginning to its end. `updated`: services whose replicas were replaced."""

    world: World
    begun: Instant
    ended: Instant
    acts: Sequence[Act]
    waits: Sequence[Waited]
    guesses: Collection[object]
    updated: Collection[str]


def seconds_of(outcome: Outcome, guesses: Collection[object]) -> float | None:
    """How long a step takes; None: nobody has measured that."""
    doing = _CALLS.get(step_action(outcome.step))
    guessed = guesses and doing is not None and _is_guessed(outcome.step.service, doing, guesses)
    return None if guessed else round(outcome.seconds, 3)


def make_rows(story: Story) -> tuple[Row, ...]:
    """A row for each service that does anything, by name."""
    bars: defaultdict[str, list[Bar]] = defaultdict(list)
    for service, bar in _all_bars(story):
        if bar.seconds > 0:
            bars[service].append(bar)
    unknown = _find_unknown(bars, story)
    critical = frozenset() if unknown else _find_critical(bars)
    lacks = _find_lacks(story)
    rows = (_make_row(name, bars[name], story, unknown, lacks.get(name)) for name in sorted(bars))
    return tuple(replace(row, critical=True) if row.service in critical else row for row in rows)


def _make_row(name: str, bars: Sequence[Bar], story: Story, unknown: Mapping[str, float], lacks: Waited | None) -> Row:
    """With those of its bars, in order, that rest on measured times only. `lacks`: its last wait for no service."""
    world, end = story.world, unknown.get(name)
    stack = world.desired.name
    if end is None:
        never = lacks.lack if lacks is not None and lacks.until >= story.ended else ""
        return Row(stack, name, _in_order(bars), lack=never)
    early = [bar for bar in bars if bar.at <= end]
    known = [
        bar
        for bar in early
        if not _is_guessed(name, bar.doing, story.guesses) and not _hangs_on_guess(name, bar, world, unknown)
    ]
    own = next((bar.doing for bar in _in_order(early) if _is_guessed(name, bar.doing, story.guesses)), None)
    cause = "" if own else _find_cause(name, early, world, unknown)
    return Row(stack, name, _in_order(known), end, own, cause, "" if cause or lacks is None else lacks.lack)


def _find_lacks(story: Story) -> Mapping[str, Waited]:
    """By service, its last wait for what is nobody's service: a slot, or room."""
    last: dict[str, Waited] = {}
    for wait in story.waits:
        known = last.get(wait.service)
        if wait.lack and (known is None or wait.until > known.until):
            last[wait.service] = wait
    return last


def _find_cause(name: str, bars: Iterable[Bar], world: World, unknown: Mapping[str, float]) -> str:
    """Whom it waits for, or needs, whose time is not known."""
    waits = [bar.of for bar in bars if bar.doing is Doing.WAIT and bar.of in unknown]
    needs = [other for other in world.desired.services[name].needs if other in unknown]
    return next(iter((*waits, *needs)), "")


def _in_order(bars: Iterable[Bar]) -> tuple[Bar, ...]:
    return tuple(sorted(bars, key=lambda bar: (bar.at, bar.end)))


def _all_bars(story: Story) -> Iterator[tuple[str, Bar]]:
    for act in story.acts:
        for bar in _act_bars(act, story.begun):
            yield act.outcome.step.service, bar
    for wait in story.waits:
        seconds = wait.until - wait.since
        yield wait.service, Bar(Doing.WAIT, wait.since - story.begun, seconds, of=wait.of, lack=wait.lack)
    yield from _drain_bars(story)
    yield from _life_bars(story)


def _act_bars(act: Act, begun: Instant) -> Iterator[Bar]:
    step, at = act.outcome.step, act.at - begun
    doing = _CALLS.get(step_action(step))
    if doing is not None:
        yield Bar(doing, at, act.outcome.seconds, _name(step))


def _name(step: Step) -> str | None:
    number = step_number(step)
    return None if number is None else f"{step.service}-{number}"


def _drain_bars(story: Story) -> Iterator[tuple[str, Bar]]:
    """From when nobody new is led to it, or finds it, to its stop."""
    since: dict[ReplicaId, Instant] = {}
    for outcome, at in story.acts:
        match outcome.step:
            case Withdraw(replica=replica) | Route(replica=replica, to=RouteState.DRAINING):
                since.setdefault(replica, at)
            case Route(replica=replica):
                since.pop(replica, None)
            case Stop(replica=replica) as step if replica in since:
                begun = since.pop(replica)
                yield step.service, Bar(Doing.DRAIN, begun - story.begun, at - begun, _name(step))
            case _:
                pass


def _life_bars(story: Story) -> Iterator[tuple[str, Bar]]:
    """From each start to ready; of what was replaced, on to the end of its watch; of a job to its end."""
    made = {outcome.replica for outcome, _ in story.acts if isinstance(outcome.step, Create)}
    started = {act.outcome.step.service for act in story.acts if isinstance(act.outcome.step, Start | Restart)}
    for name in started:
        want = story.world.desired.services[name]
        watched = want.update.monitor if name in story.updated and want.update.watch is Watch.SETTLED else 0.0
        for replica in story.world.views[name].replicas:
            if replica.started_at is None or replica.started_at < story.begun:
                continue
            at, who = replica.started_at - story.begun, f"{name}-{replica.number}"
            since = ready_since(replica, want.settle, story.ended)
            if since is not None:
                yield name, Bar(Doing.READY, at, since - replica.started_at, who)
            if since is not None and replica.id in made and watched:
                end = min(since + watched, story.ended)
                yield name, Bar(Doing.WATCH, since - story.begun, end - since, who)
            if _has_run(replica):
                yield name, Bar(Doing.RUN, at, (replica.finished_at or story.ended) - replica.started_at, who)


def _has_run(replica: Replica) -> bool:
    return replica.phase is ReplicaPhase.EXITED and replica.exit_code == 0


def _find_unknown(bars: Mapping[str, Sequence[Bar]], story: Story) -> dict[str, float]:
    """From when on each service's times are guesses: its own, or those of somebody that it needs."""
    unknown: dict[str, float] = {}
    for name, own in bars.items() if story.guesses else ():
        guessed = [bar.at for bar in own if _is_guessed(name, bar.doing, story.guesses)]
        if guessed:
            unknown[name] = min(guessed)
    before: dict[str, float] | None = None if unknown else {}
    while before != unknown:  # in the order of the graph: nearly always the second round finds no more
        before = dict(unknown)
        for name in story.world.graph.order:
            hanging = [bar.at for bar in bars.get(name, ()) if _hangs_on_guess(name, bar, story.world, unknown)]
            if hanging:
                unknown[name] = min(*hanging, unknown.get(name, hanging[0]))
    return unknown


def _is_guessed(service: str, doing: Doing, guesses: Collection[object]) -> bool:
    return any((service, span) in guesses for span in _SPANS.get(doing, ()))


def _hangs_on_guess(name: str, bar: Bar, world: World, unknown: Mapping[str, float]) -> bool:
    """When it ends, or begins, depends on a time that is not known. Who waits for a slot waits for anybody."""
    if bar.doing is Doing.WAIT:
        return bar.of in unknown or not bar.of
    needs = world.desired.services[name].needs
    return bar.doing in _GATED and any(unknown.get(other, float("inf")) <= bar.at for other in needs)


def _find_critical(bars: Mapping[str, Sequence[Bar]]) -> frozenset[str]:
    """From who is done last to who it waited for last, and so on: a second less there is a second less in all."""
    acts = {name: [bar.end for bar in own if bar.doing is not Doing.WAIT] for name, own in bars.items()}
    ends = {name: max(own, default=0.0) for name, own in acts.items()}
    served = sorted((bar.end, name) for name, own in bars.items() for bar in own if bar.doing in _FREES_SLOT)
    name = max(sorted(ends), key=ends.__getitem__, default="")
    found: set[str] = set()
    before = float("inf")
    while name and name not in found:
        found.add(name)
        wait = _last_wait(bars.get(name, ()), before)
        name, before = ("", 0.0) if wait is None else (wait.of or _find_freer(served, wait.end), wait.end)
    return frozenset(found)


def _find_freer(served: Sequence[tuple[float, str]], at: float) -> str:
    """Whose slot was free then: who had just come to serve; "": nobody had."""
    place = bisect_right(served, (at + _HAIR, "\U0010ffff")) - 1
    return served[place][1] if place >= 0 and served[place][0] >= at - _HAIR else ""


def _last_wait(bars: Sequence[Bar], before: float) -> Bar | None:
    """The one whose end let it go on; None where it was held up by what it did itself."""
    waits = [bar for bar in bars if bar.doing is Doing.WAIT and bar.end <= before + _HAIR]
    last = max(waits, key=lambda bar: bar.end, default=None)
    begins = [bar.at for bar in bars if bar.doing not in _PREPARES and last is not None and bar.at >= last.end - _HAIR]
    return last if last is not None and begins and min(begins) <= last.end + _HAIR else None
