"""What a person says to a stack: start, stop, retry, pause, resume, adopt, release, confirm, prune."""

from __future__ import annotations

from dataclasses import replace

import click

from controller.cli.options import Options, takes_options
from controller.model.wish import Wish


def _act(options: Options, wish: Wish) -> int:
    from controller.cli.acts import converge

    return converge(options, wish)


def _on_stack(options: Options, stack: str | None) -> Options:
    return replace(options, stacks=(*options.stacks, stack)) if stack else options


_services = click.argument("services", nargs=-1, metavar="[SERVICE]...")
_stack = click.argument("stack", required=False)


@click.command()
@_services
@takes_options()
def start(options: Options, services: tuple[str, ...]) -> int:
    """Start what was stopped, in the order of dependencies, and wait until it is ready."""
    return _act(options, Wish("start", services))


@click.command()
@_services
@click.option("--now", is_flag=True, help="Kill at once, without the stop grace period.")
@takes_options()
def stop(options: Options, services: tuple[str, ...], now: bool) -> int:
    """Stop in reverse order. Removes nothing, and it stays stopped until `start` or `apply`."""
    return _act(options, Wish("stop", services, immediately=now))


@click.command()
@_services
@takes_options()
def retry(options: Options, services: tuple[str, ...]) -> int:
    """Clear backoff and quarantine and try again at once."""
    return _act(options, Wish("retry", services))


@click.command()
@_services
@takes_options()
def pause(options: Options, services: tuple[str, ...]) -> int:
    """Leave services alone until `resume`: nothing is started, stopped or replaced."""
    return _act(options, Wish("pause", services))


@click.command()
@_services
@takes_options()
def resume(options: Options, services: tuple[str, ...]) -> int:
    """End a pause."""
    return _act(options, Wish("resume", services))


@click.command()
@_stack
@takes_options()
def adopt(options: Options, stack: str | None) -> int:
    """Take a running project over although that replaces something (condition AdoptionHeld)."""
    return _act(_on_stack(options, stack), Wish("adopt"))


@click.command()
@_stack
@click.option("--plan", "rehearse", is_flag=True, help="Only show what would be done.")
@click.option("--confirm", is_flag=True, help="Also where more is used now than a limit given back: see `resources`.")
@takes_options()
def release(options: Options, stack: str | None, rehearse: bool, confirm: bool) -> int:
    """Give a project back: afterwards `docker compose up -d` by hand changes nothing."""
    if rehearse:
        return _rehearse_release(_on_stack(options, stack))
    return _act(_on_stack(options, stack), Wish("release", confirm=confirm))


def _rehearse_release(options: Options) -> int:
    from controller.cli.failures import warn_all
    from controller.cli.plan import print_plans
    from controller.cli.session import open_session

    with open_session(options) as session:
        plans = session.plan(Wish("release"))
        warnings = session.warnings
    warn_all(warnings, options)
    print_plans(plans, options)
    return 0


@click.command()
@_stack
@takes_options()
def confirm(options: Options, stack: str | None) -> int:
    """Let a held mass removal happen (condition MassRemovalHeld)."""
    return _act(_on_stack(options, stack), Wish("confirm"))


@click.command()
@click.argument("stack", required=False)
@click.option("--all", "everything", is_flag=True, help="All of the stack's containers and networks.")
@takes_options()
def prune(options: Options, stack: str | None, everything: bool) -> int:
    """Remove containers of services that are gone; with --all STACK, all of them and the networks. Never volumes."""
    if everything and not (stack or options.stacks):
        raise click.UsageError("prune --all needs the name of a stack")
    return _act(_on_stack(options, stack), Wish("prune", everything=everything))
