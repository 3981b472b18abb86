"""`scan`: what in a definition, and in what runs, lets others do what they should not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from controller.cli.options import Options, takes_options

if TYPE_CHECKING:
    from controller.cli.scanned import Scanned

SEVERITIES = ("info", "low", "medium", "high", "critical")


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]…")
@click.option("--fail-on", type=click.Choice(SEVERITIES), help="Exit code 1 where a finding is at least as bad.")
@click.option("--fix", is_flag=True, help="Write a Compose override with what can be mended by itself, and show it.")
@click.option("--source", type=click.Choice(("all", "compose", "running")), default="all", help="Where to look.")
@takes_options(outputs=("sarif",))
def scan(options: Options, services: tuple[str, ...], fail_on: str | None, fix: bool, source: str) -> int:
    """Look for what is insecure: in Compose files, and in what runs of them.

    Needs no engine and no image; with an engine, running containers are compared with their files, too. Exit code 0
    whatever is found, unless --fail-on says otherwise.
    """
    from controller.cli.engine import open_engine
    from controller.cli.failures import say_findings, warn_all
    from controller.cli.scanned import scan_all
    from controller.model.scanning import FindingSeverity, gated

    threshold = FindingSeverity(fail_on) if fail_on else None
    with open_engine(options) as engine:
        scanned = scan_all(options, engine, services, source)
    _print(scanned, threshold, options, fix=fix)
    say_findings(scanned.errors)
    warn_all(scanned.warnings, options)
    return 1 if scanned.errors or gated(scanned.findings, threshold) else 0


def _print(scanned: Scanned, threshold: Any, options: Options, *, fix: bool) -> None:
    from controller.cli.terminal import note, paint_for, print_data, print_lines
    from controller.render.scan import findings_data, findings_lines, sarif, summary_line

    for told in scanned.notes:
        note(told, options)
    if options.output == "sarif":
        from pathlib import Path

        from controller import __version__
        from controller.security.scan import all_rules

        print_data(sarif(scanned.findings, all_rules(), __version__, str(Path.cwd())), options)
    elif options.structured:
        print_data(findings_data(scanned.findings), options)
    elif options.output == "name":
        print_lines(sorted({f"{one.rule.id}/{one.service or ''}" for one in scanned.findings}))
    else:
        paint = paint_for(options)
        print_lines(findings_lines(scanned.findings, paint=paint))
        print_lines([summary_line(scanned.findings, threshold, len(scanned.services), paint=paint)])
