"""The command `controller`: finds the sub-command, runs it, turns every failure into one clear line and a code."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from typing import Any, NoReturn

import click

from controller import __version__
from controller.cli.catalogue import CATALOGUE
from controller.cli.failures import report
from controller.cli.options import shared_options

_INTERRUPTED = 130


class LazyGroup(click.Group):
    """Loads the module of a sub-command when that command is called, and not for the help of all."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [entry.word for _, entries in CATALOGUE for entry in entries]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for _, entries in CATALOGUE:
            for entry in entries:
                if entry.word == cmd_name:
                    module, attribute = entry.place.split(":")
                    command: click.Command = getattr(import_module(f"controller.cli.{module}"), attribute)
                    return command
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            from controller.intake.findings import suggest  # loaded for whoever mistypes

            near = suggest(args[0], self.list_commands(ctx))
            raise click.UsageError("; ".join(filter(None, (f"there is no command '{args[0]}'", near))), ctx)
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_commands(ctx, formatter)
        click.Command.format_options(self, ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, entries in CATALOGUE:
            with formatter.section(title):
                formatter.write_dl([(entry.word, entry.summary) for entry in entries], col_max=12)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
    epilog="Options may stand before or after the command. Each command has a --help.",
)
@click.version_option(__version__, "-V", "--version", message="%(version)s")
@shared_options
@click.pass_context
def controller(context: click.Context, /, **given: Any) -> None:
    """Keep Docker Compose stacks in the state that their manifests describe."""
    context.obj = given
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def entry(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and end the process with its exit code (docs/cli.md, exit codes)."""
    collect_seldom()
    show_what_can_be_shown()
    code = run(sys.argv[1:] if arguments is None else arguments)
    if code == _INTERRUPTED or any(
        not one.daemon for one in threading.enumerate() if one is not threading.main_thread()
    ):
        _leave_at_once(code)
    sys.exit(code)


def _leave_at_once(code: int) -> NoReturn:
    """Wait for no thread: a Ctrl-C between a lock and its `with` leaves the lock held for ever (`threading.Condition`),
    and a hand of a pool may be at a plan or a scrape of which nobody wants to know any more.

    Nothing is lost by it: locks are the kernel's, and what is on the disk outlives a SIGKILL.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def collect_seldom() -> None:
    """Our values seldom form cycles: to look for them at every 700th takes a tenth of what a command computes."""
    gc.set_threshold(20_000, 20, 20)


def show_what_can_be_shown() -> None:
    """A terminal of few characters shows `?` for one that it has not: a dot in a line is no reason to end."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.encoding.lower() not in ("utf-8", "utf8"):
            stream.reconfigure(errors="replace")


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns its exit code. Every foreseen failure is printed, never raised."""
    try:
        result = controller.main(args=list(arguments), prog_name="controller", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (KeyboardInterrupt, click.Abort):
        return _INTERRUPTED
    except Exception as error:
        if os.environ.get("CONTROLLER_DEBUG"):
            raise
        return report(error)
    return result if isinstance(result, int) else 0
