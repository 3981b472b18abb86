"""`alerts`: what is wrong and lasts, who knows of it, and whether the channels work."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from controller.cli.options import Options, takes_options
from controller.cli.parameters import DURATION

if TYPE_CHECKING:
    from controller.loop.session import Session
    from controller.model.alert import Alert, Silence


@click.group(invoke_without_command=True)
@click.option("-a", "--all", "everything", is_flag=True, help="Those that are over, too.")
@takes_options()
def alerts(options: Options, everything: bool) -> int:
    """What is wrong and lasts; without a sub-command: list it. `controller run` raises alerts and sends them."""
    if click.get_current_context().invoked_subcommand is not None:
        return 0
    return list_alerts(options, (), everything=everything)


def list_alerts(options: Options, names: Sequence[str], *, everything: bool = False, headers: bool = True) -> int:
    """Print alerts: all, or of stacks, services or ids by name."""
    from controller.cli.session import open_session
    from controller.cli.terminal import paint_for, print_data, print_lines, width_for
    from controller.render.alerts import alert_lines, alerts_data, show_alerts, silence_lines

    now = time.time()
    with open_session(options) as session:
        posted = session.alerts()
    shown = [item for item in show_alerts(posted, now, everything=everything) if _is_meant(item.alert, names)]
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
        if end is not None:
            return _end_silence(session, end)
        assert lasting is not None
        made = {
            stack: session.silence(stack, Silence(0, now + lasting, who(), now, names, rules, comment))
            for stack, names in _find_silent(session, services).items()
        }
    print_lines(f"silence {one.id} of {stack}: nothing is sent of {_tell_whom(one)}" for stack, one in made.items())
    return 0


def _find_silent(session: Session, words: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """The services that are meant, by stack; without words the stack as a whole, where there is one only."""
    from controller.cli.selection import choose_services
    from controller.model.errors import ControllerError

    stacks = session.status()
    if not stacks:
        raise ControllerError("no stack is known here", hint="name one with -f or -s")
    if words:
        chosen = choose_services(stacks, words)
        return {stack.name: tuple(item.name for of, item in chosen if of is stack) for stack, _ in chosen}
    if len(stacks) > 1:
        names = ", ".join(stack.name for stack in stacks)
        raise ControllerError("several stacks are meant", hint=f"say which with -s: {names}")
    return {stacks[0].name: ()}


def _tell_whom(silence: Silence) -> str:
    return ", ".join(silence.services) or "the whole stack"


def _end_silence(session: Session, number: int) -> int:
    from controller.cli.terminal import print_lines
    from controller.model.errors import ControllerError

    having = [item.stack for item in session.alerts() if any(number == one.id for one in item.hush.silences)]
    if not having:
        raise ControllerError(f"there is no silence {number}", hint="`controller alerts` lists them")
    if len(having) > 1:
        raise ControllerError(f"several stacks have a silence {number}", hint=f"say which with -s: {', '.join(having)}")
    session.end_silence(having[0], number)
    print_lines([f"silence {number} of {having[0]} is over"])
    return 0


@alerts.command()
@click.argument("channels", nargs=-1, metavar="[CHANNEL]...")
@takes_options()
def test(options: Options, channels: tuple[str, ...]) -> int:
    """Send a message through each channel, or those named, and say what became of it. Exit code 1 if one failed."""
    from controller.cli.session import open_session
    from controller.model.errors import ControllerError
    from controller.render.alerts import sample_alert

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
