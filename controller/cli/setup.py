"""`version` and `completion`: what needs neither manifests nor an engine."""

from __future__ import annotations

import sys

import click

from controller import __version__
from controller.cli.options import Options, takes_options

_SHELLS = ("bash", "zsh", "fish")
_HOW = {
    "bash": 'eval "$(controller completion bash)"   # in ~/.bashrc',
    "zsh": 'eval "$(controller completion zsh)"   # in ~/.zshrc, after compinit',
    "fish": "controller completion fish > ~/.config/fish/completions/controller.fish",
}


@click.command()
@takes_options()
def version(options: Options) -> None:
    """Version of this program and of the Python that it runs on."""
    python = ".".join(str(part) for part in sys.version_info[:3])
    if options.output == "json":
        import json

        click.echo(json.dumps({"version": __version__, "python": python}))
    elif options.output == "yaml":
        click.echo(f"version: {__version__}\npython: {python}")
    elif options.output == "wide":
        click.echo(f"controller {__version__} (Python {python}, {sys.prefix})")
    else:
        click.echo(__version__ if options.output == "name" else f"controller {__version__}")


@click.command(epilog="\b\n" + "\n".join(f"{shell:5} {line}" for shell, line in _HOW.items()))
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell."""
    from click.shell_completion import get_completion_class

    script = get_completion_class(shell)
    if script is None:
        raise click.UsageError(f"no completion for {shell}", context)
    click.echo(script(context.find_root().command, {}, "controller", "_CONTROLLER_COMPLETE").source())
