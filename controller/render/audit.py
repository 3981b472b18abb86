"""The audit log as tables and data. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from controller.loop.auditread import Export, Read, act_of
from controller.render.paint import Paint, clean, plain
from controller.render.text import Cell, table
from controller.security.auditproof import State, Verdict

CONTROLLER = "controller"
"""What the log of what has no stack is called."""

_TONES = {State.OK: "good", State.TAMPERED: "bad", State.INCOMPLETE: "warn"}
_WELL = frozenset({"done", "", "begun"})


def record_lines(
    reads: Sequence[Read], *, wide: bool = False, paint: Paint = plain, width: int | None = None
) -> list[str]:
    """`audit show`: one record a line, in the order given."""
    if not reads:
        return ["No records."]
    more = ("FROM", "ACT", "LOG", "SEQ") if wide else ()
    head = ("TIME", "WHO", "VIA", "VERB", "OBJECT", "STAGE", "OUTCOME", *more)
    return table(head, [_row(read, wide) for read in reads], paint=paint, width=width)


def _row(read: Read, wide: bool) -> tuple[str | Cell, ...]:
    data = read.data
    outcome = _outcome(data)
    row = (
        _time(data.get("ts")),
        clean(str(data.get("actor", "") or "-")),
        str(data.get("via", "") or "-"),
        clean(str(data.get("verb", ""))),
        clean(_object(data)),
        str(data.get("stage", "")),
        Cell(clean(outcome), "" if data.get("outcome", "") in _WELL else "warn"),
    )
    if not wide:
        return row
    origin, act = str(data.get("from", "") or "-"), act_of(data) or "-"
    return (*row, clean(origin), clean(act), read.log or CONTROLLER, str(data.get("seq", "")))


def _time(stamp: object, zone: tzinfo | None = None) -> str:
    """To the second, where one is."""
    try:
        return datetime.fromisoformat(str(stamp)).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return clean(str(stamp))


def _object(data: Mapping[str, Any]) -> str:
    """`shop/web 2`, `shop`, `silence 3`."""
    thing, stack = data.get("object") or {}, data.get("stack") or ""
    kind, name = str(thing.get("kind", "")), str(thing.get("name", ""))
    if kind == "stack":
        return name
    number = (data.get("detail") or {}).get("number")
    replica = f" {number}" if number is not None and kind == "service" else ""
    named = name if kind == "service" else f"{kind} {name}".strip()
    return f"{stack}/{named}{replica}" if stack else named or "-"


def _outcome(data: Mapping[str, Any]) -> str:
    decision = data.get("decision") or {}
    why = str(decision.get("why", "") or (data.get("detail") or {}).get("message", ""))
    said = str(data.get("outcome", ""))
    return f"{said}: {why}" if said and why else said or why or "-"


def records_data(reads: Sequence[Read], following: str | None = None) -> dict[str, Any]:
    """`audit show -o json`; `following`: where the next page begins."""
    records = [{"log": read.log or CONTROLLER, **read.data} for read in reads]
    return {"records": records, "next": following}


def verdict_lines(verdicts: Mapping[str, Verdict], *, paint: Paint = plain) -> list[str]:
    """`audit verify`: a line for each log, and what is wrong with it below."""
    lines = [] if verdicts else ["No audit log."]
    for log, verdict in verdicts.items():
        lines.append(f"{log or CONTROLLER}: {paint(str(verdict.state), _TONES[verdict.state])}, {_tell(verdict)}")
        if (found := verdict.finding) is not None:
            place = f"{found.file}:{found.line}" if found.line else found.file
            lines.append(f"  {place}: record {found.seq} {found.fault}: {clean(found.message)}")
    return lines


def _tell(verdict: Verdict) -> str:
    if not verdict.lines:
        return "no records"
    signed = f"signed up to {verdict.signed}" if verdict.signed else "none signed yet"
    count = "1 record" if verdict.lines == 1 else f"{verdict.lines} records ({verdict.first} to {verdict.last})"
    told = [count, signed]
    told += [f"{verdict.mended} torn lines taken off"] if verdict.mended else []
    return ", ".join(told)


def verdicts_data(verdicts: Mapping[str, Verdict]) -> dict[str, Any]:
    """`audit verify -o json`."""
    return {"logs": [{"log": log or CONTROLLER, **verdict_data(verdict)} for log, verdict in verdicts.items()]}


def verdict_data(verdict: Verdict) -> dict[str, Any]:
    found = verdict.finding
    wrong = None
    if found is not None:
        wrong = {"fault": str(found.fault), "file": found.file, "line": found.line, "seq": found.seq}
        wrong["message"] = found.message
    return {
        "state": str(verdict.state),
        "records": verdict.lines,
        "first": verdict.first,
        "last": verdict.last,
        "signed": verdict.signed,
        "checkpoints": verdict.checkpoints,
        "mended": verdict.mended,
        "lost": verdict.lost,
        "finding": wrong,
    }


def exports_data(exports: Sequence[Export]) -> dict[str, Any]:
    """`audit verify --export -o json`."""
    named = ({"log": one.log or CONTROLLER, "engine": one.engine, "public": one.public} for one in exports)
    return {"logs": [{**name, **verdict_data(one.verdict)} for name, one in zip(named, exports, strict=True)]}


def code_of(verdicts: Sequence[Verdict]) -> int:
    """0: all is as it was written; 1: something was tampered with; 2: something is not there."""
    states = {verdict.state for verdict in verdicts}
    return 1 if State.TAMPERED in states else 2 if State.INCOMPLETE in states else 0
