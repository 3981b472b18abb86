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
@click.option("--timeline", is_flag=True, help="As a chart of who does what when.")
@takes_options()
def plan(options: Options, services: tuple[str, ...], detailed_exitcode: bool, timeline: bool) -> int:
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
    print_plans(plans, options, timeline=timeline)
    return 2 if detailed_exitcode and any(each.steps for each in plans) else 0


def print_plans(plans: Sequence[Plan], options: Options, *, timeline: bool = False) -> None:
    """Print plans in the form that was asked for."""
    from controller.cli.terminal import has_blocks, paint_for, print_data, print_lines, width_for
    from controller.render.data import plan_data
    from controller.render.plan import plan_lines

    if options.structured:
        print_data(plan_data(plans), options)
    elif options.output == "name":
        print_lines(dict.fromkeys(f"{step.stack}/{step.service}" for each in plans for step in each.steps))
    elif timeline:
        from controller.render.timeline import timeline_lines

        paint, plain_text = paint_for(options), not has_blocks()
        print_lines(timeline_lines(plans, paint=paint, width=width_for(), plain_text=plain_text))
    else:
        print_lines(plan_lines(plans, paint=paint_for(options)))
