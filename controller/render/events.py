"""Events and log lines as text. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from controller.model.names import Instant
from controller.model.status import Event
from controller.render.paint import Paint, age, clean, plain
from controller.render.text import Cell, table

_HUES = ("36", "33", "32", "35", "34", "96", "93", "92", "95", "94")


def event_lines(events: Sequence[Event], now: Instant, *, paint: Paint = plain, width: int | None = None) -> list[str]:
    """`events`: LAST SEEN, TYPE, REASON, OBJECT, MESSAGE, as kubectl prints them."""
    if not events:
        return ["No events."]
    rows = [
        (
            last_seen(event, now),
            Cell(event.kind, "warn" if event.kind == "Warning" else ""),
            event.reason,
            _object(event),
            event.message,
        )
        for event in events
    ]
    return table(("LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"), rows, paint=paint, width=width)


def last_seen(event: Event, now: Instant) -> str:
    """`5s`, `5s (x3 over 2m)`."""
    return f"{age(now - event.at)}{_repeats(event, now)}"


def _repeats(event: Event, now: Instant) -> str:
    if event.count < 2 or event.first_at is None:
        return ""
    return f" (x{event.count} over {age(now - event.first_at)})"


def event_line(event: Event, zone: tzinfo | None = None, *, paint: Paint = plain) -> str:
    """One event as it comes: `12:01:02 rag/redis Ready: after 1.2 s`, with `(x3 over 2m)` behind a repeat."""
    told = paint(event.reason, "warn") if event.kind == "Warning" else event.reason
    said = f"{told}: {clean(event.message)}{_repeats(event, event.at)}"
    return f"{paint(clock(event.at, zone), 'dim')} {_object(event)} {said}"


def clock(instant: Instant, zone: tzinfo | None = None) -> str:
    """Time of day; `zone` None: the local one."""
    return datetime.fromtimestamp(instant, zone).strftime("%H:%M:%S")


def _object(event: Event) -> str:
    return clean(f"{event.stack}/{event.service}" if event.service else event.stack)


def log_prefix(name: str, index: int, width: int, *, colour: bool) -> str:
    """`web-1  | `, each replica in a hue of its own."""
    text = f"{clean(name):<{width}} | "
    return f"\x1b[{_HUES[index % len(_HUES)]}m{text}\x1b[0m" if colour else text


def log_text(line: str) -> str:
    """A container's line, harmless to the terminal; tabs stay."""
    return clean(line.rstrip("\r\n"), keep_lines=True)
