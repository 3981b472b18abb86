"""`doctor`: is this machine fit, and if not, how to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from controller.cli.options import Options, takes_options

if TYPE_CHECKING:
    from controller.cli.checks.facts import Facts
    from controller.cli.checks.judge import Check


@click.command()
@takes_options()
def doctor(options: Options) -> int:
    """Check engine, Compose and machine, and say how to mend them. Exit code 1 if a check fails.

    With stacks here or by -f, their files and host ports are checked too.
    """
    import os

    from controller.cli.checks.facts import sense
    from controller.cli.checks.judge import Verdict, judge
    from controller.cli.checks.lines import check_data, check_lines
    from controller.cli.terminal import paint_for, print_data, print_lines
    from controller.loop.store import state_dir

    facts = sense(state_dir(os.environ, os.geteuid()))
    checks = (*judge(facts), *_check_stacks(options, facts))
    if options.structured:
        print_data(check_data(checks), options)
    else:
        print_lines(check_lines(checks, paint=paint_for(options)))
    return 1 if any(check.verdict is Verdict.FAIL for check in checks) else 0


def _check_stacks(options: Options, facts: Facts) -> tuple[Check, ...]:
    """Files and ports of the stacks that are meant; nothing where none was named and none is here."""
    from controller.cli.checks.judge import Check, Verdict
    from controller.cli.checks.ports import check_ports, published, spots, wanted_ports
    from controller.cli.engine import open_engine
    from controller.cli.reading import has_targets, read_all
    from controller.engines.holders import HERE, find_holders
    from controller.model.errors import ControllerError

    if facts.compose.code != 0 or not has_targets(options):
        return ()
    try:
        with open_engine(options) as engine:
            reading = read_all(options, engine)
    except ControllerError as error:
        return (Check("files", Verdict.FAIL, error.message, error.hint or "controller validate"),)
    if reading.errors:
        return (Check("files", Verdict.FAIL, str(reading.errors[0]), "controller validate"),)
    stacks = [read.stack for read in reading.reads if read.stack is not None]
    files = Check("files", Verdict.OK, ", ".join(f"{read.name} ({read.place})" for read in reading.reads))
    wanted = [port for stack in stacks for port in wanted_ports(stack)]
    containers = published(facts.containers)
    holders = find_holders(spots(wanted), containers, HERE if facts.machine.holds_engine else None)
    return (files, check_ports(wanted, containers, holders))
