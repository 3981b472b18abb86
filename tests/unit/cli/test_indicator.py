"""The line for prompts and status bars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from controller.loop.glance import Glimpse
from controller.model.phases import StackPhase
from controller.render.indicator import _GLYPH, indicator_data, indicator_line, is_converged
from controller.render.paint import ansi, plain
from controller.render.roles import tally

KEEPER = ("root", 0, 71, 1000.0, "/var/lib/controller/e/rag")
CONVERGED = {"phase": "Converged", "services": [{"phase": "Ready", "desired": 2}, {"phase": "Completed", "desired": 1}]}


def seen(said: Mapping[str, Any] = CONVERGED, *, kept: bool = True, **more: Any) -> Glimpse:
    return Glimpse("rag", KEEPER if kept else None, ({**said, **more}, 1000.0) if said else None)


BLIND = {"conditions": [{"type": "EngineUnavailable"}]}
BROKEN = {
    "phase": "Degraded",
    "services": [{"phase": "Ready", "desired": 1}, {"phase": "CrashLoopBackOff", "desired": 1}],
}


@pytest.mark.parametrize(
    ("glimpse", "line"),
    [
        (seen(), "rag ● Converged 2/2"),
        (seen(BROKEN), "rag ▲ Degraded 1/2"),
        (seen({"phase": "Stopped", "services": [{"phase": "Stopped", "desired": 0}]}), "rag ■ Stopped"),
        (seen(kept=False), "rag ○ no controller (was Converged 2/2)"),
        (seen(**BLIND), "rag ? engine unavailable (was Converged 2/2)"),
        (seen(kept=False, **BLIND), "rag ○ no controller (was Converged 2/2)"),
        (seen({}), "rag ? kept by root (pid 71), no status to read"),
        (seen({}, kept=False), "rag ? no status yet"),
        (Glimpse("rag", None, (CONVERGED, 1000.0), is_told=False), "rag ? lock cannot be read (was Converged 2/2)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_line_says_how_a_stack_is_and_whether_that_still_holds(glimpse: Glimpse, line: str) -> None:
    assert indicator_line(glimpse, 1090.0, plain) == line


def test_wide_says_since_when_and_by_whom() -> None:
    assert indicator_line(seen(), 1090.0, plain, wide=True) == "rag ● Converged 2/2, for 90s, kept by root (pid 71)"
    assert indicator_line(seen(kept=False), 1090.0, plain, wide=True).endswith("(was Converged 2/2, told 90s ago)")


def test_a_name_cannot_disturb_a_terminal() -> None:
    assert "\x1b" not in indicator_line(Glimpse("a\x1b[2J", None, None), 0.0, plain)


def test_colour_says_nothing_that_words_do_not() -> None:
    painted = indicator_line(seen(), 1000.0, ansi)
    assert painted == "\x1b[1mrag\x1b[0m \x1b[32m● Converged 2/2\x1b[0m"
    assert "\x1b[32m" not in indicator_line(seen(kept=False), 1000.0, ansi)


def test_every_phase_has_a_glyph_of_its_own() -> None:
    assert set(_GLYPH) == set(StackPhase) and len(set(_GLYPH.values())) == len(StackPhase)


def test_only_who_keeps_and_sees_it_says_that_it_is_converged() -> None:
    assert is_converged(seen()) and not is_converged(seen(kept=False)) and not is_converged(seen(**BLIND))


def test_what_cannot_be_told_is_neither_kept_nor_left() -> None:
    unknown = Glimpse("rag", None, (CONVERGED, 1000.0), is_told=False)
    assert indicator_data([unknown])["stacks"][0]["kept"] is None and not is_converged(unknown)


def test_data_for_programs() -> None:
    (data,) = indicator_data([seen(kept=False)])["stacks"]
    assert data == {
        "name": "rag",
        "phase": "Converged",
        "ready": 2,
        "wanted": 2,
        "kept": False,
        "engineUnavailable": False,
        "changedAt": "1970-01-01T00:16:40.000Z",
    }


def test_what_is_not_meant_to_run_is_not_counted() -> None:
    assert tally(()) == (0, 0)
