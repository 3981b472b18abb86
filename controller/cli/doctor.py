"""`doctor`: is this machine fit, and if not, how to mend it."""

from __future__ import annotations

import click

from controller.cli.options import Options, takes_options


@click.command()
@takes_options()
def doctor(options: Options) -> int:
    """Check engine, Compose and machine, and say how to mend them. Exit code 1 if a check fails."""
    import os

    from controller.cli.checks.facts import sense
    from controller.cli.checks.judge import Verdict, judge
    from controller.cli.render.checks import check_data, check_lines
    from controller.cli.terminal import paint_for, print_data, print_lines
    from controller.loop.store import state_dir

    checks = judge(sense(state_dir(os.environ, os.geteuid())))
    if options.structured:
        print_data(check_data(checks), options)
    else:
        print_lines(check_lines(checks, paint=paint_for(options)))
    return 1 if any(check.verdict is Verdict.FAIL for check in checks) else 0
