"""`alerts`: what is wrong and lasts, who knows of it, and whether the channels work."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from controller.cli.options import Options, hand_on, takes_options
from controller.cli.parameters import DURATION

if TYPE_CHECKING:
    from controller.cli.render.alerts import Shown
    from controller.loop.session import Posted, Session
    from controller.model.alert import Alert


@click.group(invoke_without_command=True)
@click.option("-a", "--all", "everything", is_flag=True, help="Those that are over, too.")
@takes_options()
def alerts(options: Options, everything: bool) -> int:
    """What is wrong and lasts; without a sub-command: list it. `controller run` raises alerts and sends them."""
    if click.get_current_context().invoked_subcommand is not None:
        hand_on(options)
        return 0
    return list_alerts(options, (), everything=everything)


def list_alerts(options: Options, names: Sequence[str], *, everything: bool = False, headers: bool = True) -> int:
    """Print alerts: all, or of stacks, services or ids by name."""
    from controller.cli.render.alerts import alert_lines, alerts_data, silence_lines
    from controller.cli.session import open_session
    from controller.cli.terminal import paint_for, print_data, print_lines, width_for

    now = time.time()
    with open_session(options) as session:
        posted = session.alerts()
    shown = [item for item in _shown(posted, now, everything=everything) if _is_meant(item.alert, names)]
    silences = [(item.stack, silence) for item in posted for silence in item.hush.silences]
    if options.structured:
        print_data(alerts_data(shown, silences), options)
    elif options.output == "name":
        print_lines(item.alert.id for item in shown)
    else:
        lines = alert_lines(shown, now, wide=options.output == "wide", paint=paint_for(options), width=width_for())
        print_lines(lines if headers or not shown else lines[1:])
        print_lines(silence_lines(silences, now))
    return 0


def _shown(posted: Sequence[Posted], now: float, *, everything: bool) -> Iterator[Shown]:
    """The worst first, of these the newest; those that are over at the end."""
    from controller.cli.render.alerts import Shown

    found = [
        Shown(alert, item.hush.why(alert, now))
        for item in posted
        for alert in (*item.book.open.values(), *(item.book.closed if everything else ()))
    ]
    yield from sorted(
        found, key=lambda one: (one.alert.resolved_at is not None, -one.alert.severity.rank, -one.alert.fired_at)
    )


def _is_meant(alert: Alert, names: Sequence[str]) -> bool:
    of = (alert.id, alert.stack, alert.service, f"{alert.stack}/{alert.service}")
    return not names or any(name in of for name in names)


@alerts.command()
@click.argument("words", nargs=-1, required=True, metavar="ID|SERVICE...")
@takes_options()
def ack(options: Options, words: tuple[str, ...]) -> int:
    """Say that you know of an alert: no repeats of it, as long as it gets no worse."""
    from controller.cli.session import open_session
    from controller.cli.terminal import print_lines
    from controller.loop.acting import who
    from controller.model.alert import Ack

    with open_session(options) as session:
        found = _find_open(session, words)
        for alert in found:
            session.acknowledge(alert.stack, [Ack(alert.id, who(), time.time(), alert.severity)])
    print_lines(f"{alert.id} acknowledged: {alert.stack}/{alert.service or ''}".rstrip("/") for alert in found)
    return 0


def _find_open(session: Session, words: Sequence[str]) -> list[Alert]:
    from controller.model.errors import ControllerError

    present = [alert for item in session.alerts() for alert in item.book.open.values()]
    for word in words:
        if not any(_is_meant(alert, (word,)) for alert in present):
            listed = ", ".join(alert.id for alert in present) or "none"
            raise ControllerError(f"no open alert is meant by '{word}'", hint=f"open alerts: {listed}")
    return [alert for alert in present if _is_meant(alert, words)]


@alerts.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@click.option("--for", "lasting", type=DURATION, help="For how long, such as 2h.")
@click.option("--rule", "rules", multiple=True, metavar="NAME", help="Only alerts of this rule.")
@click.option("--comment", default="", metavar="TEXT", help="Why, for the others.")
@click.option("--end", type=int, metavar="NUMBER", help="End this silence now instead.")
@takes_options()
def silence(
    options: Options,
    services: tuple[str, ...],
    lasting: float | None,
    rules: tuple[str, ...],
    comment: str,
    end: int | None,
) -> int:
    """Send nothing for a while: of some services, some rules, or the whole stack. Alerts are listed all the same."""
    if (lasting is None) == (end is None):
        raise click.UsageError("give --for DURATION, or --end NUMBER")
    from controller.cli.session import open_session
    from controller.cli.terminal import print_lines
    from controller.loop.acting import who
    from controller.model.alert import Silence

    now = time.time()
    with open_session(options) as session:
        stack = _one_stack(session)
        if end is not None:
            return _end_silence(session, stack, end)
        assert lasting is not None
        made = session.silence(stack, Silence(0, now + lasting, who(), now, services, rules, comment))
    print_lines([f"silence {made.id} of {stack}: nothing is sent; `controller alerts silence --end {made.id}` ends it"])
    return 0


def _one_stack(session: Session) -> str:
    from controller.model.errors import ControllerError

    names = [item.stack for item in session.alerts()]
    if not names:
        raise ControllerError("no stack is known here", hint="`controller run` or `apply` makes one known")
    if len(names) > 1:
        raise ControllerError("several stacks are meant", hint=f"say which with -s: {', '.join(names)}")
    return names[0]


def _end_silence(session: Session, stack: str, number: int) -> int:
    from controller.cli.terminal import print_lines
    from controller.model.errors import ControllerError

    if not session.end_silence(stack, number):
        raise ControllerError(f"there is no silence {number} of {stack}", hint="`controller alerts` lists them")
    print_lines([f"silence {number} of {stack} is over"])
    return 0


@alerts.command()
@click.argument("channels", nargs=-1, metavar="[CHANNEL]...")
@takes_options()
def test(options: Options, channels: tuple[str, ...]) -> int:
    """Send a message through each channel, or those named, and say what became of it. Exit code 1 if one failed."""
    from controller.cli.render.alerts import sample_alert
    from controller.cli.session import open_session
    from controller.model.errors import ControllerError

    failed = []
    with open_session(options) as session:
        known = {channel.name: channel for channel in session.channels()}
        for name in channels:
            if name not in known:
                raise ControllerError(f"there is no channel '{name}'", hint=f"there are: {', '.join(known) or 'none'}")
        if not known:
            hint = "name a manifest of kind Controller that has spec.alertChannels, with -f"
            raise ControllerError("there is no channel to test", hint=hint)
        for name in channels or tuple(known):
            try:
                session.send(known[name], sample_alert(time.time()))
                click.echo(f"{name}: sent")
            except ControllerError as error:
                failed.append(name)
                click.echo(f"{name}: {error.message}", err=True)
    return 1 if failed else 0
