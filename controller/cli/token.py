"""`token`: keys to the API and the dashboard."""

from __future__ import annotations

import os

import click

from controller.cli.options import Options, takes_options


@click.group()
def token() -> None:
    """Keys to the API and the dashboard."""


@token.command()
@takes_options()
def link(options: Options) -> int:
    """Print a link that opens the dashboard of the running controller, once, within an hour."""
    from controller.cli.engine import open_engine
    from controller.cli.terminal import print_lines
    from controller.loop.store import stack_dir, state_dir
    from controller.model.errors import ControllerError
    from controller.web.keys import Address, Keys, read_token

    root = state_dir(os.environ, os.geteuid())
    with open_engine(options) as engine:
        folder = stack_dir(root, engine.info().id, "_controller")
    address = Address.read(folder)
    if address is None:
        raise ControllerError("no controller serves a dashboard here", hint="controller run --watch")
    print_lines([address.link(Keys(read_token(root), address.epoch).make_code())])
    return 0
