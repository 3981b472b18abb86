"""One line a stack, for prompts and status bars: `rag ● Converged 6/6`. Pure, and loads next to nothing."""

from __future__ import annotations

from controller.model.phases import StackPhase
from controller.render.paint import age, clean
from controller.render.roles import role_of, tally

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from controller.loop.glance import Glimpse
    from controller.render.paint import Paint

_GLYPH = {
    StackPhase.CONVERGED: "●",
    StackPhase.PROGRESSING: "◐",
    StackPhase.DEGRADED: "▲",
    StackPhase.FAILED: "✖",
    StackPhase.PAUSED: "‖",
    StackPhase.STOPPED: "■",
}
_HOLLOW, _UNKNOWN = "○", "?"


def indicator_line(seen: Glimpse, now: float, paint: Paint, *, wide: bool = False) -> str:
    """What nobody keeps, or nobody can see, never looks alive: a hollow mark, and `was` before its last word."""
    name = paint(clean(seen.name), "bold")
    if seen.phase is None:
        told = f"kept by {_who(seen)}, no status to read" if seen.kept else "no status yet"
        return f"{name} {paint(f'{_UNKNOWN} {told}', 'dim')}"
    word, more = _word(seen), f", told {age(now - seen.told_at)} ago" if wide else ""
    if seen.kept is None:
        return f"{name} {paint(f'{_UNKNOWN} lock cannot be read (was {word}{more})', 'dim')}"
    if seen.keeper is None:
        return f"{name} {paint(f'{_HOLLOW} no controller (was {word}{more})', 'dim')}"
    if seen.blind:
        return f"{name} {paint(f'{_UNKNOWN} engine unavailable (was {word}{more})', 'bad')}"
    since = f", for {age(now - seen.told_at)}, kept by {_who(seen)}" if wide else ""
    return f"{name} {paint(f'{_GLYPH[seen.phase]} {word}', role_of(seen.phase))}{paint(since, 'dim')}"


def indicator_data(seen: Sequence[Glimpse]) -> dict[str, Any]:
    """`ide status -o json`."""
    return {"stacks": [_data(one) for one in seen]}


def is_converged(seen: Glimpse) -> bool:
    """By the word of somebody who keeps it and sees it."""
    return bool(seen.kept) and not seen.blind and seen.phase is StackPhase.CONVERGED


def _data(seen: Glimpse) -> dict[str, Any]:
    done, wanted = tally(seen.services)
    return {
        "name": seen.name,
        "phase": seen.phase and str(seen.phase),
        "ready": done,
        "wanted": wanted,
        "kept": seen.kept,
        "engineUnavailable": seen.blind,
        "changedAt": _timestamp(seen.told_at) if seen.told_at else None,
    }


def _timestamp(instant: float) -> str:
    from controller.render.data import timestamp  # not for the line of a prompt

    return timestamp(instant)


def _word(seen: Glimpse) -> str:
    done, wanted = tally(seen.services)
    return f"{seen.phase} {done}/{wanted}" if wanted else str(seen.phase)


def _who(seen: Glimpse) -> str:
    user, _, pid, *_ = seen.keeper or ("nobody", 0, 0)
    return f"{clean(user)} (pid {pid})" if pid else clean(user)
