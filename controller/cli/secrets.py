"""`secrets`: values that containers get as files. They come by standard input or from a file, never as an argument."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.cli.options import Options, takes_options

if TYPE_CHECKING:
    from controller.model.secret import SecretSet

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_name = click.argument("name", metavar="NAME")


@click.group(invoke_without_command=True)
@takes_options()
def secrets(options: Options) -> int:
    """Values that the controller keeps encrypted and gives to containers as files; without a sub-command: list them."""
    return 0 if click.get_current_context().invoked_subcommand is not None else _list(options)


@secrets.command("list")
@takes_options()
def list_secrets(options: Options) -> int:
    """Names, versions, ages and users; never a value."""
    return _list(options)


def _list(options: Options) -> int:
    import time

    from controller.cli.session import open_session
    from controller.cli.terminal import paint_for, print_data, print_lines, width_for
    from controller.render.secrets import secrets_data, secrets_lines

    with open_session(options) as session:
        found = session.secrets().show()
    if options.structured:
        print_data(secrets_data(found), options)
    elif options.output == "name":
        print_lines(f"{stack.stack}/{one.name}" for stack in found for one in stack.secrets)
    else:
        width = None if options.output == "wide" else width_for()
        print_lines(secrets_lines(found, time.time(), paint=paint_for(options), width=width))
    return 0


@secrets.command("set")
@_name
@click.option("--from-file", "file", type=_FILE, help="Take the value from this file, as it is.")
@takes_options()
def set_secret(options: Options, name: str, file: Path | None) -> int:
    """Set a secret to what comes by standard input, less one newline at its end, or to what a file holds."""
    from controller.cli.session import open_session

    value = read_value(file)
    with open_session(options) as session:
        return _told(session.secrets().put({name: value}), options)


@secrets.command("import")
@click.argument("file", metavar="FILE", type=_FILE)
@click.option("--prefix", default="", help="Only variables that begin with this, without it.")
@takes_options()
def import_secrets(options: Options, file: Path, prefix: str) -> int:
    """Set a secret for each variable of an env file, all or none; in lower case where that name is managed."""
    from controller.cli.session import open_session

    values = read_variables(file, prefix)
    with open_session(options) as session:
        desk = session.secrets()
        known = {one.name for stack in desk.show() for one in stack.secrets if one.managed}
        named = {_as_managed(name, known): value for name, value in values.items()}
        return _told(desk.put(named), options)


@secrets.command()
@_name
@click.option("--generate", "length", type=click.IntRange(16, 4096), default=32, help="Of so many characters [32].")
@takes_options()
def rotate(options: Options, name: str, length: int) -> int:
    """Give a secret a new random value of letters and digits, that nobody is shown."""
    from controller.cli.session import open_session

    with open_session(options) as session:
        return _told([session.secrets().rotate(name, length)], options)


@secrets.command()
@_name
@takes_options()
def remove(options: Options, name: str) -> int:
    """Forget a secret that no service is given."""
    from controller.cli.session import open_session
    from controller.cli.terminal import print_data, print_lines
    from controller.render.secrets import set_data

    with open_session(options) as session:
        done = session.secrets().remove(name)
    if options.structured:
        print_data(set_data([done]), options)
    else:
        print_lines([f"{done.stack}/{done.name}: removed"])
    return 0


@secrets.command("rotate-key")
@click.option("--new-key-file", "new", type=_FILE, help="The next key; without it one is made.")
@takes_options()
def rotate_key(options: Options, new: Path | None) -> int:
    """Bring everything that is encrypted under another key, of every stack; goes on where it was broken off."""
    from controller.cli.terminal import print_data, print_lines
    from controller.loop.keyturn import turn_recorded
    from controller.loop.store import state_dir

    done = turn_recorded(state_dir(os.environ, os.geteuid()), os.environ, new)
    if options.structured:
        data = {"keyId": done.key_id, "brought": done.brought, "records": done.under, "left": done.left}
        print_data({**data, "still": done.still}, options)
        return 0
    print_lines([f"key {done.key_id} is in use: {done.under} records, {done.left} records on the old key"])
    if done.still:
        print_lines([f"still to do: {done.still}"])
    return 0


def read_value(file: Path | None) -> bytes:
    """What is to be kept: of a terminal it is asked for unseen."""
    if file is not None:
        return file.read_bytes()
    if sys.stdin.isatty():
        return str(click.prompt("value", hide_input=True, err=True)).encode()
    return sys.stdin.buffer.read().removesuffix(b"\n")


def read_variables(file: Path, prefix: str) -> dict[str, bytes]:
    """Those that are given a value. Raises ControllerError where there are none."""
    from controller.intake.interpolation import parse_env
    from controller.intake.source import read_env
    from controller.model.errors import ControllerError

    found = parse_env(read_env(file).text)
    values = {name.removeprefix(prefix): value for name, value in found.items() if value and name.startswith(prefix)}
    if not values:
        begin = f" that begins with {prefix}" if prefix else ""
        raise ControllerError(f"{file}: there is no variable with a value{begin}", hint="NAME=value, one a line")
    return {name: value.encode() for name, value in values.items()}


def _as_managed(name: str, known: set[str]) -> str:
    return name.lower() if name not in known and name.lower() in known else name


def _told(done: Sequence[SecretSet], options: Options) -> int:
    from controller.cli.terminal import print_data, print_lines
    from controller.render.secrets import set_data, set_lines

    if options.structured:
        print_data(set_data(done), options)
    else:
        print_lines(set_lines(done))
    return 0
