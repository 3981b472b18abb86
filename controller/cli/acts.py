"""What every acting command has in common: open, act with progress, print what came of it, give the exit code."""

from __future__ import annotations

from collections.abc import Sequence

from controller.cli.failures import say, warn_all
from controller.cli.live import open_screen
from controller.cli.options import Options
from controller.cli.session import open_session
from controller.cli.terminal import paint_for, print_data, print_lines
from controller.model.applied import StackResult
from controller.model.wish import Wish
from controller.render.plan import plan_lines
from controller.render.result import result_data, result_lines


def converge(options: Options, wish: Wish) -> int:
    """Act on the targets and report; 0 if every stack came to what was asked, else 1."""
    with open_session(options) as session:
        with open_screen(options) as screen:
            results = session.act(wish, screen)
        warn_all(session.warnings, options)
        held = any(result.outcome == "held" for result in results)
        if held and not options.structured and options.output != "name":
            print_lines(plan_lines(session.plan(wish), paint=paint_for(options)))
        return report_results(results, options)


def report_results(results: Sequence[StackResult], options: Options) -> int:
    """Print the results; a stack that failed says why on stderr."""
    if options.structured:
        print_data(result_data(results), options)
    elif options.output == "name":
        print_lines(result.stack for result in results)
    else:
        print_lines(result_lines(results, paint=paint_for(options)))
    for result in results:
        if not result.ok:
            say(f"{result.stack}: {result.message or result.outcome}", hint=result.hint)
    return 0 if all(result.ok for result in results) else 1
