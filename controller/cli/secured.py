"""`get security`: what scan, gate, waivers and netcheck come to, in one look."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from controller.cli.options import Options

if TYPE_CHECKING:
    from controller.model.errors import Finding
    from controller.security.state import SecurityState


def list_security(options: Options, names: Sequence[str], *, headers: bool = True) -> int:
    """Print the state of all stacks, or of these; 1 where some could not be read."""
    from controller.cli.failures import say_findings, warn_all
    from controller.cli.session import open_session

    with open_session(options) as session:
        found = session.security()
    chosen = _choose(found.states, names)
    _print(chosen, options, headers=headers)
    say_findings(found.errors)
    warn_all([found.away] if found.away is not None else _blind(chosen), options)
    return 1 if found.errors else 0


def _choose(states: Sequence[SecurityState], names: Sequence[str]) -> Sequence[SecurityState]:
    """Those of these names. Raises ControllerError for a name that is not known."""
    from controller.intake.findings import suggest
    from controller.model.errors import ControllerError

    known = {state.stack: state for state in states}
    for name in names:
        if name not in known:
            hint = suggest(name, tuple(known)) or f"there are: {', '.join(known) or 'none'}"
            raise ControllerError(f"there is no stack '{name}'", hint=hint)
    return [known[name] for name in names] if names else states


def _blind(states: Sequence[SecurityState]) -> Iterator[Finding]:
    """What runs was not looked at, though there is an engine."""
    from controller.model.errors import Finding

    for state in states:
        if state.scanned is not None and state.scanned.trouble:
            yield Finding(f"{state.stack}: what runs was not looked at: {state.scanned.trouble}")


def _print(states: Sequence[SecurityState], options: Options, *, headers: bool) -> None:
    from controller.cli.terminal import paint_for, print_data, print_lines, width_for
    from controller.render.security import Look, security_data, security_lines

    if options.structured:
        print_data(security_data(states), options)
    elif options.output == "name":
        print_lines(state.stack for state in states)
    elif states:
        wide = options.output == "wide"
        look = Look(paint_for(options), None if wide else width_for(), wide, headers)
        print_lines(security_lines(states, time.time(), look))
    else:
        print_lines(["No stack is here."])
