"""Progress as lines: one a service while it lasts, and the sentence for each change of phase. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from controller.model.names import Instant
from controller.model.phases import AT_REST, Phase
from controller.model.status import Event, ServiceStatus, StackStatus
from controller.render.paint import Paint, age, clean, plain
from controller.render.phases import remark_on
from controller.render.roles import role_of
from controller.render.status import headline
from controller.render.text import count, cut, span, width_of

_KEPT_DOWN = frozenset({"StoppedByUser", "NotStarted", "NotRunningAtAdoption"})
"""Reasons to stay stopped that a person may have forgotten: they are told at the first look too."""

_PHASE_WIDTH = max(len(phase) for phase in (Phase.COMPLETED, Phase.UPDATING, Phase.ROLLING_BACK))


def progress_lines(
    stacks: Sequence[StackStatus], now: Instant, *, height: int, width: int, paint: Paint = plain
) -> list[str]:
    """A headline a stack and a line a service, in no more than `height` lines; what is at rest is folded first."""
    return [line for stack in stacks for line in _stack(stack, now, max(3, height // len(stacks)), width, paint)]


def _stack(stack: StackStatus, now: Instant, height: int, width: int, paint: Paint) -> list[str]:
    shown, folded = _fit(stack.services, height - 1)
    names = max((width_of(clean(item.name)) for item in shown), default=0)
    lines = [headline(stack, paint), *(_line(item, stack, now, names, width, paint) for item in shown)]
    return [*lines, paint(f"  and {count(folded, 'service')} more", "dim")] if folded else lines


def _fit(services: Sequence[ServiceStatus], room: int) -> tuple[list[ServiceStatus], int]:
    if len(services) <= room:
        return list(services), 0
    restless = [item for item in services if item.phase not in AT_REST]
    resting = [item for item in services if item.phase in AT_REST]
    shown = (restless + resting)[: max(1, room - 1)]
    return [item for item in services if item in shown], len(services) - len(shown)


def _line(service: ServiceStatus, stack: StackStatus, now: Instant, names: int, width: int, paint: Paint) -> str:
    name, phase = clean(service.name), str(service.phase)
    told = _told(service, stack, now)
    pad = " " * (names - width_of(name) + 2)
    tally = f"{service.ready}/{service.desired}"
    room = width - names - 2 - 2 - max(len(phase), _PHASE_WIDTH) - 2 - 5
    painted = paint(phase, role_of(service.phase)) + " " * (_PHASE_WIDTH - len(phase))
    return f"  {name}{pad}{painted}  {tally:<5}{paint(cut(told, max(0, room)), 'dim')}".rstrip()


def _told(service: ServiceStatus, stack: StackStatus, now: Instant) -> str:
    elapsed = age(now - service.since)
    match service.phase:
        case Phase.READY | Phase.COMPLETED | Phase.STOPPED | Phase.PAUSED:
            return clean(remark_on(service))
        case Phase.WAITING:
            return f"{clean(service.message)} · {elapsed}{_usual_wait(service, stack)}"
        case Phase.STARTING | Phase.UPDATING:
            usual = f", usually {span(service.usually)}" if service.usually is not None else ""
            return f"{elapsed}{usual}{f' · {clean(service.message)}' if service.message else ''}"
        case _:
            return f"{clean(service.message)} · {elapsed}"


def _usual_wait(service: ServiceStatus, stack: StackStatus) -> str:
    for other in stack.services:
        if other.name == service.waits_for and other.usually is not None:
            return f", {clean(other.name)} usually takes {span(other.usually)}"
    return ""


def warning_line(event: Event) -> str:
    """`web BackOff: exited with 1`."""
    return clean(f"{event.service or event.stack} {event.reason}: {event.message}")


def tells_phase(event: Event) -> bool:
    """Whether an event only says what the line for the new phase says."""
    first = event.message.split(":", 1)[0]
    return first in tuple(Phase) and event.service is not None


def change_line(
    stack: StackStatus, service: ServiceStatus, before: Phase | None, seconds: float | None, *, several: bool
) -> str | None:
    """`redis Ready after 1.2 s`, `web Waiting: for redis to be healthy`; None where a first look is no news."""
    first = before is None and service.phase in AT_REST
    if first and service.reason not in _KEPT_DOWN:
        return None
    name = clean(f"{stack.name}/{service.name}" if several else service.name)
    if service.phase in AT_REST:
        if first:
            return f"{name} {service.phase}: {clean(remark_on(service))}"
        return f"{name} {service.phase}{f' after {span(seconds)}' if seconds is not None else ''}"
    return f"{name} {service.phase}{f': {clean(service.message)}' if service.message else ''}"
