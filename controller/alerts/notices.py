"""What is to be told to whom, now: a channel hears of each trouble once, of its end, and again while it lasts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from controller.alerts.measured import MACHINE
from controller.model.alert import TELL_FOR, Ack, Alert, AlertPolicy, Book, Silence, Told
from controller.model.channel import Channel
from controller.model.names import Instant


@dataclass(frozen=True, slots=True)
class Notice:
    """News of one alert for one channel."""

    channel: str
    alert: Alert


class Hush(NamedTuple):
    """Who wants to hear no more of what."""

    acks: Mapping[str, Ack] = {}
    silences: tuple[Silence, ...] = ()

    def why(self, alert: Alert, now: Instant) -> str:
        """Why nothing is told of it now; "": nothing is in the way."""
        for silence in self.silences:
            if now < silence.until and silence.covers(alert):
                return f"silenced by {silence.who}"
        ack = self.acks.get(alert.id)
        if ack is not None and alert.severity.rank <= ack.severity.rank:
            return f"acknowledged by {ack.who}"
        return ""


def find_notices(book: Book, policy: AlertPolicy, channel: Channel, hush: Hush, now: Instant) -> Iterator[Notice]:
    """What the channel does not know yet."""
    for alert in (*book.open.values(), *book.closed):
        if _is_due(alert, channel, policy, hush, now):
            yield Notice(channel.name, alert)


def _hears(channel: Channel, alert: Alert, policy: AlertPolicy) -> bool:
    named = alert.channels or policy.channels
    return (not named or channel.name in named) and alert.severity.rank >= channel.min_severity.rank


def _is_due(alert: Alert, channel: Channel, policy: AlertPolicy, hush: Hush, now: Instant) -> bool:
    """The end is told to who heard of it, whatever holds by then."""
    told = alert.told.get(channel.name)
    if alert.resolved_at is not None:
        return told is not None and not told.resolved and now - alert.resolved_at < TELL_FOR
    if not _hears(channel, alert, policy) or hush.why(alert, now):
        return False
    if told is None or told.severity.rank < alert.severity.rank:
        return True
    return policy.repeat > 0 and now - told.at >= policy.repeat


def next_notice(book: Book, policy: AlertPolicy, hush: Hush, now: Instant) -> Instant | None:
    """When there may be something to tell though nothing changes: a repeat, or the end of a silence."""
    repeats = (told.at + policy.repeat for alert in book.open.values() for told in alert.told.values())
    ends = (silence.until for silence in hush.silences) if book.open else ()
    return min((at for at in (*repeats, *ends) if at > now), default=None)


def note_told(book: Book, notice: Notice, now: Instant) -> Book:
    """The channel has it. What was under way meanwhile may be older than what it knows: it forgets nothing."""

    def mark(item: Alert) -> Alert:
        if item.id != notice.alert.id:
            return item
        before = item.told.get(notice.channel)
        severities = (notice.alert.severity, *((before.severity,) if before is not None else ()))
        resolved = notice.alert.resolved_at is not None or (before is not None and before.resolved)
        told = Told(max(severities, key=lambda severity: severity.rank), now, resolved)
        return replace(item, told={**item.told, notice.channel: told})

    return replace(
        book,
        open={key: mark(item) for key, item in book.open.items()},
        closed=tuple(mark(item) for item in book.closed),
    )


def title_of(alert: Alert) -> str:
    """`critical: rag/db: no replica is ready`; of one that is over `resolved: rag/db: …`."""
    subject = f"{alert.stack}/{alert.service}" if alert.service else alert.stack
    state = "resolved" if alert.resolved_at is not None else str(alert.severity)
    return f"{state}: {subject}: {_first_line(alert.message)}"


def body_of(alert: Alert) -> str:
    """What a person needs who reads it on a telephone: what it is, what suffers, what to do next."""
    lines = [f"rule: {', '.join((alert.rule, *alert.also))}"]
    if alert.affects:
        lines.append(f"affects: {', '.join(alert.affects)}")
    lines += [f"{key}: {text}" for key, text in sorted(alert.labels.items())]
    if alert.resolved_at is not None:
        lines.append(f"lasted {max(0.0, alert.resolved_at - alert.since):.0f} s")
    else:
        why = f"controller why{f' {alert.service}' if alert.service else ''} -s {alert.stack}"
        lines.append(f"look: {'controller top' if alert.rule in MACHINE else why}")
        lines.append(f"known: controller alerts ack {alert.id}")
    return "\n".join(lines)


def _first_line(text: str) -> str:
    line = text.strip().splitlines()[0] if text.strip() else ""
    return line if len(line) <= 200 else f"{line[:199]}…"
