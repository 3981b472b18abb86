"""`netcheck`: who reaches whom in a stack, found out by connecting."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from controller.cli.options import Options, takes_options

if TYPE_CHECKING:
    from controller.loop.netcheck import Asked, Checked, Progress

_EVERY = 0.1
"""Seconds between two words of how far it is."""


@click.command()
@click.argument("pairs", nargs=-1, metavar="[FROM TO[:PORT]]...")
@takes_options()
def netcheck(options: Options, pairs: tuple[str, ...]) -> int:
    """Connect from each running service to every TCP port of each other, and compare with the declared edges.

    An edge is depends_on, links and their like, or dependsOn and connectsTo in the manifest. Exit code 1 on a
    difference, or where one may be that could not be checked: what is declared has to be reachable, and under
    `networkPolicy: dependencies` nothing else may be.
    """
    from controller.cli.session import open_session

    asked = read_pairs(pairs)
    with open_session(options) as session, _progress(options) as progress:
        checked = session.netcheck(asked, progress)
    _print(checked, options)
    return 1 if any(one.reach.differences or one.reach.unchecked for one in checked) else 0


def read_pairs(words: Sequence[str]) -> tuple[Asked, ...]:
    """FROM TO[:PORT], any number of times. Raises click's UsageError."""
    from controller.loop.netcheck import Asked

    if len(words) % 2:
        raise click.UsageError("give pairs: FROM TO, or FROM TO:PORT")
    return tuple(Asked(source, *_read_target(target)) for source, target in zip(words[::2], words[1::2], strict=True))


def _read_target(word: str) -> tuple[str, int | None]:
    name, colon, port = word.partition(":")
    if not colon:
        return name, None
    if not (port.isdecimal() and 0 < int(port) < 65536):
        raise click.UsageError(f"'{port}' is no port: give {name}:8080, or {name} for all of them")
    return name, int(port)


@contextmanager
def _progress(options: Options) -> Iterator[Progress]:
    """How far it is, on a terminal alone."""
    shows, told_at = sys.stderr.isatty() and options.verbosity >= 0, 0.0

    def tell(stack: str, done: int, of: int) -> None:
        nonlocal told_at
        if shows and time.monotonic() - told_at > _EVERY:
            told_at = time.monotonic()
            sys.stderr.write(f"\r{stack}: {done} of {of} connections tried\x1b[K")
            sys.stderr.flush()

    try:
        yield tell
    finally:
        if shows:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _print(checked: Sequence[Checked], options: Options) -> None:
    from controller.cli.terminal import has_blocks, paint_for, print_data, print_lines, width_for
    from controller.render.netcheck import Look, netcheck_data, netcheck_lines, pair_names

    if options.structured:
        print_data(netcheck_data(checked), options)
    elif options.output == "name":
        print_lines(pair_names(checked))
    else:
        wide = options.output == "wide"
        look = Look(paint_for(options), None if wide else width_for(), has_blocks(), wide)
        print_lines(netcheck_lines(checked, look))
