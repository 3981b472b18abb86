"""All that is known of a stack or a service, in kubectl's `describe` manner. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import tzinfo

from controller.decide.touched import find_differences, tell_difference
from controller.model.names import Instant
from controller.model.observed import Replica
from controller.model.status import Condition, Event, ServiceStatus, StackStatus
from controller.render.data import timestamp
from controller.render.events import clock, last_seen
from controller.render.paint import NONE, Paint, age, clean, plain
from controller.render.phases import next_try
from controller.render.roles import role_of
from controller.render.status import replica_state, service_lines
from controller.render.text import count, span, table


def describe_stack(stack: StackStatus, events: Sequence[Event], now: Instant, *, paint: Paint = plain) -> list[str]:
    """Headline, conditions, services, what happened last."""
    return [
        *_fields(
            ("Name", clean(stack.name)),
            ("Phase", paint(str(stack.phase), role_of(stack.phase))),
            ("Generation", str(stack.generation)),
            ("Source", clean(stack.source) or NONE),
            ("Observed", f"{timestamp(stack.taken_at)} ({age(now - stack.taken_at)} ago)"),
        ),
        *_conditions(stack.conditions, now, paint),
        "Services:",
        *_indented(service_lines([stack], now, wide=True, paint=paint)),
        *_happened(events, now, paint),
    ]


def describe_service(
    stack: StackStatus, service: ServiceStatus, events: Sequence[Event], now: Instant, *, paint: Paint = plain
) -> list[str]:
    """Phase and reason, what it waits for, each replica with what it said last, what happened."""
    return [
        *_fields(
            ("Name", clean(service.name)),
            ("Stack", f"{clean(stack.name)} (generation {stack.generation})"),
            ("Phase", f"{paint(str(service.phase), role_of(service.phase))} for {age(now - service.since)}"),
            ("Reason", clean(service.reason) or NONE),
            ("Message", clean(service.message) or NONE),
            ("Replicas", f"{service.desired} desired, {service.ready} ready, {service.updated} up to date"),
            ("Waits for", clean(service.waits_for) if service.waits_for else NONE),
            _next_look(service, now),
            ("Starts in", "unknown (first start)" if service.usually is None else f"usually {span(service.usually)}"),
        ),
        *_conditions(service.conditions, now, paint),
        "Replicas:" if service.replicas else f"Replicas:   {NONE}",
        *(line for replica in service.replicas for line in _replica(service, replica, now)),
        *_happened(events, now, paint),
    ]


def _next_look(service: ServiceStatus, now: Instant) -> tuple[str, str]:
    """A wake is no try where nothing is wrong: only the end of a watch, or of the time for a start."""
    label = "Next look" if next_try(service) is None else "Next try"
    return label, f"in {age(service.wake_at - now)}" if service.wake_at else NONE


def _fields(*pairs: tuple[str, str]) -> list[str]:
    return [f"{name + ':':<11} {value}" for name, value in pairs]


def _indented(lines: Iterable[str], by: int = 2) -> list[str]:
    return [f"{' ' * by}{line}" for line in lines]


def _conditions(conditions: Sequence[Condition], now: Instant, paint: Paint) -> list[str]:
    if not conditions:
        return [f"Conditions: {NONE}"]
    rows = [(item.type, item.status, item.reason, age(now - item.transitioned_at), item.message) for item in conditions]
    return ["Conditions:", *_indented(table(("TYPE", "STATUS", "REASON", "SINCE", "MESSAGE"), rows, paint=paint))]


def _traffic(replica: Replica) -> list[tuple[str, str]]:
    """What the ingress leads to it; nothing where it is not behind one."""
    route = replica.route
    if route is None:
        return []
    figures = route.figures
    told = f"{count(route.connections, 'connection')}, {count(figures.requests, 'request')}"
    return [("Ingress", f"{route.state}, {told}, {count(figures.errors, 'error')}, {figures.latency * 1000:.1f} ms")]


def _replica(service: ServiceStatus, replica: Replica, now: Instant) -> list[str]:
    pairs = [
        ("Id", replica.id[:12]),
        ("State", f"{replica_state(replica)}, {replica.health}"),
        ("Image", replica.image or NONE),
        ("Revision", str(replica.revision) or NONE),
        ("Created", _when(replica.created_at or None, now)),
        ("Started", _when(replica.started_at, now)),
        ("Last end" if replica.running else "Ended", _when(replica.finished_at, now)),
        ("Restarts", str(service.restarted.get(replica.id, 0))),
        ("Published", ", ".join(replica.published) or NONE),
        *_traffic(replica),
        ("Drift", _drift(replica)),
    ]
    lines = [f"  {clean(replica.name)}", *(f"    {name + ':':<10} {clean(value)}" for name, value in pairs)]
    return [*lines, *last_words(replica, 4)]


def _drift(replica: Replica) -> str:
    """What a hand changed; of what is not ours, in which fields it is other than it would be made now."""
    return ", ".join([tell_difference(found) for found in find_differences(replica)] or replica.drift or ()) or NONE


def last_words(replica: Replica, indent: int, keep: int = 10) -> list[str]:
    """The last lines that a replica said, harmless to the terminal."""
    said = [clean(line) for line in replica.last_output.splitlines() if line.strip()][-keep:]
    return [f"{' ' * indent}Last output:", *_indented((f"| {line}" for line in said), indent + 2)] if said else []


def _when(instant: Instant | None, now: Instant) -> str:
    return NONE if instant is None else f"{timestamp(instant)} ({age(now - instant)} ago)"


def _happened(events: Sequence[Event], now: Instant, paint: Paint, zone: tzinfo | None = None) -> list[str]:
    if not events:
        return [f"Events:     {NONE}"]
    rows = [
        (clock(event.at, zone), last_seen(event, now), event.kind, event.reason, event.message)
        for event in events[-12:]
    ]
    return ["Events:", *_indented(table(("TIME", "AGE", "TYPE", "REASON", "MESSAGE"), rows, paint=paint))]
