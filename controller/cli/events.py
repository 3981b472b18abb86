"""`events` and `logs`: what happened, and what the containers said."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from controller.cli.options import Options, takes_options
from controller.cli.parameters import DURATION

if TYPE_CHECKING:
    from controller.loop.session import Session
    from controller.model.observed import Replica
    from controller.model.status import Event


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@click.option("-f", "--follow", "-w", "--watch", is_flag=True, help="After these, what happens from now on.")
@click.option("--since", type=DURATION, help="Only what is not older than this, such as 10m.")
@takes_options(without="-f")
def events(options: Options, services: tuple[str, ...], follow: bool, since: float | None) -> int:
    """What happened, newest last. Here -f means --follow; name files by --file, or before `events`."""
    if files := [name for name in services if name.endswith((".yaml", ".yml"))]:
        raise click.UsageError(f"here -f means --follow; name {files[0]} by --file, or before `events`")
    return list_events(options, services, follow=follow, since=since)


def list_events(options: Options, names: Sequence[str], *, follow: bool = False, since: float | None = None) -> int:
    """Print events, and with `follow` those to come, one line each."""
    from controller.cli.session import open_session

    begin = None if since is None else time.time() - since
    with open_session(options) as session:
        wanted = (event for event in session.events(since=begin, follow=follow) if _about(event, names))
        _follow(wanted, options) if follow else _list(tuple(wanted), options)
    return 0


def _about(event: Event, names: Sequence[str]) -> bool:
    return not names or any(name in (event.service, f"{event.stack}/{event.service}", event.stack) for name in names)


def _list(found: Sequence[Event], options: Options) -> None:
    from controller.cli.terminal import paint_for, print_data, print_lines, width_for
    from controller.render.data import events_data
    from controller.render.events import event_lines

    if options.structured:
        print_data(events_data(found), options)
    else:
        print_lines(event_lines(found, time.time(), paint=paint_for(options), width=width_for()))


def _follow(found: Iterator[Event], options: Options) -> None:
    import json

    from controller.cli.terminal import paint_for
    from controller.render.data import event_data
    from controller.render.events import event_line

    paint = paint_for(options)
    for event in found:
        print(json.dumps(event_data(event)) if options.structured else event_line(event, paint=paint), flush=True)


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is said from now on.")
@click.option("--tail", "-n", type=click.IntRange(min=0), help="Only the last lines of each replica.")
@click.option("--since", type=DURATION, help="Only what is not older than this, such as 10m.")
@takes_options(without="-f")
def logs(options: Options, services: tuple[str, ...], follow: bool, tail: int | None, since: float | None) -> int:
    """Output of the replicas of services. Here -f means --follow; name files by --file, or before `logs`."""
    from controller.cli.selection import choose_services
    from controller.cli.session import open_session

    with open_session(options) as session:
        chosen = choose_services(session.status(), services)
        replicas = [replica for _, service in chosen for replica in service.replicas]
        begin = None if since is None else time.time() - since
        _print_logs(session, replicas, options, follow=follow, tail=tail, since=begin)
    return 0


def _print_logs(
    session: Session,
    replicas: Sequence[Replica],
    options: Options,
    *,
    follow: bool,
    tail: int | None,
    since: float | None,
) -> None:
    from controller.cli.terminal import has_colour
    from controller.render.events import log_prefix, log_text

    width = max((len(replica.name) for replica in replicas), default=0)
    colour = has_colour(options, sys.stdout)
    bare = options.output == "name" or len(replicas) == 1

    def print_one(index: int, replica: Replica) -> None:
        prefix = "" if bare else log_prefix(replica.name, index, width, colour=colour)
        for line in session.logs(replica.id, tail=tail, follow=follow, since=since):
            print(f"{prefix}{log_text(line)}", flush=True)

    if follow:
        _print_side_by_side(print_one, replicas)
    else:
        for index, replica in enumerate(replicas):
            print_one(index, replica)


def _print_side_by_side(print_one: Callable[[int, Replica], None], replicas: Sequence[Replica]) -> None:
    """All at once, until each has ended. Daemon threads: Ctrl-C must not wait for a container to say something."""
    import threading

    from controller.cli.failures import warn
    from controller.model.errors import Finding

    over = threading.Event()

    def follow_one(index: int, replica: Replica) -> None:
        try:
            print_one(index, replica)
        except Exception as error:  # after Ctrl-C the engine is closed in the middle of the stream
            if not over.is_set():
                warn(Finding(f"{replica.name}: {error}"))

    followers = [
        threading.Thread(target=follow_one, args=(index, replica), daemon=True)
        for index, replica in enumerate(replicas)
    ]
    for follower in followers:
        follower.start()
    try:
        for follower in followers:
            follower.join()
    finally:
        over.set()
