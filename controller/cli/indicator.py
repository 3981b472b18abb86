"""`ide status`: the line for prompts and status bars, by what a running controller keeps. Loads next to nothing."""

from __future__ import annotations

import os
import sys
import time

from controller.cli.colour import wants_colour
from controller.loop.folders import state_root
from controller.loop.glance import Glimpse, glance
from controller.render.indicator import indicator_line, is_converged
from controller.render.paint import ansi, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_WITH_VALUE = {
    "-s": "stack",
    "--stack": "stack",
    "--color": "color",
    "-o": "output",
    "--output": "output",
    "--engine": "engine",
}
_KNOWN = {"color": ("auto", "always", "never"), "output": ("text", "wide"), "engine": ("compose", "simulated")}


def quick(arguments: Sequence[str]) -> int | None:
    """Answer a call that is spelled plainly; None: whoever knows all options is to do it, and to find what is wrong."""
    stacks, said, exit_code = list[str](), {"color": "auto", "output": "text", "engine": "compose"}, False
    left = list(arguments)
    while left:
        word = left.pop(0)
        if word == "--exit-code":
            exit_code = True
            continue
        name = _WITH_VALUE.get(word)
        if name is None or not left:
            return None
        value = left.pop(0)
        if name == "stack":
            stacks.append(value)
        elif value in _KNOWN[name]:
            said[name] = value
        else:
            return None
    seen = look(stacks, (), simulated=said["engine"] == "simulated")
    if set(stacks) - {one.name for one in seen}:
        return None
    show(seen, said["color"], wide=said["output"] == "wide")
    return code_of(seen) if exit_code else 0


def look(stacks: Sequence[str], places: Sequence[str], *, simulated: bool = False) -> list[Glimpse]:
    """Those of that name, from any directory; else those of these files and folders; else those of here."""
    here = [] if stacks else [os.path.abspath(one) for one in places] or [os.getcwd()]
    return glance(root(), stacks, here, simulated=simulated)


def root() -> str:
    """The folder of all state of who calls. Raises ControllerError where nothing says where."""
    return state_root(os.environ, os.geteuid())


def show(seen: Sequence[Glimpse], color: str, *, wide: bool) -> None:
    """A line each; nothing where there is no stack, so that a prompt stays empty elsewhere."""
    paint = ansi if wants_colour(color, sys.stdout) else plain
    now = time.time()
    lines = [indicator_line(one, now, paint, wide=wide) for one in seen]
    for line in lines:  # all of them, or none
        print(line)
    sys.stdout.flush()


def code_of(seen: Sequence[Glimpse]) -> int:
    """1 unless every one is Converged, by the word of a controller that keeps it now."""
    return 0 if all(is_converged(one) for one in seen) else 1
