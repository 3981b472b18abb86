"""`resources`: limits beside what is used under them, and what becomes of the ones that follow use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from controller.cli.options import Options, takes_options
from controller.cli.parameters import DURATION
from controller.model.wish import Wish

if TYPE_CHECKING:
    from controller.model.advice import StackLimits
    from controller.model.status import StackStatus


class _ShowsByDefault(click.Group):
    """What is no sub-command is a service to show."""

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(context, args[0]) is None:
            args = ["show", *args]
        return super().resolve_command(context, args)


@click.group(cls=_ShowsByDefault, invoke_without_command=True)
@takes_options()
def resources(options: Options) -> int:
    """Limits beside what is used, and what is recommended; without a sub-command: show them."""
    if click.get_current_context().invoked_subcommand is not None:
        return 0
    return show_limits(options, ())


_services = click.argument("services", nargs=-1, required=True, metavar="SERVICE...")
_timeout = click.option("--timeout", type=DURATION, default=600.0, help="Give up after so long without progress [10m].")


@resources.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@takes_options()
def show(options: Options, services: tuple[str, ...]) -> int:
    """Reserved, limit (* adjusted), used now, 95% of the time at most, recommended, and why."""
    return show_limits(options, services)


def show_limits(options: Options, names: Sequence[str]) -> int:
    """Print them: of all services, or of these."""
    from controller.cli.session import open_session
    from controller.cli.terminal import paint_for, print_data, print_lines, width_for
    from controller.cli.usage import choose, take_whole
    from controller.render.resources import limit_lines, limits_data

    with open_session(options) as session:
        stacks = choose(session, names)
        found = session.limits(take_whole(session.gauge(), stacks))
    shown = _narrow(found, stacks)
    if options.structured:
        print_data(limits_data(shown), options)
    elif options.output == "name":
        print_lines(f"{stack.name}/{one.name}" for stack in shown for one in stack.services)
    else:
        wide = options.output == "wide"
        print_lines(limit_lines(shown, wide=wide, paint=paint_for(options), width=None if wide else width_for()))
    return 0


def _narrow(found: Sequence[StackLimits], stacks: Sequence[StackStatus]) -> list[StackLimits]:
    """What is meant of it."""
    wanted = {stack.name: {service.name for service in stack.services} for stack in stacks}
    return [
        replace(stack, services=tuple(one for one in stack.services if one.name in wanted[stack.name]))
        for stack in found
        if stack.name in wanted
    ]


def _act(options: Options, wish: Wish) -> int:
    from controller.cli.acts import converge

    return converge(options, wish)


@resources.command()
@_services
@click.option(
    "--confirm",
    is_flag=True,
    help="Also where it may use more now than its own limit: the kernel kills it.",
)
@_timeout
@takes_options()
def undo(options: Options, services: tuple[str, ...], confirm: bool, timeout: float) -> int:
    """Back to the Compose file's limits, in place; they stay so until `resources resume`, or until the manifest says
    something else of them."""
    return _act(options, Wish("resources-undo", services, confirm=confirm, timeout=timeout))


@resources.command()
@_services
@_timeout
@takes_options()
def apply(options: Options, services: tuple[str, ...], timeout: float) -> int:
    """Take what is recommended now, once and within the bounds, whatever `autoAdjust.mode` says."""
    return _act(options, Wish("resources-apply", services, timeout=timeout))


@resources.command()
@_services
@takes_options()
def resume(options: Options, services: tuple[str, ...]) -> int:
    """Let limits follow use again after `resources undo`."""
    return _act(options, Wish("resources-resume", services))
