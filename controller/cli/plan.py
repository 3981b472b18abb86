"""`plan`: the rehearsal, printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from controller.cli.options import Options, takes_options

if TYPE_CHECKING:
    from controller.model.plan import Plan


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 if there are changes.")
@takes_options()
def plan(options: Options, services: tuple[str, ...], detailed_exitcode: bool) -> int:
    """Show what apply would do, in what order, and how long it takes. Changes nothing.

    Times are estimates from earlier starts; unknown before a service was started twice.
    """
    from controller.cli.failures import warn_all
    from controller.cli.session import open_session
    from controller.model.wish import Wish

    with open_session(options) as session:
        plans = session.plan(Wish("apply", services, profile=options.profile))
        warnings = session.warnings
    warn_all(warnings, options)
    print_plans(plans, options)
    return 2 if detailed_exitcode and any(each.steps for each in plans) else 0


def print_plans(plans: Sequence[Plan], options: Options) -> None:
    """Print plans in the form that was asked for."""
    from controller.cli.terminal import paint_for, print_data, print_lines
    from controller.render.data import plan_data
    from controller.render.plan import plan_lines

    if options.structured:
        print_data(plan_data(plans), options)
    elif options.output == "name":
        print_lines(dict.fromkeys(f"{step.stack}/{step.service}" for each in plans for step in each.steps))
    else:
        print_lines(plan_lines(plans, paint=paint_for(options)))
