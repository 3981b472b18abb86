"""`ide`: the editor set up for manifests, and the line for prompts and status bars."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from controller.cli.options import Options, takes_options

if TYPE_CHECKING:
    from controller.cli.editor import Change


@click.group()
def ide() -> None:
    """Set the editor up for manifests, and show stacks in a prompt or a status bar."""


@ide.command(short_help="Set the editor up for the manifests here.")
@click.option("--yes", is_flag=True, help="Write without asking.")
@click.option("--dry-run", is_flag=True, help="Only show what would be written.")
@takes_options()
def init(options: Options, yes: bool, dry_run: bool) -> int:
    """Set the editor up for the manifests of this folder: schema, tasks, recommended extensions.

    What is there stays as it is, comments and all: only what is missing comes, and what an earlier call put in and
    marked as its own is renewed. Shown first, then asked for.
    """
    from pathlib import Path

    from controller.cli.editor import decide, find_here, remarks, write
    from controller.cli.failures import say, warn_all
    from controller.cli.terminal import note

    folder = Path.cwd()
    manifests = find_here(folder, options.files)
    changes = decide(folder, manifests, options.files)
    _show(changes, options)
    warn_all(remarks(folder, manifests), options)
    if not changes:
        note("the editor is set up: nothing is to be done", options)
        return 0
    if dry_run:
        return 0
    if not (yes or _can_ask()):
        say("nothing was written: nobody can be asked here", hint=_again(options))
        return 1
    if not (yes or _agreed(len(changes))):
        note("nothing was written", options)
        return 0
    write(folder, changes)
    note(f"{len(changes)} files written" if len(changes) > 1 else "1 file written", options)
    return 0


def _show(changes: Sequence[Change], options: Options) -> None:
    from controller.cli.terminal import paint_for, print_data, print_lines
    from controller.render.changes import change_data, change_lines

    if options.structured:
        print_data({"files": [change_data(one.file, one.before) for one in changes]}, options)
    elif options.output == "name":
        print_lines(one.file for one in changes)
    else:
        paint = paint_for(options)
        print_lines(line for one in changes for line in change_lines(one.file, one.before, one.after, paint=paint))


def _can_ask() -> bool:
    """On a terminal alone: elsewhere nobody would answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _agreed(count: int) -> bool:
    return click.confirm(f"Write {count} files?" if count > 1 else "Write this file?", err=True)


def _again(options: Options) -> str:
    return shlex.join(["controller", "ide", "init", *(p for file in options.files for p in ("-f", str(file))), "--yes"])


@ide.command(short_help="One line a stack, for prompts and status bars.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 unless every stack is Converged, and kept.")
@takes_options()
def status(options: Options, exit_code: bool) -> int:
    """One line for each stack of this folder: `rag ● Converged 6/6`; nothing where there is none.

    By what a running controller keeps: asks no engine, takes a blink. Where no controller runs the line says so.
    """
    from controller.cli.indicator import code_of, look, root, show
    from controller.cli.terminal import print_data, print_lines
    from controller.model.errors import ControllerError
    from controller.render.indicator import indicator_data

    seen = look(options.stacks, [str(file) for file in options.files], simulated=options.engine == "simulated")
    unknown = sorted(set(options.stacks) - {one.name for one in seen})
    if unknown:
        hint = "controller status shows what there is; the controller of another user is seen from his folder alone"
        raise ControllerError(f"stack '{unknown[0]}' was never applied here: {root()} knows none", hint=hint)
    if options.structured:
        print_data(indicator_data(seen), options)
    elif options.output == "name":
        print_lines(one.name for one in seen)
    else:
        show(seen, options.color, wide=options.output == "wide")
    return code_of(seen) if exit_code else 0
