"""A plan as a Gantt chart: a row a service on an axis of seconds, as wide as the terminal, in characters. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from controller.model.plan import Bar, Doing, Plan, Row
from controller.render.axis import Axis, make_axis
from controller.render.paint import Paint, clean, plain
from controller.render.plan import held_lines, summary_lines, update_lines
from controller.render.text import count, cut, span, width_of

WIDTH = 100
"""Columns where nobody says how many there are."""

_NARROWEST = 20
"""Columns that a chart needs to show anything; notes make room for it, and then it takes what it needs."""
_LONGEST_NAME, _LONGEST_NOTE, _SHORTEST_NOTE = 28, 34, 7


class Look(NamedTuple):
    """How a stretch is drawn: a character where the terminal has more than ASCII, one where not, the role, the word."""

    drawn: str
    ascii: str
    role: str
    word: str


LOOKS: Mapping[Doing, Look] = {
    Doing.WAIT: Look("·", ".", "dim", "waits"),
    Doing.PULL: Look("░", "p", "busy", "pulls"),
    Doing.BUILD: Look("▒", "b", "busy", "builds"),
    Doing.CREATE: Look("▁", "c", "dim", "is created"),
    Doing.START: Look("▄", "s", "good", "starts"),
    Doing.RESTART: Look("▟", "R", "good", "restarts"),
    Doing.READY: Look("█", "=", "good", "gets ready"),
    Doing.RUN: Look("▇", "j", "good", "runs to its end"),
    Doing.WATCH: Look("─", "-", "good", "ready, watched"),
    Doing.DRAIN: Look("▞", "d", "warn", "drains"),
    Doing.STOP: Look("▓", "x", "warn", "stops"),
    Doing.REMOVE: Look("▖", "r", "bad", "is removed"),
}
"""In the order of a life. The meaning never depends on the colour."""

_FIRST: Mapping[Doing | None, str] = {
    Doing.PULL: "pull",
    Doing.BUILD: "build",
    Doing.RUN: "run",
    Doing.STOP: "stop",
    Doing.REMOVE: "stop",
}
_UNKNOWN = Look("?", "?", "dim", "not measured yet")
_PREPARES = (Doing.WAIT, Doing.PULL, Doing.BUILD, Doing.CREATE)


def timeline_lines(
    plans: Sequence[Plan], *, paint: Paint = plain, width: int | None = None, plain_text: bool = False
) -> list[str]:
    """Every stack's chart. `width` None: as wide as nothing asks for. `plain_text`: nothing but ASCII in the charts."""
    blocks = [_block(plan, paint, width or WIDTH, plain_text) for plan in plans]
    return [line for index, block in enumerate(blocks) for line in ([""] if index else []) + block]


def _block(plan: Plan, paint: Paint, width: int, plain_text: bool) -> list[str]:
    held = held_lines(plan, paint)
    if not plan.steps:
        told = "nothing will be done" if held else "as desired, nothing to do"
        return [f"{paint(clean(plan.stack), 'bold')}  {told} (0 changes)", *held]
    return [
        f"{paint(clean(plan.stack), 'bold')}  {count(len(plan.steps), 'change')}",
        *_chart(plan, _Pen(paint, plain_text), width),
        *held,
        *update_lines(plan),
        *summary_lines(plan, paint),
    ]


class _Pen(NamedTuple):
    """With what is drawn."""

    paint: Paint
    ascii: bool

    def draw_all(self, cells: Iterable[Look | None]) -> str:
        return "".join(self.draw(look, len(list(same))) for look, same in groupby(cells))

    def draw(self, look: Look | None, cells: int = 1) -> str:
        """So many columns of it; of nothing: blank."""
        if look is None:
            return " " * cells
        return self.paint((look.ascii if self.ascii else look.drawn) * cells, look.role)


def _chart(plan: Plan, pen: _Pen, width: int) -> list[str]:
    rows = sorted(plan.timeline, key=_begin)
    names, notes = [cut(clean(row.service), _LONGEST_NAME) for row in rows], [_note(row) for row in rows]
    name_width = max(map(width_of, names), default=0)
    room = width - name_width - 6
    note_width = _share(notes, room)
    length = max((bar.end for row in rows for bar in row.bars), default=0.0)
    axis = make_axis(length, max(room - note_width, _NARROWEST)) if length else None
    looks, path = [_looks(row, axis) for row in rows], _path(rows)
    lines = (
        [] if axis is None else [f"{' ' * (name_width + 5)}{pen.paint(line, 'dim')}" for line in axis.lines(pen.ascii)]
    )
    for row, name, note, cells in zip(rows, names, notes, looks, strict=True):
        mark, shown = ("*", pen.paint(name, "bold")) if row in path else (" ", name)
        pad, told = " " * (name_width - width_of(name)), pen.paint(cut(note, note_width), "dim")
        lines.append(f"  {mark} {shown}{pad} {pen.draw_all(cells)} {told}".rstrip())
    return [*lines, *_legend({look for cells in looks for look in cells}, path, pen, width)]


def _share(notes: Sequence[str], room: int) -> int:
    """What the notes get of the width: all they need, unless the chart needs it more."""
    wanted = min(max(map(width_of, notes), default=0), _LONGEST_NOTE, room - _NARROWEST)
    return wanted if wanted >= _SHORTEST_NOTE else 0


def _path(rows: Sequence[Row]) -> Sequence[Row]:
    """The critical ones in their order; that of one service is no path."""
    path = [row for row in rows if row.critical]
    return path if len(path) > 1 else []


def _begin(row: Row) -> tuple[float, float, str]:
    """Who begins first comes first; made and waiting is not begun."""
    acts = [bar.at for bar in row.bars if bar.doing not in _PREPARES]
    known = min(acts, default=float("inf"))
    return (known, row.unknown_from if row.unknown_from is not None else 0.0, row.service)


def _looks(row: Row, axis: Axis | None) -> list[Look | None]:
    """What takes most of each column; where it is not known how it goes on, that. Without an axis nothing is known."""
    if axis is None:
        return [_UNKNOWN]
    doings = axis.fill([(bar.at, bar.end, bar.doing) for bar in row.bars])
    looks = [None if doing is None else LOOKS[doing] for doing in doings]
    if row.unknown_from is not None:
        free = (index for index in range(axis.cell(row.unknown_from), axis.columns) if looks[index] is None)
        looks[next(free, -1)] = _UNKNOWN
    return looks


def _note(row: Row) -> str:
    """For whom, or for what, it waits last, and when it is done."""
    if row.unknown_after:
        return f"unknown, after {clean(row.unknown_after)}"
    if row.unknown_from is not None:
        first = _FIRST.get(row.unknown_doing, "start")
        return f"unknown, waits for {row.lack}" if row.lack else f"unknown (first {first})"
    if row.lack:
        return f"waits for {row.lack}"
    waits = [bar for bar in row.bars if bar.doing is Doing.WAIT and bar.of]
    after = f"after {clean(max(waits, key=lambda bar: bar.end).of)}" if waits else ""
    return ", ".join(filter(None, (_done(row.bars), after)))


def _done(bars: Sequence[Bar]) -> str:
    """`+2.1s ready`, of the last replica; what only stops is done when it is gone."""
    acts = [bar for bar in bars if bar.doing is not Doing.WAIT]
    ready = [bar for bar in acts if bar.doing in (Doing.READY, Doing.WATCH)]
    if ready:
        return f"+{max(bar.end for bar in ready if bar.doing is Doing.READY):.1f}s ready" if _has(ready) else ""
    last = max(acts, key=lambda bar: bar.end, default=None)
    if last is None:
        return ""
    words = {Doing.RUN: "done", Doing.STOP: "stopped", Doing.REMOVE: "gone", Doing.CREATE: "created"}
    return f"+{last.end:.1f}s {words.get(last.doing, '')}".rstrip()


def _has(bars: Iterable[Bar]) -> bool:
    return any(bar.doing is Doing.READY for bar in bars)


def _legend(seen: Collection[Look | None], path: Sequence[Row], pen: _Pen, width: int) -> list[str]:
    """What is to be seen in this chart, and no more."""
    parts = [f"{pen.draw(look)} {look.word}" for look in (*LOOKS.values(), _UNKNOWN) if look in seen]
    lines = ["  " + "   ".join(parts)] if parts else []
    if path:
        names = (" -> " if pen.ascii else " → ").join(clean(row.service) for row in path)
        took = span(max(bar.end for bar in path[-1].bars))
        lines.append(cut(f"  * critical path, {took}: {names}", width))
    return lines
