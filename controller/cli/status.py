"""`status`: phase of each stack and service, once or followed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import click

from controller.cli.options import Options, takes_options

if TYPE_CHECKING:
    from controller.cli.session import Session
    from controller.model.errors import Finding
    from controller.model.status import StackStatus

_CLEAR = "\x1b[H\x1b[2J"
Show = Callable[["Sequence[StackStatus]"], None]


class _Seen(NamedTuple):
    stacks: Sequence[StackStatus]
    warnings: Sequence[Finding]


@click.command()
@click.option("-w", "--watch", is_flag=True, help="Print again whenever something changes.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 unless every stack is Converged.")
@takes_options()
def status(options: Options, watch: bool, exit_code: bool) -> int:
    """Phase of each stack and service, and what is wrong. Needs no running controller."""
    from controller.cli.session import open_session
    from controller.model.phases import StackPhase

    with open_session(options) as session:
        stacks = show_status(session, options, lambda found: show(found, options), watch=watch)
    return 1 if exit_code and any(stack.phase is not StackPhase.CONVERGED for stack in stacks) else 0


def show_status(session: Session, options: Options, print_stacks: Show, *, watch: bool) -> Sequence[StackStatus]:
    """Print the status, and what is wrong with files beside it; with `watch` again whenever that changes."""
    from controller.cli.failures import warn_all

    def look() -> _Seen:
        stacks = session.status()
        return _Seen(stacks, session.warnings)

    def tell(seen: _Seen) -> None:
        print_stacks(seen.stacks)
        warn_all(seen.warnings, options)

    seen = look()
    tell(seen)
    if watch:
        _follow(look, seen, tell)
    return seen.stacks


def show(stacks: Sequence[StackStatus], options: Options) -> None:
    """Print the status in the form that was asked for."""
    from controller.cli.terminal import paint_for, print_data, print_lines, width_for
    from controller.render.data import status_data
    from controller.render.status import status_lines

    if options.structured:
        print_data(status_data(stacks), options)
    elif options.output == "name":
        print_lines(f"{stack.name}/{service.name}" for stack in stacks for service in stack.services)
    else:
        wide = options.output == "wide"
        print_lines(status_lines(stacks, time.time(), wide=wide, paint=paint_for(options), width=width_for()))


def _follow(look: Callable[[], _Seen], seen: _Seen, tell: Callable[[_Seen], None]) -> None:
    """Look every second and print again when something differs: on a terminal in place. Until interrupted.

    An engine that goes away is told once, and waited for.
    """
    from controller.cli.failures import warn
    from controller.model.errors import EngineError, Finding

    before, away = _essence(seen), False
    while True:
        time.sleep(1.0)
        try:
            newer = look()
        except EngineError as error:
            if not away:
                warn(Finding(f"{error.message}; waiting for it"))
            away = True
            continue
        away = False
        if (now := _essence(newer)) != before:
            before = now
            print(_CLEAR, end="") if sys.stdout.isatty() else print()
            tell(newer)


def _essence(seen: _Seen) -> object:
    return seen.warnings, [
        (
            stack.name,
            stack.phase,
            [(one.type, one.status, one.message) for one in stack.conditions],
            [(item.name, item.phase, item.message, item.ready, item.replicas) for item in stack.services],
        )
        for stack in seen.stacks
    ]
