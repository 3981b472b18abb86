"""A plan as text: steps at their times with reasons, the waits between them, repeats folded, what is held. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from controller.model.plan import Held, Plan, PlannedStep, PlannedUpdate, PlannedWait
from controller.render.paint import Paint, clean, plain
from controller.render.text import count, joined, span, width_of

_VERB = len("restart")
_ROLE = {"disconnect": "warn", "create": "good", "start": "good", "remove": "bad", "stop": "warn", "restart": "warn"}
_NEEDS_NO_WAIT = frozenset({"create", "pull", "build"})
_HAND_OVER = "the ingress takes its host ports over: a gap of Docker's stop and start, about 1.5 s, once"
_NOTICED = 0.05
"""Seconds without service up to which nobody would call it that."""


@dataclass(slots=True)
class _Run:
    """Consecutive steps of one service about one replica."""

    service: str
    replica: str | None
    steps: list[PlannedStep] = field(default_factory=list)

    @property
    def shape(self) -> tuple[object, ...]:
        return (self.service, *((step.action, step.because) for step in self.steps))


@dataclass(frozen=True, slots=True)
class _Row:
    place: float
    at: float | None
    verb: str
    what: str
    note: str
    role: str = ""


def plan_lines(plans: Sequence[Plan], *, paint: Paint = plain) -> list[str]:
    """Every stack's plan, one after the other."""
    blocks = [_plan_block(plan, paint) for plan in plans]
    return [line for index, block in enumerate(blocks) for line in ([""] if index else []) + block]


def _plan_block(plan: Plan, paint: Paint) -> list[str]:
    held = held_lines(plan, paint)
    if not plan.steps:
        name = paint(clean(plan.stack), "bold")
        return [f"{name}  {'nothing will be done' if held else 'as desired, nothing to do'} (0 changes)", *held]
    rows = _rows(plan)
    whats = max((width_of(row.what) for row in rows), default=0)
    verbs = max(_VERB, *(len(row.verb) for row in rows))
    return [
        f"{paint(clean(plan.stack), 'bold')}  {count(len(plan.steps), 'change')}",
        *(_line(row, verbs, whats, paint) for row in rows),
        *held,
        *update_lines(plan),
        *summary_lines(plan, paint),
    ]


def _rows(plan: Plan) -> list[_Row]:
    """Steps by time, those of unknown time in their order; each wait right before the step that it holds up."""
    ordered = sorted(plan.steps, key=lambda step: (step.at is None, step.at or 0.0))
    places = {id(step): float(place) for place, step in enumerate(ordered)}
    rows = [*_step_rows(ordered, places), *(_wait_row(wait, _held_up(wait, ordered, places)) for wait in plan.waits)]
    return sorted(rows, key=lambda row: row.place)


def _held_up(wait: PlannedWait, ordered: Sequence[PlannedStep], places: Mapping[int, float]) -> float:
    """The place of a wait: before the first later step of its service that waiting can hold up."""
    later = [
        step
        for step in ordered
        if step.service == wait.service
        and step.action not in _NEEDS_NO_WAIT
        and (step.at is None or (wait.at is not None and step.at >= wait.at - 0.001))
    ]
    return places[id(later[0])] - 0.5 if later else float(len(ordered))


def _step_rows(steps: Sequence[PlannedStep], places: Mapping[int, float]) -> Iterable[_Row]:
    """One row a step; runs of the same shape are told once and then named."""
    by_service: dict[str, list[PlannedStep]] = {}
    for step in steps:
        by_service.setdefault(step.service, []).append(step)
    for service_steps in by_service.values():
        for _, group in groupby(_runs(service_steps), key=lambda run: run.shape):
            yield from _folded(list(group), places)


def _runs(steps: Sequence[PlannedStep]) -> Iterable[_Run]:
    """Cuts a service's steps where the replica changes, and a restart of the same action begins."""
    run: _Run | None = None
    for step in steps:
        if run is None or step.replica != run.replica:
            if run is not None:
                yield run
            run = _Run(step.service, step.replica)
        run.steps.append(step)
    if run is not None:
        yield run


def _folded(runs: Sequence[_Run], places: Mapping[int, float]) -> Iterable[_Row]:
    saved = (len(runs) - 1) * len(runs[0].steps)
    shown = runs[:1] if saved >= 2 else runs
    for run in shown:
        yield from (_step_row(step, places[id(step)]) for step in run.steps)
    if len(shown) < len(runs):
        names = joined([_short(run.steps[0]) for run in runs[1:]])
        last = runs[0].steps[-1]
        yield _Row(places[id(last)] + 0.25, last.at, "", "", f"then the same for {names}{_until(runs)}")


def _until(runs: Sequence[_Run]) -> str:
    end = runs[-1].steps[-1].at
    return f", until +{end:.1f}s" if end is not None and end > (runs[0].steps[-1].at or 0.0) else ""


def _step_row(step: PlannedStep, place: float) -> _Row:
    return _Row(place, step.at, step.action, _short(step), clean(step.because), _ROLE.get(step.action, "busy"))


def _short(step: PlannedStep) -> str:
    return clean(step.replica or step.service)


def _wait_row(wait: PlannedWait, place: float) -> _Row:
    usually = "unknown (first start)" if wait.seconds is None else f"usually {span(wait.seconds)}"
    return _Row(place, wait.at, "wait", clean(wait.service), f"for {clean(wait.waits_for)} · {usually}", "dim")


def _line(row: _Row, verbs: int, whats: int, paint: Paint) -> str:
    if not row.verb:
        return f"{'':11}{paint(row.note, 'dim')}"
    at = "      ?" if row.at is None else f"{f'+{row.at:.1f}s':>7}"
    pad = " " * (whats - width_of(row.what))
    verb, note = paint(f"{row.verb:<{verbs}}", row.role), paint(row.note, "dim")
    return f"  {paint(at, 'dim')}  {verb}  {row.what}{pad}  {note}".rstrip()


def held_lines(plan: Plan, paint: Paint) -> list[str]:
    """What will not be done, and why."""
    return [_held_line(item, paint) for item in plan.held]


def _held_line(held: Held, paint: Paint) -> str:
    who = clean(held.service) if held.service else "whole stack"
    why = f"{held.reason}: {held.message}" if held.message else held.reason
    return f"  {paint('   held', 'warn')}  {who}  {clean(why)}"


def update_lines(plan: Plan) -> list[str]:
    """How each service is replaced that is."""
    return [_update_line(update, plan) for update in plan.updates]


def _update_line(update: PlannedUpdate, plan: Plan) -> str:
    """In which order a service is replaced, why, and how long nobody of it serves."""
    at_once = f"{update.parallelism} at a time" if update.parallelism else "all at once"
    seconds = plan.downtime.get(update.service, 0.0)
    downtime = span(seconds) if seconds is None or seconds > _NOTICED else "none"
    how = f"{update.order} ({clean(update.because) or 'as asked for'}), {at_once}, monitor {update.monitor:g} s"
    drain = "drain: none" if update.drain is None else f"drained by the ingress, at most {update.drain:g} s"
    if update.pre_stop_delay:
        drain += f", out of its names {update.pre_stop_delay:g} s before its end"
    line = f"  {clean(update.service)}: {how} · {drain} · downtime {downtime}"
    return f"{line}\n    {_HAND_OVER}" if update.hands_over else line


def summary_lines(plan: Plan, paint: Paint) -> list[str]:
    """How much, how long, and who does not serve meanwhile."""
    time = "unknown (first start)" if plan.seconds is None else f"about {span(plan.seconds)}"
    lines = [f"  {count(len(plan.steps), 'change')} · time {time} · downtime {_downtime(plan)}"]
    if not plan.settles:
        lines.append(f"  {paint('does not settle', 'warn')}: something keeps failing or waiting; see `controller why`")
    return lines


def _downtime(plan: Plan) -> str:
    named = {service: seconds for service, seconds in plan.downtime.items() if seconds is None or seconds > _NOTICED}
    return ", ".join(f"{clean(service)} {span(seconds)}" for service, seconds in named.items()) or "none"
