"""`ide`: the editor set up for manifests, and the line for prompts and status bars."""

from __future__ import annotations

import click

from controller.cli.options import Options, takes_options


@click.group()
def ide() -> None:
    """Set the editor up for manifests, and show stacks in a prompt or a status bar."""


@ide.command()
@click.option("--exit-code", is_flag=True, help="Exit with 1 unless every stack is Converged, and kept.")
@takes_options()
def status(options: Options, exit_code: bool) -> int:
    """One line for each stack of this folder: `rag ● Converged 6/6`; nothing where there is none.

    By what a running controller keeps: asks no engine, takes a blink. Where no controller runs the line says so.
    """
    from controller.cli.indicator import code_of, look, show
    from controller.cli.terminal import print_data, print_lines
    from controller.model.errors import ControllerError
    from controller.render.indicator import indicator_data

    seen = look(options.stacks, [str(file) for file in options.files], simulated=options.engine == "simulated")
    unknown = sorted(set(options.stacks) - {one.name for one in seen})
    if unknown:
        hint = "controller status shows what there is"
        raise ControllerError(f"stack '{unknown[0]}' was never applied here", hint=hint)
    if options.structured:
        print_data(indicator_data(seen), options)
    elif options.output == "name":
        print_lines(one.name for one in seen)
    else:
        show(seen, options.color, wide=options.output == "wide")
    return code_of(seen) if exit_code else 0
