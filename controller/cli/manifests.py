"""`schema`, `validate` and `render`: what is written, before anything is done about it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from controller.cli.options import Options, takes_options

if TYPE_CHECKING:
    from controller.cli.reading import Reading


@click.command()
@takes_options()
def schema(options: Options) -> None:
    """Print the JSON Schema of the manifests, for editors.

    Put `# yaml-language-server: $schema=schema.json` on the first line of a manifest to have it completed and checked.
    """
    from controller.cli.terminal import print_data
    from controller.model.manifest import schema as make_schema

    print_data(make_schema(), options)


@click.command()
@takes_options()
def validate(options: Options) -> int:
    """Check manifests and Compose files. Changes nothing, needs no engine. Exit code 1 if something is wrong."""
    from controller.cli.engine import open_engine
    from controller.cli.failures import say_findings, warn_all
    from controller.cli.reading import read_all
    from controller.cli.terminal import note, print_data
    from controller.render.data import findings_data

    with open_engine(options) as engine:
        reading = read_all(options, engine)
    for told in reading.notes:
        note(told, options)
    if options.structured:
        print_data(findings_data(reading.errors), options)
    else:
        _print_valid(reading, options)
        say_findings(reading.errors)
    warn_all((finding for read in reading.reads for finding in read.warnings), options)
    return 1 if reading.errors else 0


def _print_valid(reading: Reading, options: Options) -> None:
    from controller.render.paint import clean
    from controller.render.text import count

    for read in reading.reads:
        if read.stack is not None:
            text = f"{read.name}  valid, {count(len(read.stack.services), 'service')}  {read.place}"
            print(read.name if options.output == "name" else clean(text))


@click.command()
@takes_options()
def render(options: Options) -> int:
    """Print each project as Compose makes it of its files: one YAML document a stack, or JSON.

    This shows interpolated values, secrets among them.
    """
    from controller.cli.engine import open_engine
    from controller.cli.reading import read_all
    from controller.cli.terminal import print_data

    with open_engine(options) as engine:
        reads = read_all(options, engine).whole().reads
    models = [read.rendered.model for read in reads if read.rendered is not None]
    if options.output == "json":
        print_data(models[0] if len(models) == 1 else models, options)
        return 0
    import yaml

    plain = [json.loads(json.dumps(model, default=dict)) for model in models]
    print(yaml.safe_dump_all(plain, sort_keys=False, allow_unicode=True, explicit_start=len(plain) > 1), end="")
    return 0
