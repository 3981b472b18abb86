"""`get usage`: what services use now, or what was measured of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from controller.cli.options import Options

if TYPE_CHECKING:
    from controller.loop.gauge import Gauge
    from controller.loop.session import Session
    from controller.model.status import StackStatus
    from controller.model.usage import Usage

_APART = 1.0
"""Seconds between the two samples that a rate takes."""


def list_usage(options: Options, names: Sequence[str], *, headers: bool = True) -> int:
    """Print what stacks or services use now: all, or these."""
    from controller.cli.session import open_session
    from controller.cli.terminal import paint_for, print_data, print_lines, width_for
    from controller.render.machine import machine_lines
    from controller.render.usage import usage_data, usage_lines

    with open_session(options) as session:
        usage = take_whole(session.gauge(), choose(session, names))
    if options.structured:
        print_data(usage_data(usage), options)
    elif options.output == "name":
        print_lines(f"{stack}/{name}" for stack, services in usage.stacks.items() for name in services)
    else:
        wide = options.output == "wide"
        lines = usage_lines(usage, wide=wide, paint=paint_for(options), width=None if wide else width_for())
        print_lines(lines if headers else lines[1:])
        if wide and headers:
            print_lines(["", *machine_lines(usage, paint=paint_for(options))])
    return 0


def list_history(options: Options, names: Sequence[str], since: float) -> int:
    """Print what was measured in the last seconds. Raises ControllerError where it is to be read by people."""

    from controller.cli.session import open_session
    from controller.cli.terminal import print_data
    from controller.model.errors import ControllerError
    from controller.render.usage import history_data

    if not options.structured:
        raise ControllerError("history is for programs", hint="add -o json; `controller top` shows what is used now")
    with open_session(options) as session:
        stacks = choose(session, names)
        found = session.usage_history([stack.name for stack in stacks], since)
        host = session.host_history(since)
    wanted = {stack.name: {service.name for service in stack.services} for stack in stacks}
    shown = {name: [one for one in series if one.service in wanted[name]] for name, series in found.items()}
    print_data(history_data(shown, host), options)
    return 0


def choose(session: Session, names: Sequence[str]) -> Sequence[StackStatus]:
    """The stacks that are meant, with the services that are meant. Raises ControllerErrors for unknown names."""
    from controller.cli.selection import choose_services, narrow

    stacks = session.status()
    return narrow(stacks, choose_services(stacks, names)) if names else stacks


def take_whole(gauge: Gauge, stacks: Sequence[StackStatus]) -> Usage:
    """With rates: where nobody has measured, that takes a second."""
    usage = gauge.take(stacks)
    if gauge.first:
        time.sleep(_APART)
        usage = gauge.take(stacks)
    return usage
