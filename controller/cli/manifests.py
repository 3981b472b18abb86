"""`schema`, `validate` and `render`: what is written, before anything is done about it."""

from __future__ import annotations

import click

from controller.cli.options import Options, takes_options


@click.command()
@takes_options()
def schema(options: Options) -> None:
    """Print the JSON Schema of the manifests, for editors.

    Put `# yaml-language-server: $schema=schema.json` on the first line of a manifest to have it completed and checked.
    """
    from controller.cli.terminal import print_data
    from controller.model.manifest import schema as make_schema

    print_data(make_schema(), options)
