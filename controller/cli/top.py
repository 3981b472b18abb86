"""`top`: what services and machine use, redrawn in place on a terminal until somebody has seen enough."""

from __future__ import annotations

import os
import select
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from controller.cli.options import Options, takes_options

if TYPE_CHECKING:
    from controller.loop.session import Session
    from controller.model.usage import Usage

_EVERY = 2.0
_LEAVE = (b"q", b"Q", b"\x04", b"")
"""Keys that end it; the last one is no key: whoever pressed them has gone."""

_ENTER, _EXIT = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME, _REST_OF_LINE, _REST = "\x1b[H", "\x1b[K", "\x1b[J"


@click.command()
@click.argument("names", nargs=-1, metavar="[SERVICE]...")
@click.option("--sort", type=click.Choice(("name", "cpu", "memory")), default="cpu", help="What comes first.")
@takes_options()
def top(options: Options, names: tuple[str, ...], sort: str) -> int:
    """What services and machine use: live on a terminal (q ends it), once elsewhere. Needs no running controller."""
    from controller.cli.session import open_session
    from controller.cli.terminal import print_data, print_lines
    from controller.cli.usage import choose, take_whole
    from controller.render.usage import usage_data

    with open_session(options) as session:
        stacks = choose(session, names)
        if not options.structured and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb":
            _follow(session, names, lambda usage: _lines(usage, sort, options))
            return 0
        usage = take_whole(session.gauge(), stacks)
    if options.structured:
        print_data(usage_data(usage), options)
    else:
        print_lines(_lines(usage, sort, options))
    return 0


def _lines(usage: Usage, sort: str, options: Options) -> list[str]:
    from controller.cli.terminal import paint_for, width_for
    from controller.render.machine import host_lines, machine_lines
    from controller.render.usage import usage_lines

    paint, wide = paint_for(options), options.output == "wide"
    width = None if wide else width_for()
    machine = machine_lines(usage, paint=paint) if wide else host_lines(usage.host, paint=paint, width=width)
    return [*machine, "", *usage_lines(usage, sort=sort, wide=wide, paint=paint, width=width)]


def _follow(session: Session, names: Sequence[str], lines_of: Callable[[Usage], list[str]]) -> None:
    """Draw every two seconds; the first two pictures are a second apart, for then there are rates."""
    from controller.cli.usage import choose
    from controller.model.errors import EngineError

    gauge, said = session.gauge(), ""
    with _whole_screen():
        while True:
            try:
                usage = gauge.take(choose(session, names))
                _draw(lines_of(usage))
                said = ""
            except EngineError as error:
                said = f"{error.message}; waiting for it"
                _draw([said])
            if _is_left(1.0 if gauge.first and not said else _EVERY):
                return


def _draw(lines: Sequence[str]) -> None:
    """Over the last picture, without a flicker; what does not fit is left out."""
    shown = lines[: max(1, shutil.get_terminal_size().lines - 1)]
    text = "".join(f"{line}{_REST_OF_LINE}\r\n" for line in shown)
    sys.stdout.write(f"{_HOME}{text}{_REST}")
    sys.stdout.flush()


def _is_left(seconds: float) -> bool:
    """Wait so long for a key; whether it was one that ends this."""
    if not sys.stdin.isatty():
        time.sleep(seconds)
        return False
    ends_at = time.monotonic() + seconds
    while (left := ends_at - time.monotonic()) > 0:
        if select.select([sys.stdin], [], [], left)[0] and os.read(sys.stdin.fileno(), 1) in _LEAVE:
            return True
    return False


@contextmanager
def _whole_screen() -> Iterator[None]:
    """The terminal's other screen, keys as they are pressed; as it was before when this ends, however it does."""
    import termios
    import tty

    keys = sys.stdin.fileno() if sys.stdin.isatty() else None
    before = termios.tcgetattr(keys) if keys is not None else None
    try:
        if keys is not None:
            tty.setcbreak(keys)
        sys.stdout.write(_ENTER)
        yield
    finally:
        sys.stdout.write(_EXIT)
        sys.stdout.flush()
        if keys is not None and before is not None:
            termios.tcsetattr(keys, termios.TCSADRAIN, before)
