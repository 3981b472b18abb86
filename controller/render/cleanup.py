"""What a clean-up would remove, or has removed, as text and as data (docs/cli.md). Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from controller.model.cleanup import CleanupReport, Done, Fate, Rubbish, Schedule
from controller.model.quantities import tell_octets
from controller.render.data import timestamp
from controller.render.paint import NONE, Paint, age, clean, plain
from controller.render.text import Cell, count, joined, table

_GOES = (Fate.UNUSED, Fate.REMOVED)
_ROLES = {Fate.REMOVED: "good", Fate.LEFT: "warn", Fate.FAILED: "bad", Fate.TOLD: "warn"}
_UNKNOWN = "?"


def report_data(report: CleanupReport) -> dict[str, Any]:
    """One stack of `cleanup -o json`, `GET /v1/stacks/{stack}/cleanup`."""
    return {
        "stack": report.stack,
        "dryRun": report.dry_run,
        "ok": report.ok,
        "bytes": total_bytes([report]),
        "seconds": round(report.seconds, 3),
        "olderThanSeconds": report.older_than,
        "items": [_item_data(one) for one in report.done],
        "younger": {"items": report.younger, "bytes": report.younger_bytes},
        "message": report.message or None,
        "notes": list(report.notes),
    }


def _item_data(done: Done) -> dict[str, Any]:
    item = done.item
    return {
        "kind": str(item.kind),
        "id": item.id,
        "name": item.name,
        "bytes": item.bytes if done.fate is not Fate.REMOVED else done.bytes,
        "atMost": item.at_most,
        "why": item.why,
        "unusedSince": None if item.since is None else timestamp(item.since),
        "outcome": str(done.fate),
        "message": done.message or None,
        "hint": done.hint,
    }


def schedule_data(schedule: Schedule) -> dict[str, Any]:
    """`schedule` of docs/api.md."""
    times = {"lastAt": schedule.last, "nextAt": schedule.next}
    told = {name: None if at is None else timestamp(at) for name, at in times.items()}
    return {"everySeconds": schedule.every, **told}


def reports_data(reports: Sequence[CleanupReport]) -> dict[str, Any]:
    """One object for one stack; for several `{"stacks": […], "bytes"}`, where what two have counts once."""
    if len(reports) == 1:
        return report_data(reports[0])
    return {"stacks": [report_data(report) for report in reports], "bytes": total_bytes(reports)}


def total_bytes(reports: Iterable[CleanupReport]) -> int:
    """What would come free, or came free, as far as it is known; each thing once."""
    return sum(_size(one) or 0 for one in _once(reports) if one.fate in _GOES)


def _once(reports: Iterable[CleanupReport]) -> Iterable[Done]:
    return {(one.item.kind, one.item.id): one for report in reports for one in report.done}.values()


def _size(done: Done) -> int | None:
    return done.bytes if done.fate is Fate.REMOVED else done.item.bytes


# --- for people


def cleanup_lines(
    reports: Sequence[CleanupReport], *, wide: bool = False, paint: Paint = plain, width: int | None = None
) -> list[str]:
    """A row a thing, with the stack's name where there are several; below it what all of it comes to."""
    several = len(reports) > 1
    rows = [_row(report, one, several, wide) for report in reports for one in report.done]
    header = [*(["STACK"] if several else []), "KIND", "NAME", "SIZE", "UNUSED", "OUTCOME", "WHY"]
    if all(report.dry_run for report in reports):
        header.remove("OUTCOME")
    header += ["ID"] if wide else []
    lines = table(header, rows, paint=paint, width=width) if rows else []
    sums = [_sum_line(report, paint) for report in reports if report.ok or report.done]
    return [*lines, *([""] if lines and sums else []), *sums]


def _row(report: CleanupReport, done: Done, several: bool, wide: bool) -> list[str | Cell]:
    item = done.item
    since = None if item.since is None else report.at - item.since
    outcome = [] if report.dry_run else [Cell(str(done.fate), _ROLES.get(done.fate, ""))]
    return [
        *([report.stack] if several else []),
        str(item.kind),
        item.name,
        _tell_size(done),
        NONE if since is None else age(since),
        *outcome,
        done.message or item.why,
        *([item.id] if wide else []),
    ]


def _tell_size(done: Done) -> str:
    size = _size(done)
    if size is None:
        return _UNKNOWN
    return f"{'≤' if done.item.at_most and size else ''}{tell_octets(size)}"


def _sum_line(report: CleanupReport, paint: Paint) -> str:
    """`shop  would free 121Mi: 1 container and 1 image`."""
    goes, left = report.of(*_GOES), report.of(Fate.LEFT, Fate.FAILED)
    told = _tell_total(report, goes) if goes else "nothing to remove"
    rest = f"; {len(left)} left" if left else ""
    return f"{paint(clean(report.stack), 'bold')}  {told}{rest}{_tell_younger(report)}"


def _tell_total(report: CleanupReport, goes: Sequence[Done]) -> str:
    size = total_bytes([report])
    if not size:
        return f"{'would remove' if report.dry_run else 'removed'} {_tell_kinds(goes)}"
    most = "at most " if any(one.item.at_most for one in goes) else ""
    return f"{'would free' if report.dry_run else 'freed'} {most}{tell_octets(size)}: {_tell_kinds(goes)}"


def _tell_younger(report: CleanupReport) -> str:
    if not report.younger:
        return ""
    size = f" ({tell_octets(report.younger_bytes)})" if report.younger_bytes else ""
    return f"; {report.younger} more{size} unused for less than {age(report.older_than)}"


def _tell_kinds(goes: Sequence[Done]) -> str:
    counted = Counter(one.item.kind for one in goes)
    nouns = {Rubbish.CACHE: "part of the build cache"}
    return joined([nouns.get(kind) or count(number, str(kind)) for kind, number in counted.items()])


def log_hint(reports: Iterable[CleanupReport]) -> str | None:
    """How logs that are only told can be bounded; None: there is none."""
    names = [one.item.name for report in reports for one in report.of(Fate.TOLD)]
    if not names:
        return None
    return f"no log is cut off: set logging.options.max-size for {joined(names)} in the Compose file"
