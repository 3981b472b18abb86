"""`get`: lists in kubectl's manner."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from controller.cli.options import Options, takes_options
from controller.cli.parameters import DURATION, KIND

if TYPE_CHECKING:
    from controller.model.status import StackStatus
    from controller.render.paint import Paint


@click.command()
@click.argument("kind", type=KIND, metavar="KIND")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("-w", "--watch", is_flag=True, help="Print again whenever something changes.")
@click.option("--no-headers", is_flag=True, help="Leave the header line out.")
@click.option("--since", type=DURATION, metavar="DURATION", help="Of usage: its history, such as 1h; with -o json.")
@takes_options()
def get(
    options: Options,
    kind: tuple[str, str | None],
    names: tuple[str, ...],
    watch: bool,
    no_headers: bool,
    since: float | None,
) -> int:
    """List KIND: stacks, services (svc), replicas (po), revisions (rev), endpoints (ep), events (ev), alerts (al),
    usage (us), security (sec)."""
    from controller.cli.alerts import list_alerts
    from controller.cli.events import list_events
    from controller.cli.rollout import list_revisions
    from controller.cli.secured import list_security
    from controller.cli.session import open_session
    from controller.cli.status import show_status

    what, name = kind
    wanted = (*((name,) if name else ()), *names)
    if since is not None and what != "usage":
        raise click.UsageError("--since is for usage")
    if what == "usage":
        return _list_usage(options, wanted, since, headers=not no_headers)
    if what == "security":
        return list_security(options, wanted, headers=not no_headers)
    if what == "revisions":
        return list_revisions(options, wanted, headers=not no_headers)
    if what == "alerts":
        return list_alerts(options, wanted, headers=not no_headers)
    if what == "events":
        return list_events(options, wanted, follow=watch)
    with open_session(options) as session:
        show_status(session, options, lambda found: _show(found, what, wanted, options, no_headers), watch=watch)
    return 0


def _list_usage(options: Options, names: Sequence[str], since: float | None, *, headers: bool) -> int:
    from controller.cli.usage import list_history, list_usage

    return list_usage(options, names, headers=headers) if since is None else list_history(options, names, since)


def _show(stacks: Sequence[StackStatus], kind: str, names: Sequence[str], options: Options, no_headers: bool) -> None:
    from controller.cli.terminal import paint_for, print_data, print_lines
    from controller.render.data import endpoints_data, status_data

    chosen = _chosen(stacks, kind, names)
    if options.structured:
        print_data(endpoints_data(chosen) if kind == "endpoints" else status_data(chosen), options)
    elif options.output == "name":
        print_lines(_names(chosen, kind))
    else:
        lines = _lines(chosen, kind, options, paint_for(options))
        print_lines(lines[1:] if no_headers else lines)
        if kind == "endpoints" and options.output == "wide":
            _warn(chosen, options)


def _warn(stacks: Sequence[StackStatus], options: Options) -> None:
    """Of addresses that everyone reaches."""
    from controller.cli.terminal import note, paint_for
    from controller.render.published import warning_lines
    from controller.render.status import exposed

    found = [one for stack in stacks for service in stack.services for one in exposed(service)]
    for line in warning_lines(found, paint=paint_for(options, sys.stderr)):
        note(line, options)


def _chosen(stacks: Sequence[StackStatus], kind: str, names: Sequence[str]) -> Sequence[StackStatus]:
    from controller.cli.selection import choose_services, choose_stacks, narrow

    if kind == "stacks":
        return choose_stacks(stacks, names)
    return narrow(stacks, choose_services(stacks, names)) if names else stacks


def _names(stacks: Sequence[StackStatus], kind: str) -> list[str]:
    match kind:
        case "stacks":
            return [stack.name for stack in stacks]
        case "replicas":
            return [one.name for stack in stacks for service in stack.services for one in service.replicas]
        case _:
            return [f"{stack.name}/{service.name}" for stack in stacks for service in stack.services]


def _lines(stacks: Sequence[StackStatus], kind: str, options: Options, paint: Paint) -> list[str]:
    from controller.cli.terminal import width_for
    from controller.render.status import endpoint_lines, replica_lines, service_lines, stack_lines

    now, wide = time.time(), options.output == "wide"
    match kind:
        case "stacks":
            return stack_lines(stacks, now, paint=paint)
        case "replicas":
            return replica_lines(stacks, now, wide=wide, paint=paint)
        case "endpoints":
            return endpoint_lines(stacks, wide=wide, paint=paint)
        case _:
            return service_lines(stacks, now, wide=wide, paint=paint, width=width_for())
