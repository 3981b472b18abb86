"""Alerts and silences as text and as data. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from controller.loop.alertbook import Posted
from controller.model.alert import Alert, Severity, Silence
from controller.model.names import Instant
from controller.render.data import timestamp
from controller.render.paint import Paint, age, clean, plain
from controller.render.text import Cell, joined, table

_ROLES = {Severity.CRITICAL: "bad", Severity.WARNING: "warn", Severity.INFO: "dim"}


class Shown(NamedTuple):
    """One alert, and why nothing is told of it."""

    alert: Alert
    hushed: str = ""

    @property
    def state(self) -> str:
        """`Firing`, or why it is not."""
        if self.alert.resolved_at is not None:
            return "Resolved"
        if self.hushed:
            return self.hushed.partition(" ")[0].capitalize()
        return "Settling" if self.alert.quiet_since is not None else "Firing"


def show_alerts(posted: Sequence[Posted], now: Instant, *, everything: bool) -> list[Shown]:
    """The worst first, of these the newest; with `everything` those that are over at the end."""
    found = [
        Shown(alert, item.hush.why(alert, now))
        for item in posted
        for alert in (*item.book.open.values(), *(item.book.closed if everything else ()))
    ]
    return sorted(
        found, key=lambda one: (one.alert.resolved_at is not None, -one.alert.severity.rank, -one.alert.fired_at)
    )


def alert_lines(
    shown: Sequence[Shown], now: Instant, *, wide: bool = False, paint: Paint = plain, width: int | None = None
) -> list[str]:
    """`alerts`: ID, SEVERITY, STATE, AGE, OBJECT, RULE, MESSAGE; wide: what else suffers, and who was told."""
    if not shown:
        return ["No alerts."]
    header = ("ID", "SEVERITY", "STATE", "AGE", "OBJECT", "RULE", *(("TOLD",) if wide else ()), "MESSAGE")
    rows = [_row(item, now, wide=wide) for item in shown]
    return table(header, rows, paint=paint, width=None if wide else width)


def _row(item: Shown, now: Instant, *, wide: bool) -> tuple[str | Cell, ...]:
    alert = item.alert
    over = alert.resolved_at is not None
    told = (",".join(sorted(alert.told)) or "<none>",) if wide else ()
    return (
        alert.id,
        Cell(str(alert.severity), "" if over else _ROLES[alert.severity]),
        item.state,
        age(now - alert.since),
        f"{alert.stack}/{alert.service}" if alert.service else alert.stack,
        alert.rule,
        *told,
        _message(alert),
    )


def _message(alert: Alert) -> str:
    return f"{alert.message} (affects {joined(alert.affects)})" if alert.affects else alert.message


def silence_lines(silences: Sequence[tuple[str, Silence]], now: Instant) -> list[str]:
    """One line for each silence, after the alerts."""
    return [_tell_silence(stack, silence, now) for stack, silence in silences]


def _tell_silence(stack: str, silence: Silence, now: Instant) -> str:
    of = joined(silence.services) or "all services"
    rules = f", rule {joined(silence.rules, 'or')}" if silence.rules else ""
    comment = f": {silence.comment}" if silence.comment else ""
    text = f"silence {silence.id}: {stack}, {of}{rules}, for {age(silence.until - now)} more, by {silence.who}{comment}"
    return clean(text)


def alerts_data(shown: Sequence[Shown], silences: Sequence[tuple[str, Silence]]) -> dict[str, Any]:
    """`alerts -o json`."""
    return {
        "alerts": [_alert_data(item) for item in shown],
        "silences": [_silence_data(stack, silence) for stack, silence in silences],
    }


def _alert_data(item: Shown) -> dict[str, Any]:
    alert = item.alert
    return {
        "id": alert.id,
        "stack": alert.stack,
        "service": alert.service,
        "rule": alert.rule,
        "severity": str(alert.severity),
        "state": item.state,
        "message": alert.message,
        "hushed": item.hushed,
        "since": timestamp(alert.since),
        "firedAt": timestamp(alert.fired_at),
        "resolvedAt": None if alert.resolved_at is None else timestamp(alert.resolved_at),
        "affects": list(alert.affects),
        "also": list(alert.also),
        "labels": dict(alert.labels),
        "told": {name: timestamp(told.at) for name, told in sorted(alert.told.items())},
    }


def _silence_data(stack: str, silence: Silence) -> dict[str, Any]:
    return {
        "id": silence.id,
        "stack": stack,
        "services": list(silence.services),
        "rules": list(silence.rules),
        "until": timestamp(silence.until),
        "by": silence.who,
        "comment": silence.comment,
    }


def sample_alert(now: Instant) -> Alert:
    """What `alerts test` sends."""
    message = "a test of this channel; nothing is wrong"
    return Alert("test", "controller", None, "Test", Severity.INFO, message, now, now)
