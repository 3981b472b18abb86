"""The command `controller` with its sub-commands, each of which is loaded when it is called."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from controller import __version__
from controller.cli.catalogue import CATALOGUE
from controller.cli.options import shared_options


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
