"""The state of a stack's protection: as tables, and in the shape for programs (docs/cli.md). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from controller.model.certified import CertificateState
from controller.model.names import Instant
from controller.model.reach import Pair, Reach, Verdict
from controller.model.scanning import FindingSeverity, FindingSource, ScanFinding
from controller.render.data import timestamp
from controller.render.netcheck import reach_data
from controller.render.paint import NONE, Paint, age, clean, plain
from controller.render.published import published_data, published_lines
from controller.render.scan import findings_data, summary_data
from controller.render.text import Cell, count, table
from controller.security.anchor import Anchor
from controller.security.state import Scanned, SecurityState, WaiverState

Data = dict[str, Any]

_ROLES = {FindingSeverity.CRITICAL: "bad", FindingSeverity.HIGH: "bad", FindingSeverity.MEDIUM: "warn"}
_SOON = 14
"""Days before its end from which on a waiver is painted."""

_ENGINE = "<engine>"

# --- for programs


def security_data(states: Sequence[SecurityState]) -> Data:
    """`get security -o json`."""
    return {"stacks": [state_data(state) for state in states]}


def state_data(state: SecurityState) -> Data:
    """`GET /v1/stacks/{stack}/security`."""
    scanned = state.scanned
    own = scanned.own if scanned is not None else ()
    return {
        "name": state.stack,
        "asked": state.asked,
        "scannedAt": None if scanned is None else timestamp(scanned.at),
        "lookedAt": None if scanned is None or scanned.looked_at is None else timestamp(scanned.looked_at),
        "trouble": (scanned.trouble or None) if scanned is not None else None,
        "summary": summary_data(own),
        "sources": {str(source): summary_data(one for one in own if one.source is source) for source in FindingSource},
        "findings": findings_data(own)["findings"],
        "engineFindings": findings_data(scanned.engine if scanned is not None else ())["findings"],
        "gate": {
            "failOn": None if state.fail_on is None else str(state.fail_on),
            "barred": [{"service": name, "why": why} for name, why in sorted(state.barred.items())],
        },
        "waivers": [_waiver_data(one) for one in (scanned.waivers if scanned is not None else ())],
        "network": _network_data(state),
        "certificates": [_certificate_data(one) for one in state.certificates],
        "keys": list(state.keys),
        "auditHead": None if state.audit is None else _head_data(state.audit),
    }


def _certificate_data(one: CertificateState) -> Data:
    ends = {"endsAt": one.ends_at, "renewAt": one.renew_at}
    times = {name: None if at is None else timestamp(at) for name, at in ends.items()}
    return {"service": one.service, **times, "seen": str(one.seen), "message": one.trouble or None}


def _head_data(head: Anchor) -> Data:
    """`signed`: the last record that a checkpoint signs."""
    return {"seq": head.seq, "mac": head.mac, "signed": head.checkpoint}


def _waiver_data(one: WaiverState) -> Data:
    waiver = one.waiver
    return {
        "rule": waiver.id,
        "service": waiver.service,
        "reason": waiver.reason,
        "expires": waiver.expires.isoformat(),
        "daysLeft": one.days_left,
        "findings": one.findings,
        "file": waiver.file,
        "line": waiver.line,
    }


def _network_data(state: SecurityState) -> Data:
    """With what the last check of all services came to, pair by pair; `check` null: there was none."""
    check = None
    if state.reach is not None:
        check = reach_data(state.reach)
        del check["stack"]
    return {
        "policy": "dependencies" if state.enforced else "off",
        "published": published_data(state.published),
        "check": check,
    }


# --- for people


class Look(NamedTuple):
    """How it may look; `width` None: nothing is shortened. `headers`: with a line above the table."""

    paint: Paint = plain
    width: int | None = None
    wide: bool = False
    headers: bool = True


_HEADER = (
    *("STACK", "CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO", "RUNNING", "WAIVED"),
    *("BARRED", "POLICY", "NETCHECK"),
)


def security_lines(states: Sequence[SecurityState], now: Instant, look: Look) -> list[str]:
    """A row for each stack, and one for the engine; then waivers, who is barred, and edges that are not as declared."""
    rows = [_row(state, now) for state in states]
    if (
        engine := next((state.scanned for state in states if state.scanned and state.scanned.engine), None)
    ) is not None:
        rows.append(_engine_row(engine))
    lines = table(_HEADER, rows, paint=look.paint, width=look.width)
    if not look.headers:
        return lines[1:]
    certificates = _certificate_lines(states, now, look)
    for part in (_waiver_lines(states, look), _barred_lines(states, look), _edge_lines(states, look), certificates):
        lines += ["", *part] if part else []
    if look.wide and (found := [one for state in states for one in state.published]):
        lines += ["", *published_lines(found, paint=look.paint)]
    return lines


def _row(state: SecurityState, now: Instant) -> list[str | Cell]:
    scanned = state.scanned
    own = scanned.own if scanned is not None else ()
    told = _counts(own)
    seen = scanned is not None and scanned.looked_at is not None
    running = len([one for one in scanned.running if one.accepted is None]) if scanned is not None else 0
    return [
        state.stack,
        *told[:-1],
        Cell(str(running), "bad" if running else "") if seen else "?",
        told[-1],
        _barred(state),
        "dependencies" if state.enforced else "off",
        _checked(state.reach, now),
    ]


def _engine_row(scanned: Scanned) -> list[str | Cell]:
    told = _counts(scanned.engine)
    return [_ENGINE, *told[:-1], NONE, told[-1], NONE, NONE, NONE]


def _counts(findings: Iterable[ScanFinding]) -> list[str | Cell]:
    """By severity, the worst first, and how many are accepted."""
    told = summary_data(findings)
    waived = told.pop("waived")
    painted = [
        Cell(str(number), _ROLES.get(FindingSeverity(word), "") if number else "") for word, number in told.items()
    ]
    return [*painted, str(waived)]


def _barred(state: SecurityState) -> str | Cell:
    if state.fail_on is None:
        return NONE
    number = len(state.barred)
    return Cell(f"{number} (failOn: {state.fail_on})", "bad" if number else "good")


def _checked(reach: Reach | None, now: Instant) -> str | Cell:
    if reach is None:
        return NONE
    when = f"{age(now - reach.at)} ago"
    wrong = len({(one.source, one.target) for one in reach.differences})
    unknown = len({(one.source, one.target) for one in reach.unchecked})
    parts = [count(wrong, "difference"), *([f"{unknown} unknown"] if unknown else [])]
    return Cell(f"{', '.join(parts)}, {when}", "bad" if wrong else "warn" if unknown else "good")


def _waiver_lines(states: Sequence[SecurityState], look: Look) -> list[str]:
    rows: list[list[str | Cell]] = [
        [state.stack, one.waiver.id, one.waiver.service, one.waiver.expires.isoformat(), _days(one), str(one.findings),
         one.waiver.reason]
        for state in states
        for one in (state.scanned.waivers if state.scanned is not None else ())
    ]  # fmt: skip
    header = ("STACK", "WAIVER", "SERVICE", "EXPIRES", "LEFT", "FINDINGS", "REASON")
    return table(header, rows, paint=look.paint, width=look.width) if rows else []


def _days(one: WaiverState) -> Cell:
    if one.days_left < 0:
        return Cell(f"over for {count(-one.days_left, 'day')}", "bad")
    return Cell(count(one.days_left, "day"), "warn" if one.days_left < _SOON else "")


def _certificate_lines(states: Sequence[SecurityState], now: Instant, look: Look) -> list[str]:
    rows: list[list[str | Cell]] = [
        [state.stack, one.service, NONE if one.ends_at is None else age(max(0.0, one.ends_at - now)), str(one.seen)]
        for state in states
        for one in state.certificates
    ]
    return table(("STACK", "CERTIFICATE", "ENDS IN", "SEEN"), rows, paint=look.paint, width=look.width) if rows else []


def _barred_lines(states: Sequence[SecurityState], look: Look) -> list[str]:
    return [
        f"{look.paint(clean(f'{state.stack}/{name}'), 'bold')}: {clean(why)}"
        for state in states
        for name, why in sorted(state.barred.items())
    ]


def _edge_lines(states: Sequence[SecurityState], look: Look) -> list[str]:
    """Those that are not as declared; `wide`: all that were checked."""
    rows = [row for state in states if state.reach is not None for row in _edge_rows(state.reach, look.wide)]
    header = ("STACK", "FROM", "TO", "PORT", "DECLARED", "REACHABLE", "VERDICT", "WHY")
    return table(header, rows, paint=look.paint, width=look.width) if rows else []


def _edge_rows(reach: Reach, wide: bool) -> Iterator[list[str | Cell]]:
    def key(pair: Pair) -> tuple[str, str, str]:
        return pair.source, pair.target, pair.verdict

    shown = reach.pairs if wide else (*reach.differences, *reach.unchecked)
    for (source, target, _), group in groupby(sorted(shown, key=key), key):
        same = list(group)
        first = same[0]
        ports = ",".join(str(pair.port) for pair in same if pair.port is not None) or NONE
        declared = "yes" if first.needed else "back" if first.declared else "no"
        reachable = _REACHABLE[first.reachable]
        verdict = Cell(str(first.verdict), _role(first))
        yield [reach.stack, source, target, ports, declared, reachable, verdict, first.cause or NONE]


_REACHABLE: Mapping[bool | None, str] = {True: "yes", False: "no", None: "unknown"}


def _role(pair: Pair) -> str:
    if pair.verdict is Verdict.OK:
        return "good"
    return "bad" if pair.counts and pair.verdict is not Verdict.UNKNOWN else "warn"
