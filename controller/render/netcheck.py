"""Who reaches whom: as a truth table with its differences, and in the shape for programs (docs/cli.md). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from controller.loop.netcheck import Checked
from controller.model.reach import Pair, Reach, Verdict, Via
from controller.render.data import timestamp
from controller.render.paint import NONE, Paint, clean, plain
from controller.render.published import published_data, published_lines
from controller.render.text import Cell, count, cut, table, width_of
from controller.security.reach import worst_of

Data = dict[str, Any]

_MOST = 40
"""Of what is wrong, that is told one by one."""

_CORNER = "FROM \\ TO"


class Look(NamedTuple):
    """How it may look; `width` None: nothing is shortened. `signs`: characters beyond ASCII can be shown."""

    paint: Paint = plain
    width: int | None = None
    signs: bool = True
    wide: bool = False


class _Sign(NamedTuple):
    sign: str
    plain: str
    role: str
    meaning: str


_REACHED = _Sign("✓", "+", "good", "reachable, declared")
_CLOSED = _Sign("·", ".", "dim", "not reachable, nor needed")
_UNDECLARED = _Sign("!", "!", "bad", "reachable, not declared")
_BY_DESIGN = _Sign("!", "!", "warn", "reachable, not declared")
_BLOCKED = _Sign("✗", "x", "bad", "declared, not reachable")
_UNKNOWN = _Sign("?", "?", "warn", "not known")
_SIGNS = (_REACHED, _CLOSED, _UNDECLARED, _BY_DESIGN, _BLOCKED, _UNKNOWN)


# --- for people


def netcheck_lines(checked: Sequence[Checked], look: Look) -> list[str]:
    """`netcheck`: of each stack the table, what is wrong, and what it publishes."""
    lines: list[str] = []
    for one in checked:
        lines += ["", *_stack_lines(one, look)] if lines else _stack_lines(one, look)
    return lines or ["No stack is here."]


def _stack_lines(one: Checked, look: Look) -> list[str]:
    reach = one.reach
    lines = [_summary(reach, look), *_told(reach)]
    if reach.pairs:
        lines += ["", *(_pair_table(reach, look) if look.wide else _matrix(reach, look))]
    if reach.differences or reach.unchecked:
        lines += ["", *_wrong_lines(reach.differences, look), *_wrong_lines(reach.unchecked, look)]
    if one.published:
        lines += ["", *published_lines(one.published, paint=look.paint, width=look.width)]
    return lines


def _summary(reach: Reach, look: Look) -> str:
    policy = "networkPolicy: dependencies" if reach.enforced else "networkPolicy: off"
    ways = {(pair.source, pair.target) for pair in reach.pairs}
    parts = [f"{reach.stack}: {count(len(ways), 'pair')} checked, {policy}"]
    wrong, unchecked = len(_together(reach.differences)), len(_together(reach.unchecked))
    parts.append(look.paint(count(wrong, "difference"), "bad" if wrong else "good"))
    if unchecked:
        parts.append(look.paint(f"{unchecked} could not be checked", "warn"))
    return ", ".join(parts)


def _told(reach: Reach) -> Iterator[str]:
    """What else is to be known of it."""
    free = {
        (one.source, one.target): one for one in reach.pairs if one.verdict is Verdict.UNDECLARED and not one.counts
    }
    if free:
        yield (
            f"{count(len(free), 'pair')} that no edge declares can be reached, by design: without a policy all on one"
            " network reach each other"
        )
    for one in free.values():
        if one.via is Via.HOST:
            yield f"of these {clean(f'{one.source} reaches {one.target} {one.cause}')}"
    if reach.idle:
        yield f"not running, so not checked: {', '.join(map(clean, reach.idle))}"
    yield from map(clean, reach.notes)


def _matrix(reach: Reach, look: Look) -> list[str]:
    """Rows from, columns to. Where the names do not fit above their columns, numbers stand there."""
    worst = worst_of(reach.pairs)
    sources = list(dict.fromkeys(source for source, _ in worst))
    targets = sorted({target for _, target in worst})
    rows = [[_cell(worst.get((source, target)), look) for target in targets] for source in sources]
    lines = _fit(sources, targets, rows, look)
    used = [sign for sign in _SIGNS if sign in {_sign_of(pair) for pair in worst.values()}]
    return [*lines, *_legend(used, look)]


def _fit(sources: Sequence[str], targets: Sequence[str], rows: Sequence[Sequence[Cell]], look: Look) -> list[str]:
    names = [clean(name) for name in targets]
    whole = max([len(_CORNER), *map(width_of, sources)]) + sum(max(1, width_of(name)) + 3 for name in names)
    if look.width is None or whole <= look.width:
        named: list[list[str | Cell]] = [[source, *row] for source, row in zip(sources, rows, strict=True)]
        return table([_CORNER, *names], named, paint=look.paint)
    places = {name: number for number, name in enumerate(targets, 1)}
    most = max(8, look.width - 5 - sum(len(str(number)) + 1 for number in places.values()))
    side = [f"{places.get(source, '-')} {clean(source)}" for source in sources]
    side += [f"{number} {clean(name)}" for name, number in places.items() if name not in sources]
    blank = [[Cell("")] * len(names) for _ in side[len(rows) :]]
    return _narrow([cut(name, most) for name in side], list(places.values()), [*rows, *blank], look)


def _narrow(side: Sequence[str], numbers: Sequence[int], rows: Sequence[Sequence[Cell]], look: Look) -> list[str]:
    """Columns by number, one space between them."""
    left = max([len(_CORNER), *map(width_of, side)])
    head = " ".join([f"{_CORNER:<{left}}", *(str(number) for number in numbers)])
    lines = [look.paint(head, "bold")]
    for name, row in zip(side, rows, strict=True):
        cells = (
            " " * (len(str(number)) - 1) + look.paint(cell.text or " ", cell.role)
            for number, cell in zip(numbers, row, strict=True)
        )
        lines.append(f"{name}{' ' * (left - width_of(name))} {' '.join(cells)}".rstrip())
    return lines


def _cell(pair: Pair | None, look: Look) -> Cell:
    if pair is None:
        return Cell("-" if not look.signs else "–", "dim")
    sign = _sign_of(pair)
    return Cell(sign.sign if look.signs else sign.plain, sign.role)


def _sign_of(pair: Pair) -> _Sign:
    match pair.verdict:
        case Verdict.BLOCKED:
            return _BLOCKED
        case Verdict.UNDECLARED:
            return _UNDECLARED if pair.counts else _BY_DESIGN
        case Verdict.UNKNOWN:
            return _UNKNOWN
        case _:
            return _REACHED if pair.reachable else _CLOSED


def _legend(used: Sequence[_Sign], look: Look) -> list[str]:
    """What the signs mean, on as many lines as that takes."""
    lines, room = [""], 0
    for sign in used:
        shown = sign.sign if look.signs else sign.plain
        words = width_of(f"{shown} {sign.meaning}")
        if lines[-1] and look.width is not None and room + 3 + words > look.width:
            lines, room = [*lines, ""], 0
        gap = "   " if lines[-1] else ""
        lines[-1] += f"{gap}{look.paint(shown, sign.role)} {sign.meaning}"
        room += len(gap) + words
    return lines


def _pair_table(reach: Reach, look: Look) -> list[str]:
    rows: list[list[str | Cell]] = [
        [
            pair.source,
            pair.target,
            NONE if pair.port is None else str(pair.port),
            "yes" if pair.needed else "back" if pair.declared else "no",
            {True: "yes", False: "no", None: "unknown"}[pair.reachable],
            Cell(str(pair.verdict), _sign_of(pair).role),
            _way(pair),
            NONE if pair.seconds is None else f"{pair.seconds * 1000:.1f} ms",
            pair.cause or "",
        ]
        for pair in reach.pairs
    ]
    header = ("FROM", "TO", "PORT", "DECLARED", "REACHABLE", "VERDICT", "WAY", "TOOK", "WHY")
    return table(header, rows, paint=look.paint)


def _way(pair: Pair) -> str:
    if pair.via is None:
        return NONE
    return str(pair.by) if pair.via is Via.NETWORK else str(pair.via)


def _together(pairs: Sequence[Pair]) -> list[list[Pair]]:
    """Ports of one pair of services with one verdict are one matter."""

    def key(pair: Pair) -> tuple[str, str, str]:
        return pair.source, pair.target, pair.verdict

    return [list(group) for _, group in groupby(sorted(pairs, key=key), key)]


def _wrong_lines(pairs: Sequence[Pair], look: Look) -> Iterator[str]:
    words = {Verdict.UNDECLARED: "not declared, but reachable", Verdict.BLOCKED: "declared, but not reachable"}
    groups = _together(pairs)
    for group in groups[: None if look.wide else _MOST]:
        first = group[0]
        sign = _sign_of(first)
        ports = ",".join(str(pair.port) for pair in group if pair.port is not None)
        name = clean(f"{first.source} → {first.target}" if look.signs else f"{first.source} -> {first.target}")
        told = f"{words.get(first.verdict, 'could not be checked')}: {clean(first.cause)}"
        head = look.paint(f"{sign.sign if look.signs else sign.plain} {name}{f':{ports}' if ports else ''}", sign.role)
        yield f"{head}  {told}"
        if first.mend:
            yield f"  hint: {clean(first.mend)}"
    if len(groups) > _MOST and not look.wide:
        yield f"and {len(groups) - _MOST} more: -o wide tells them all"


def pair_names(checked: Sequence[Checked]) -> list[str]:
    """`-o name`: what a check of the same can be asked for by, of pairs that are not as they should be."""
    wrong = (pair for one in checked for pair in (*one.reach.differences, *one.reach.unchecked))
    return list(dict.fromkeys(f"{p.source} {p.target}{'' if p.port is None else f':{p.port}'}" for p in wrong))


# --- for programs


def netcheck_data(checked: Sequence[Checked]) -> Data:
    """`netcheck -o json`; of several stacks {"stacks": [ … ]}."""
    told = [_checked_data(one) for one in checked]
    return told[0] if len(told) == 1 else {"stacks": told}


def _checked_data(one: Checked) -> Data:
    return {**reach_data(one.reach), "published": published_data(one.published)}


def reach_data(reach: Reach) -> Data:
    """One check, without what the stack publishes."""
    return {
        "stack": reach.stack,
        "policy": "dependencies" if reach.enforced else "off",
        "at": timestamp(reach.at),
        "pairs": [_pair_data(pair) for pair in reach.pairs],
        "differences": len(reach.differences),
        "unchecked": len(reach.unchecked),
        "notRunning": list(reach.idle),
        "notes": list(reach.notes),
    }


def _pair_data(pair: Pair) -> Mapping[str, Any]:
    return {
        "from": pair.source,
        "to": pair.target,
        "port": pair.port,
        "declared": pair.declared,
        "needed": pair.needed,
        "reachable": pair.reachable,
        "by": None if pair.by is None else str(pair.by),
        "via": None if pair.via is None else str(pair.via),
        "at": pair.at or None,
        "verdict": str(pair.verdict),
        "counts": pair.counts,
        "ms": None if pair.seconds is None else round(pair.seconds * 1000, 3),
        "cause": pair.cause or None,
        "mend": pair.mend or None,
    }
