"""`scan`: what in a definition, and in what runs, lets others do what they should not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from controller.cli.options import Options, takes_options

if TYPE_CHECKING:
    from controller.cli.gated import Gated
    from controller.cli.hardening import Hardening
    from controller.cli.scanned import Scanned
    from controller.engines.base import Engine

SEVERITIES = ("info", "low", "medium", "high", "critical")


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]…")
@click.option("--fail-on", type=click.Choice(SEVERITIES), help="Exit code 1 where a finding is at least as bad.")
@click.option("--gate", is_flag=True, help="Exit code 1 where the manifest's own failOn bars a service.")
@click.option("--fix", is_flag=True, help="Write a Compose override with what can be mended by itself, and show it.")
@click.option("--source", type=click.Choice(("all", "compose", "running")), default="all", help="Where to look.")
@takes_options(outputs=("sarif",))
def scan(options: Options, services: tuple[str, ...], fail_on: str | None, gate: bool, fix: bool, source: str) -> int:
    """Look for what is insecure: in Compose files, and in what runs of them.

    Needs no engine and no image; with an engine, running containers are compared with their files, too. Exit code 0
    whatever is found, unless --fail-on says otherwise.
    """
    from controller.cli.engine import open_engine
    from controller.cli.failures import say_findings, warn_all
    from controller.cli.scanned import scan_all
    from controller.cli.terminal import note
    from controller.model.scanning import FindingSeverity, gated

    threshold = FindingSeverity(fail_on) if fail_on else None
    with open_engine(options) as engine:
        scanned = scan_all(options, engine, services, source)
        made = _harden(engine, scanned) if fix and not scanned.errors else ()
        barred, unknown = _ask_gate(engine, scanned, services) if gate else ((), ())
    _print(scanned, made, threshold, options)
    if fix:
        _tell_fixed(scanned, made, options)
    for told in barred:
        note(told, options)
    say_findings(errors := (*scanned.errors, *(one for one in unknown if one not in scanned.errors)))
    warn_all(scanned.warnings, options)
    return 1 if errors or barred or gated(scanned.findings, threshold) else 0


def _ask_gate(engine: Engine, scanned: Scanned, services: Sequence[str]) -> Gated:
    from controller.cli.gated import find_gated

    return find_gated(engine, scanned.stacks, services)


def _harden(engine: Engine, scanned: Scanned) -> tuple[Hardening, ...]:
    from controller.cli.hardening import harden

    return tuple(harden(engine, scanned.stacks))


def _tell_fixed(scanned: Scanned, made: Sequence[Hardening], options: Options) -> None:
    """What was written, for people; to programs it is told with the findings."""
    from controller.cli.terminal import note, paint_for, print_lines
    from controller.render.hardening import diff_lines
    from controller.security.reading import mapping

    text = not options.structured and options.output not in ("sarif", "name")
    for one in made:
        if text:
            services = mapping(one.stack.written.rendered.model.get("services"))
            print_lines(["", *diff_lines(one.mends, services, paint=paint_for(options))])
        note(f"{one.file} written: {one.before} findings in the files without it, {one.after} with it", options)
        note(one.use, options)
    if not made:
        why = "the files are to be mended first" if scanned.errors else "nothing of this can be mended by itself"
        note(f"nothing was written: {why}", options)


def _print(scanned: Scanned, made: Sequence[Hardening], threshold: Any, options: Options) -> None:
    from controller.cli.terminal import note, paint_for, print_data, print_lines
    from controller.render.scan import findings_lines, sarif, scan_data, summary_line

    for told in scanned.notes:
        note(told, options)
    if options.output == "sarif":
        from pathlib import Path

        from controller import __version__
        from controller.security.scan import all_rules

        root = str(Path.cwd())
        print_data(sarif(scanned.findings, all_rules(), __version__, root, scanned.errors), options)
    elif options.structured:
        data = scan_data(scanned.findings, scanned.errors)
        written = [{"file": str(one.file), "before": one.before, "after": one.after} for one in made]
        print_data(data | ({"written": written} if written else {}), options)
    elif options.output == "name":
        print_lines(sorted({f"{one.rule.id}/{one.service or ''}" for one in scanned.findings}))
    else:
        paint = paint_for(options)
        print_lines(findings_lines(scanned.findings, paint=paint))
        print_lines([summary_line(scanned.findings, threshold, len(scanned.services), paint=paint)])
